// A ClickHouse table as a value, and the statements that make it so. What stands here is the whole truth about a table: the
// writer checks its blocks against it, migrations and the document are printed from it.

export interface TableColumn {
  readonly name: string
  readonly type: string
  readonly comment: string
  /** Compression before the table's own; the engine's default where absent. */
  readonly codec?: string
  /** Skip index, for example `bloom_filter(0.01)`. */
  readonly index?: string
  /** Expression the server fills in when a block has no such column. */
  readonly default?: string
  /** Computed when read, not stored; not part of `SELECT *`. */
  readonly alias?: string
}

/** Which of the configured times to keep applies. */
export type RetentionClass = "log" | "seconds" | "minutes" | "always"

export interface Table {
  readonly database: string
  readonly name: string
  readonly comment: string
  readonly columns: ReadonlyArray<TableColumn>
  readonly engine: string
  readonly orderBy: ReadonlyArray<string>
  readonly partitionBy?: string
  readonly retention: RetentionClass
  readonly settings: Readonly<Record<string, string | number>>
}

/** Hours to keep, by class. */
export type Retention = Readonly<Record<Exclude<RetentionClass, "always">, number>>

export const column = (
  name: string,
  type: string,
  comment: string,
  more: Omit<TableColumn, "name" | "type" | "comment"> = {},
): TableColumn => ({ name, type, comment, ...more })

/** The name as statements need it. */
export const qualifiedName = (table: Table): string => `${table.database}.\`${table.name}\``

/** Names of the columns that a block may carry. */
export const storedColumns = (table: Table): ReadonlyArray<string> =>
  table.columns.filter((one) => one.alias === undefined).map((one) => one.name)

export const literal = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`

export const columnDefinition = (one: TableColumn): string => {
  const parts = [`\`${one.name}\` ${one.type}`]
  if (one.default !== undefined) parts.push(`DEFAULT ${one.default}`)
  if (one.alias !== undefined) parts.push(`ALIAS ${one.alias}`)
  parts.push(`COMMENT ${literal(one.comment)}`)
  if (one.codec !== undefined) parts.push(`CODEC(${one.codec})`)
  return parts.join(" ")
}

const indexDefinition = (one: TableColumn): ReadonlyArray<string> =>
  one.index === undefined ? [] : [`INDEX \`${one.name}_idx\` \`${one.name}\` TYPE ${one.index} GRANULARITY 2`]

const ttlExpression = (hours: number): string => `time + toIntervalHour(${hours})`

export const retentionHours = (table: Table, retention: Retention): number | undefined =>
  table.retention === "always" ? undefined : retention[table.retention]

export const createDatabase = (database: string): string =>
  `CREATE DATABASE IF NOT EXISTS ${database} ENGINE = Atomic`

export const createTable = (table: Table, retention: Retention): string => {
  const definitions = [...table.columns.map(columnDefinition), ...table.columns.flatMap(indexDefinition)]
  const hours = retentionHours(table, retention)
  const settings = Object.entries(table.settings).map(
    ([name, value]) => `${name} = ${typeof value === "string" ? literal(value) : value}`,
  )
  return [
    `CREATE TABLE IF NOT EXISTS ${qualifiedName(table)}`,
    `(\n  ${definitions.join(",\n  ")}\n)`,
    `ENGINE = ${table.engine}`,
    ...(table.partitionBy === undefined ? [] : [`PARTITION BY ${table.partitionBy}`]),
    `ORDER BY (${table.orderBy.join(", ")})`,
    ...(hours === undefined ? [] : [`TTL ${ttlExpression(hours)}`]),
    `SETTINGS ${settings.join(", ")}`,
    `COMMENT ${literal(table.comment)}`,
  ].join("\n")
}

/** Undefined for tables that keep everything. Parts already written follow when they are merged or expire. */
export const modifyRetention = (table: Table, retention: Retention): string | undefined => {
  const hours = retentionHours(table, retention)
  if (hours === undefined) return undefined
  return `ALTER TABLE ${qualifiedName(table)} MODIFY TTL ${ttlExpression(hours)} SETTINGS materialize_ttl_after_modify = 0`
}

export const addColumn = (table: Table, name: string): string => {
  const one = table.columns.find((each) => each.name === name)
  if (one === undefined) throw new Error(`${qualifiedName(table)} has no column ${name}`)
  return `ALTER TABLE ${qualifiedName(table)} ADD COLUMN IF NOT EXISTS ${columnDefinition(one)}`
}
