// A ClickHouse table as a value, and the statements that make it so. What stands here is the whole truth about a table: the
// writer checks its blocks against it, migrations and the document are printed from it.

import { type Retention, type RetentionClass, retentionHours } from "./retention.ts"

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
  /** Columns of one family are told in one line of the document. */
  readonly family?: string
}

/**
 * Where the rows of a table are when several servers share the work: spread over them by an expression, on every one of them,
 * or each server's own.
 */
export type Placement = { readonly shardBy: string } | "everywhere" | "node"

export interface Table {
  readonly database: string
  readonly name: string
  readonly comment: string
  readonly columns: ReadonlyArray<TableColumn>
  readonly engine: string
  readonly orderBy: ReadonlyArray<string>
  /** The part of `orderBy` that the index in memory holds. Default: all of it. */
  readonly primaryKey?: ReadonlyArray<string>
  readonly partitionBy?: string
  readonly retention: RetentionClass
  /** The time from which the time to keep counts. Default: `time`. */
  readonly ageColumn?: string
  readonly placement: Placement
  readonly settings: Readonly<Record<string, string | number>>
}

export const column = (
  name: string,
  type: string,
  comment: string,
  more: Omit<TableColumn, "name" | "type" | "comment"> = {},
): TableColumn => ({ name, type, comment, ...more })

const emptyValue = (type: string): string => {
  if (type.startsWith("Nullable")) return "NULL"
  if (type.startsWith("Array")) return "[]"
  return /String/.test(type) ? "''" : "0"
}

/**
 * A column that no signal fills yet: it can be asked for and costs nothing (stored, thirty of them took a quarter of an insert's
 * CPU). Who fills it takes this away and adds a migration.
 */
export const notYet = ({ codec: _codec, index: _index, ...one }: TableColumn): TableColumn => ({
  ...one,
  alias: `CAST(${emptyValue(one.type)}, '${one.type}')`,
})

/** The name as statements need it. */
export const qualifiedName = ({
  database,
  name,
}: {
  readonly database: string
  readonly name: string
}): string => `${database}.\`${name}\``

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

const indexDefinition = ({ index, name }: TableColumn): string =>
  `\`${name}_idx\` \`${name}\` TYPE ${index} GRANULARITY 2`

const ttlExpression = (table: Table, hours: number): string =>
  `${table.ageColumn ?? "time"} + toIntervalHour(${hours})`

export const createDatabase = (database: string): string =>
  `CREATE DATABASE IF NOT EXISTS ${database} ENGINE = Atomic`

export const createTable = (table: Table, retention: Partial<Retention>): string => {
  const indexed = table.columns.filter(({ index }) => index !== undefined)
  const definitions = [
    ...table.columns.map(columnDefinition),
    ...indexed.map((one) => `INDEX ${indexDefinition(one)}`),
  ]
  return [
    `CREATE TABLE IF NOT EXISTS ${qualifiedName(table)}`,
    `(\n  ${definitions.join(",\n  ")}\n)`,
    storageClause(table, retention),
  ].join("\n")
}

/** A table with the columns and indexes of another that is there already: the server checks no expression a second time. */
export const createTableLike = (table: Table, other: Table, retention: Partial<Retention>): string =>
  [
    `CREATE TABLE IF NOT EXISTS ${qualifiedName(table)} AS ${qualifiedName(other)}`,
    storageClause(table, retention),
  ].join("\n")

const storageClause = (table: Table, retention: Partial<Retention>): string => {
  const hours = retentionHours(table.retention, retention)
  const settings = Object.entries(table.settings).map(
    ([name, value]) => `${name} = ${typeof value === "string" ? literal(value) : value}`,
  )
  return [
    `ENGINE = ${table.engine}`,
    ...(table.partitionBy === undefined ? [] : [`PARTITION BY ${table.partitionBy}`]),
    ...(table.primaryKey === undefined ? [] : [`PRIMARY KEY (${table.primaryKey.join(", ")})`]),
    `ORDER BY (${table.orderBy.join(", ")})`,
    ...(hours === undefined ? [] : [`TTL ${ttlExpression(table, hours)}`]),
    `SETTINGS ${settings.join(", ")}`,
    `COMMENT ${literal(table.comment)}`,
  ].join("\n")
}

/**
 * Undefined for tables that keep everything. Parts already written follow when they are merged or expire; those of tags, which
 * are few and merged seldom, are looked at again at once.
 */
export const modifyRetention = (table: Table, retention: Partial<Retention>): string | undefined => {
  const hours = retentionHours(table.retention, retention)
  if (hours === undefined) return undefined
  const again = table.retention === "tags" ? 1 : 0
  return `ALTER TABLE ${qualifiedName(table)} MODIFY TTL ${ttlExpression(table, hours)} SETTINGS materialize_ttl_after_modify = ${again}`
}

const columnOf = (table: Table, name: string): TableColumn => {
  const one = table.columns.find((each) => each.name === name)
  if (one === undefined) throw new Error(`${qualifiedName(table)} has no column ${name}`)
  return one
}

/** Makes the column what it is here, whatever it was; of a table over others `hasCodecs` is false. */
export const modifyColumn = (table: Table, name: string, { hasCodecs = true } = {}): string => {
  const one = columnOf(table, name)
  const { codec: _codec, ...plain } = one
  return `ALTER TABLE ${qualifiedName(table)} MODIFY COLUMN ${columnDefinition(hasCodecs ? one : plain)}`
}

export const addColumn = (table: Table, name: string): string =>
  `ALTER TABLE ${qualifiedName(table)} ADD COLUMN IF NOT EXISTS ${columnDefinition(columnOf(table, name))}`

/** Parts that are there already do without it. */
export const addIndex = (table: Table, name: string): string =>
  `ALTER TABLE ${qualifiedName(table)} ADD INDEX IF NOT EXISTS ${indexDefinition(columnOf(table, name))}`

/** As the table has it here, for parts that are written from now on. */
export const modifySetting = (table: Table, name: string): string =>
  `ALTER TABLE ${qualifiedName(table)} MODIFY SETTING ${name} = ${table.settings[name]}`
