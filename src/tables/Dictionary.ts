// A ClickHouse dictionary as a value: names behind the integers of rows. Read from a table of the same server.

import { literal, qualifiedName, type Table } from "./Table.ts"

export interface DictionaryAttribute {
  readonly name: string
  readonly type: string
}

export interface Dictionary {
  readonly database: string
  readonly name: string
  readonly comment: string
  /** FLAT for one dense UInt64 key, COMPLEX_KEY_HASHED for several keys. */
  readonly layout: "FLAT" | "COMPLEX_KEY_HASHED"
  readonly keys: ReadonlyArray<DictionaryAttribute>
  readonly attributes: ReadonlyArray<DictionaryAttribute>
  /** Where the rows come from, and the condition they meet. */
  readonly source: Table
  readonly where?: string
  /** Columns of the source by key or attribute, where they are called otherwise. */
  readonly from?: Readonly<Record<string, string>>
}

const flatMost = 10_000_000

const emptyOf = (type: string): string =>
  type === "String" ? "''" : type.startsWith("Array") ? "[]" : type.startsWith("Float") ? "0.0" : "0"

/**
 * The newest version of every row wins (`FINAL`). `LIFETIME` serves ClickHouse servers that refresh by themselves; the labeler
 * and the ingesters reload what they changed.
 */
export const createDictionary = (dictionary: Dictionary): string => {
  const fields = [...dictionary.keys, ...dictionary.attributes]
  const select = fields.map(({ name }) => {
    const column = dictionary.from?.[name]
    return column === undefined || column === name ? `\`${name}\`` : `${column} AS \`${name}\``
  })
  const where = dictionary.where === undefined ? "" : ` WHERE ${dictionary.where}`
  const query = `SELECT ${select.join(", ")} FROM ${qualifiedName(dictionary.source)} FINAL${where}`
  const layout = dictionary.layout === "FLAT" ? `FLAT(MAX_ARRAY_SIZE ${flatMost})` : "COMPLEX_KEY_HASHED()"
  return [
    `CREATE DICTIONARY IF NOT EXISTS ${dictionary.database}.\`${dictionary.name}\``,
    "(",
    fields
      .map(({ name, type }, at) =>
        at < dictionary.keys.length
          ? `  \`${name}\` ${type}`
          : `  \`${name}\` ${type} DEFAULT ${emptyOf(type)}`,
      )
      .join(",\n"),
    ")",
    `PRIMARY KEY ${dictionary.keys.map(({ name }) => `\`${name}\``).join(", ")}`,
    `SOURCE(CLICKHOUSE(QUERY ${literal(query)}))`,
    "LIFETIME(MIN 60 MAX 120)",
    `LAYOUT(${layout})`,
    `COMMENT ${literal(dictionary.comment)}`,
  ].join("\n")
}

export const reloadDictionary = ({ database, name }: Dictionary): string =>
  `SYSTEM RELOAD DICTIONARY ${database}.\`${name}\``
