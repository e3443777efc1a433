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
  /** FLAT: keys beyond are an error when it is loaded. Default: 10,000,000. */
  readonly mostKeys?: number
  readonly keys: ReadonlyArray<DictionaryAttribute>
  readonly attributes: ReadonlyArray<DictionaryAttribute>
  /** Where the rows come from, and the condition they meet. */
  readonly source: Table
  readonly where?: string
  /** Columns or expressions of the source by key or attribute, where they are called otherwise. */
  readonly from?: Readonly<Record<string, string>>
  /** Arrays whose elements become rows, by the name an element gets; and the condition rows then meet. */
  readonly arrayJoin?: Readonly<Record<string, string>>
  readonly arrayWhere?: string
}

/** As whom the server reads its own tables; its user `default` without a password when absent. */
export interface DictionaryAccess {
  readonly user: string
  readonly password: string
}

const defaultMostKeys = 10_000_000

/** The newest version of every row wins (`FINAL`). */
export const dictionaryQuery = (dictionary: Dictionary): string => {
  const select = [...dictionary.keys, ...dictionary.attributes].map(({ name }) => {
    const expression = dictionary.from?.[name]
    return expression === undefined || expression === name ? `\`${name}\`` : `${expression} AS \`${name}\``
  })
  const where = dictionary.where === undefined ? "" : ` WHERE ${dictionary.where}`
  const newest = `${qualifiedName(dictionary.source)} FINAL`
  if (dictionary.arrayJoin === undefined) return `SELECT ${select.join(", ")} FROM ${newest}${where}`
  const arrayWhere = dictionary.arrayWhere === undefined ? "" : ` WHERE ${dictionary.arrayWhere}`
  const arrays = Object.entries(dictionary.arrayJoin).map(([name, array]) => `${array} AS \`${name}\``)
  return (
    `SELECT ${select.join(", ")} FROM (SELECT *, ${arrays.join(", ")} FROM ${newest}${where}) ` +
    `ARRAY JOIN ${Object.keys(dictionary.arrayJoin)
      .map((name) => `\`${name}\``)
      .join(", ")}${arrayWhere}`
  )
}

/**
 * `LIFETIME` serves ClickHouse servers that refresh by themselves; who changes a source table reloads its dictionaries. The host
 * is given as an address because the embedded engine may not read the file of host names.
 */
export const createDictionary = (dictionary: Dictionary, access?: DictionaryAccess): string => {
  const fields = [...dictionary.keys, ...dictionary.attributes]
  const layout =
    dictionary.layout === "FLAT"
      ? `FLAT(MAX_ARRAY_SIZE ${dictionary.mostKeys ?? defaultMostKeys})`
      : "COMPLEX_KEY_HASHED()"
  const as = access === undefined ? "" : ` USER ${literal(access.user)} PASSWORD ${literal(access.password)}`
  return [
    `CREATE DICTIONARY IF NOT EXISTS ${qualifiedName(dictionary)}`,
    "(",
    fields.map(({ name, type }) => `  \`${name}\` ${type}`).join(",\n"),
    ")",
    `PRIMARY KEY ${dictionary.keys.map(({ name }) => `\`${name}\``).join(", ")}`,
    `SOURCE(CLICKHOUSE(HOST '127.0.0.1'${as} QUERY ${literal(dictionaryQuery(dictionary))}))`,
    "LIFETIME(MIN 60 MAX 120)",
    `LAYOUT(${layout})`,
    `COMMENT ${literal(dictionary.comment)}`,
  ].join("\n")
}

export const reloadDictionary = (dictionary: Dictionary): string =>
  `SYSTEM RELOAD DICTIONARY ${qualifiedName(dictionary)}`
