// Says whether a user's statement may go to ClickHouse. The engine's own `readonly` and limits are the first
// wall; this is the second one, for what they let through: KILL QUERY and BACKUP, the scalar function file(),
// system tables with secrets. It decides on tokens; a statement that it cannot cut into tokens is refused.

import { parseCustomTag } from "../../tags/customTags.ts"
import { type Token, tokenize } from "./tokens.ts"

export type Verdict =
  | { readonly allowed: true; readonly sql: string }
  | { readonly allowed: false; readonly reason: string }

const words = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/))

const firstWords = words("select with show describe desc exists explain from")

/**
 * Functions, of tables or of values, that reach files, the network, other processes or all databases at
 * once.
 */
const forbiddenFunctions = words(`
  file url s3 gcs oss cosn hdfs azureblobstorage filesystem input executable remote remotesecure
  cluster clusterallreplicas mysql postgresql mongodb sqlite redis odbc jdbc ytsaurus arrowflight
  python eval merge loop mergetreeindex mergetreeprojection mergetreetextindex
  mergetreeanalyzeindexes mergetreeanalyzeindexesuuid fuzzjson fuzzquery getclienthttpheader
  catboostevaluate sleep sleepeachrow
`)
/**
 * Families of the same: icebergS3, deltaLakeCluster, s3Cluster, aiGenerate and what newer engines add to
 * them.
 */
const forbiddenFamilies =
  /^(iceberg|deltalake|hudi|paimon|ai(generate|classify|extract|embed|translate))|cluster$/

const tableFunctions = words(`
  numbers numbers_mt zeros zeros_mt generate_series generateseries primes values null
  generaterandom view viewifpermitted viewexplain format dictionary
`)

/** What tells about tables, functions and load, and holds neither secrets nor other people's statements. */
const systemTables = words(`
  one numbers numbers_mt zeros zeros_mt tables columns databases functions formats table_functions
  table_engines data_type_families aggregate_function_combinators collations parts parts_columns
  detached_parts data_skipping_indices projections dictionaries merges mutations metrics events
  asynchronous_metrics disks time_zones settings keywords licenses contributors build_options
  documentation
`)

const shownThings = words(`
  databases tables columns fields full extended dictionaries functions engines index indexes
  indices keys create
`)

const isName = (token: Token | undefined): token is Token =>
  token !== undefined && (token.kind === "name" || token.kind === "quotedName")

const isSymbol = (token: Token | undefined, symbol: string): boolean =>
  token?.kind === "symbol" && token.value === symbol

const isWord = (token: Token | undefined, ...choices: ReadonlyArray<string>): boolean =>
  token?.kind === "name" && choices.includes(token.value.toLowerCase())

const refusedCall = (name: string, isTable: boolean): string | undefined => {
  if (forbiddenFunctions.has(name) || forbiddenFamilies.test(name)) {
    return `${name}() is not allowed: it reaches beyond the tables of this server, or waits`
  }
  return isTable && !tableFunctions.has(name) ? `the table function ${name}() is not allowed` : undefined
}

const refusedTable = (tokens: ReadonlyArray<Token>, i: number): string | undefined => {
  const name = tokens[i].value.toLowerCase()
  if (!isSymbol(tokens[i + 1], ".")) {
    return tokens[i].kind === "quotedName" && name.startsWith("system.")
      ? "a name starts with system."
      : undefined
  }
  if (isSymbol(tokens[i - 1], ".")) return undefined
  const table = tokens[i + 2]
  if (name === "system" && !(isName(table) && systemTables.has(table.value.toLowerCase()))) {
    return `system.${isName(table) ? table.value : "*"} is not readable here`
  }
  return name === "default" ? "the database default is not readable here" : undefined
}

/** Some engines take such a name for a file. Columns may have the name of a tag: `k8s.label.kubernetes.io/x_0`. */
const isPath = (name: string): boolean =>
  name.includes("/") && (name.includes("..") || parseCustomTag(name, false) === undefined)

const refusedToken = (tokens: ReadonlyArray<Token>, i: number): string | undefined => {
  const token = tokens[i]
  const before = tokens[i - 1]
  const after = tokens[i + 1]
  const atTable = isWord(before, "from", "join")
  if (isSymbol(token, ";")) return "only one statement at a time"
  if (token.kind === "text" && atTable) return "a text cannot stand for a table"
  if (!isName(token)) return undefined
  if (token.kind === "quotedName" && isPath(token.value) && !isWord(before, "as")) {
    return `the name ${token.value} holds a slash`
  }
  if (isSymbol(after, "(")) return refusedCall(token.value.toLowerCase(), atTable)
  if (isWord(token, "into") && isWord(after, "outfile")) return "INTO OUTFILE is not allowed"
  if (isWord(token, "parallel") && isWord(after, "with")) return "PARALLEL WITH is not allowed"
  return refusedTable(tokens, i)
}

const refusedShow = (tokens: ReadonlyArray<Token>): string | undefined => {
  const what = tokens[1]?.value.toLowerCase() ?? ""
  const allowed =
    shownThings.has(what) && (what !== "create" || isWord(tokens[2], "table", "database", "view"))
  return allowed ? undefined : `SHOW ${what.toUpperCase()} is not answered here`
}

/** `FORMAT name` closes a statement, at most SETTINGS follow it. */
const hasFormat = (tokens: ReadonlyArray<Token>): boolean =>
  tokens.some(
    (token, i) =>
      i > 1 &&
      isWord(token, "format") &&
      isName(tokens[i + 1]) &&
      (i + 2 === tokens.length || isWord(tokens[i + 2], "settings")) &&
      !isWord(tokens[i - 1], "as", "by", "select") &&
      !isSymbol(tokens[i - 1], ",") &&
      !isSymbol(tokens[i - 1], "."),
  )

const refuse = (reason: string): Verdict => ({ allowed: false, reason })

/** The statement without what surrounds it, or the reason why it may not run. */
export const readOnlyGuard = (statement: string): Verdict => {
  const cut = tokenize(statement)
  if (!cut.ok) return refuse(cut.problem)
  const all = cut.tokens
  let end = all.length
  while (end > 0 && isSymbol(all[end - 1], ";")) end--
  const tokens = all.slice(0, end)
  if (tokens.length === 0) return refuse("there is no statement")
  const first = tokens.find((token) => !isSymbol(token, "("))
  if (first?.kind !== "name" || !firstWords.has(first.value.toLowerCase())) {
    return refuse("only SELECT, WITH, SHOW, DESCRIBE, EXISTS and EXPLAIN are answered here")
  }
  const show = isWord(first, "show") ? refusedShow(tokens) : undefined
  if (show !== undefined) return refuse(show)
  if (hasFormat(tokens)) return refuse("leave out FORMAT: the answer is always JSON")
  for (let i = 0; i < tokens.length; i++) {
    const reason = refusedToken(tokens, i)
    if (reason !== undefined) return refuse(reason)
  }
  return { allowed: true, sql: statement.slice(tokens[0].start, tokens[end - 1].end) }
}
