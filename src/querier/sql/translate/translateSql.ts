// A user's statement as ClickHouse can run it. One that names no tag passes byte for byte; so does one that this parser does not
// know, as long as it names none.

import { allTables } from "../../../tables/databases.ts"
import type { Table } from "../../../tables/Table.ts"
import { parseCustomTag } from "../../../tags/customTags.ts"
import { universalTag } from "../../../tags/universalTags.ts"
import type { Query } from "../syntax/ast.ts"
import { type Token, tokensOf } from "../syntax/lexer.ts"
import { parseStatement } from "../syntax/parseQuery.ts"
import { printQuery } from "../syntax/print.ts"
import { lineAndColumn, SqlProblem } from "../syntax/SqlProblem.ts"
import { rewriteQuery } from "./rewriteSelect.ts"
import { hasTags, type TaggedTable, taggedTable } from "./TaggedTable.ts"

export type Translation =
  | { readonly ok: true; readonly sql: string; readonly isTranslated: boolean }
  | { readonly ok: false; readonly message: string; readonly at: number }

export interface TranslateOptions {
  /** Of table names without one. */
  readonly database?: string | undefined
  /** Tables whose rows have tags; all of Sonde's unless given. */
  readonly tables?: ReadonlyArray<TaggedTable>
}

export const taggedTables = (tables: ReadonlyArray<Table>): ReadonlyArray<TaggedTable> =>
  tables.map(taggedTable).filter(hasTags)

const sondeTables = taggedTables(allTables)

const isName = ({ kind }: Token): boolean => kind === "name" || kind === "quotedName" || kind === "tagName"

const couldBeTag = (token: Token, next: Token | undefined): boolean =>
  isName(token) &&
  (token.kind === "tagName" ||
    parseCustomTag(token.text, false) !== undefined ||
    universalTag(token.text.replace(/_[01]$/, "")) !== undefined ||
    (/^(exist|enum)$/i.test(token.text) && next?.text === "("))

const selectWords = new Set(["SELECT", "WITH", "FROM"])

/** Index of the token at which the query starts; undefined: it is a statement of another kind. */
const queryStart = (tokens: ReadonlyArray<Token>): number | undefined => {
  const isOpen = ({ kind, text }: Token) => kind === "symbol" && text === "("
  const starts = (token: Token) => selectWords.has(token.word) || isOpen(token)
  if (starts(tokens[0]!)) return 0
  const found = tokens[0]!.word === "EXPLAIN" ? tokens.findIndex(starts) : -1
  return found < 0 ? undefined : found
}

const unchanged = (sql: string): Translation => ({ ok: true, sql, isTranslated: false })

const parsed = <A>(content: () => A): A | SqlProblem => {
  try {
    return content()
  } catch (problem) {
    if (problem instanceof SqlProblem) return problem
    throw problem
  }
}

export const translateSql = (sql: string, options: TranslateOptions = {}): Translation => {
  const tables = options.tables ?? sondeTables
  const tokens = parsed(() => tokensOf(sql))
  // What no token can be made of, the guard refuses with its reasons.
  if (tokens instanceof SqlProblem) return unchanged(sql)
  const start = queryStart(tokens)
  const tableNames = new Set(tables.map(({ name }) => name))
  if (start === undefined || !tokens.some((token) => isName(token) && tableNames.has(token.text))) {
    return unchanged(sql)
  }
  const failed = ({ at, message }: SqlProblem): Translation => ({
    ok: false,
    message: `${lineAndColumn(sql, at)}: ${message}`,
    at,
  })
  const from = tokens[start]!.start
  // Spaces for what stands before keep the positions right.
  const query = parsed(() => parseStatement(sql.slice(0, from).replace(/[^\n]/g, " ") + sql.slice(from)))
  if (query instanceof SqlProblem) {
    const namesTag = tokens.some((token, index) => couldBeTag(token, tokens[index + 1]))
    return namesTag ? failed(query) : unchanged(sql)
  }
  const rewritten = parsed((): Query =>
    rewriteQuery(query, { tables, database: options.database, queries: new Map(), values: new Map() }),
  )
  if (rewritten instanceof SqlProblem) return failed(rewritten)
  const printed = printQuery(rewritten)
  return printed === printQuery(query)
    ? unchanged(sql)
    : { ok: true, sql: sql.slice(0, from) + printed, isTranslated: true }
}
