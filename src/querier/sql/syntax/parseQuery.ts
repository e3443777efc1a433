// Parses queries: SELECT with all its clauses, and several of them joined by UNION, EXCEPT, INTERSECT.

import type { GroupBy, Limit, Query, Select, WithItem } from "./ast.ts"
import { parseCall, parseWindow } from "./parseCall.ts"
import { parseElement, parseExpression, parseSelected } from "./parseExpression.ts"
import { parseFromItems } from "./parseFromItems.ts"
import { parseOrderItems } from "./parseOrder.ts"
import { TokenReader } from "./TokenReader.ts"

/** The one query that the statement is. */
export const parseStatement = (sql: string): Query => {
  const reader = new TokenReader(sql, { query: parseQuery, call: parseCall })
  const query = parseQuery(reader)
  while (reader.takeSymbol(";"));
  if (reader.token.kind !== "end") reader.fail("the end of the statement")
  return query
}

export const parseQuery = (reader: TokenReader): Query =>
  reader.nested(() => {
    const parts = [parsePart(reader)]
    const words: Array<string> = []
    for (;;) {
      const word = reader.takeAny("UNION", "EXCEPT", "INTERSECT")
      if (word === undefined) break
      const more = reader.takeAny("ALL", "DISTINCT")
      words.push(more === undefined ? word : `${word} ${more}`)
      parts.push(parsePart(reader))
    }
    return words.length === 0 ? parts[0]! : { kind: "union", parts, words }
  })

const parsePart = (reader: TokenReader): Query =>
  reader.isSymbol("(")
    ? { kind: "inParens", query: reader.inParens(() => parseQuery(reader)) }
    : parseSelect(reader)

const parseSelect = (reader: TokenReader): Select => {
  const at = reader.token.start
  const withItems = reader.takeWords("WITH")
  const recursive = withItems && reader.takeWords("RECURSIVE")
  const items = withItems ? reader.list(() => parseWithItem(reader)) : []
  const before = reader.takeWords("FROM") ? parseFromItems(reader) : undefined
  reader.expectWords("SELECT")
  const distinct = reader.takeWords("DISTINCT")
  if (!distinct) reader.takeWords("ALL")
  const distinctOn =
    distinct && reader.takeWords("ON")
      ? reader.inParens(() => reader.list(() => parseExpression(reader)))
      : undefined
  const selected = reader.list(() => parseSelected(reader))
  const from = before ?? (reader.takeWords("FROM") ? parseFromItems(reader) : [])
  return {
    kind: "select",
    recursive,
    with: items,
    distinct,
    ...(distinctOn === undefined ? {} : { distinctOn }),
    items: selected,
    from,
    ...clause("prewhere", reader.takeWords("PREWHERE") ? parseExpression(reader) : undefined),
    ...clause("where", reader.takeWords("WHERE") ? parseExpression(reader) : undefined),
    ...clause("groupBy", parseGroupBy(reader)),
    ...clause("having", reader.takeWords("HAVING") ? parseExpression(reader) : undefined),
    windows: reader.takeWords("WINDOW") ? reader.list(() => parseNamedWindow(reader)) : [],
    ...clause("qualify", reader.takeWords("QUALIFY") ? parseExpression(reader) : undefined),
    orderBy: reader.takeWords("ORDER BY") ? parseOrderItems(reader) : [],
    ...parseLimits(reader),
    settings: reader.takeWords("SETTINGS") ? parseSettings(reader) : "",
    at,
  }
}

const clause = <const Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } => (value === undefined ? {} : ({ [key]: value } as Record<Key, Value>))

const parseWithItem = (reader: TokenReader): WithItem => {
  const { kind } = reader.token
  if ((kind === "name" || kind === "quotedName") && reader.isWord("AS", 1)) {
    const materialized = reader.isWord("MATERIALIZED", 2)
    const open = materialized ? 3 : 2
    if (reader.isSymbol("(", open) && reader.isQueryAt(reader.index + open + 1)) {
      const name = reader.namePart()
      reader.next()
      if (materialized) reader.next()
      return { kind: "query", name, materialized, query: reader.inParens(() => parseQuery(reader)) }
    }
  }
  return { kind: "value", value: parseElement(reader) }
}

const parseGroupBy = (reader: TokenReader): GroupBy | undefined => {
  if (!reader.takeWords("GROUP BY")) return undefined
  const modifiers: Array<string> = []
  const isAll = reader.isWord("ALL") && !reader.isSymbol("(", 1) && reader.takeWords("ALL")
  const isSets = !isAll && reader.takeWords("GROUPING SETS")
  const sets = isSets ? reader.inParens(() => reader.list(() => parseExpression(reader))) : undefined
  const items = isAll || isSets ? [] : reader.list(() => parseExpression(reader))
  while (reader.isWord("WITH")) {
    const modifier = reader.takeAny("WITH TOTALS", "WITH ROLLUP", "WITH CUBE")
    if (modifier === undefined) break
    modifiers.push(modifier.slice("WITH ".length))
  }
  return { all: isAll, items, ...(sets === undefined ? {} : { sets }), modifiers }
}

const parseNamedWindow = (reader: TokenReader): Select["windows"][number] => {
  const name = reader.namePart().text
  reader.expectWords("AS")
  return [name, parseWindow(reader)]
}

const parseLimit = (reader: TokenReader): Limit => {
  const first = parseExpression(reader)
  const second = reader.takeSymbol(",") ? parseExpression(reader) : undefined
  const offset = second === undefined && reader.takeWords("OFFSET") ? parseExpression(reader) : undefined
  return {
    first,
    ...(second === undefined ? {} : { second }),
    ...(offset === undefined ? {} : { offset }),
    withTies: reader.takeWords("WITH TIES"),
  }
}

const parseLimits = (reader: TokenReader): Pick<Select, "limitBy" | "limit" | "offset"> => {
  let limitBy: Select["limitBy"]
  let limit = reader.takeWords("LIMIT") ? parseLimit(reader) : undefined
  if (limit !== undefined && reader.takeWords("BY")) {
    limitBy = [limit, reader.list(() => parseExpression(reader))]
    limit = reader.takeWords("LIMIT") ? parseLimit(reader) : undefined
  }
  const offset =
    limit?.offset === undefined && reader.takeWords("OFFSET") ? parseExpression(reader) : undefined
  if (offset !== undefined) reader.takeAny("ROWS", "ROW")
  return {
    ...(limitBy === undefined ? {} : { limitBy }),
    ...(limit === undefined ? {} : { limit }),
    ...(offset === undefined ? {} : { offset }),
  }
}

const parseSettings = (reader: TokenReader): string => {
  const start = reader.index
  reader.list(() => {
    reader.namePart("a setting")
    reader.expectSymbol("=")
    reader.takeSymbol("-")
    const { kind } = reader.token
    if (kind !== "number" && kind !== "text" && kind !== "name") reader.fail("a value")
    reader.next()
  })
  return reader.textOf(start, reader.index)
}
