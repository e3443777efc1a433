// Rewrites one SELECT so that it names columns only: values of tags in its lists, sets of ids in its filters, numbers in its GROUP
// BY. Subqueries are rewritten each in a scope of its own.

import type { Expression, FromItem, GroupBy, Query, Select, WithItem } from "../syntax/ast.ts"
import { mapOrderItems, mapWindow } from "../syntax/mapExpression.ts"
import { printExpression } from "../syntax/print.ts"
import { SqlProblem } from "../syntax/SqlProblem.ts"
import { ExpressionRewriter } from "./ExpressionRewriter.ts"
import { Grouping } from "./Grouping.ts"
import { type Environment, nameText, type Outputs, outputsOf, Scope } from "./Scope.ts"

export const rewriteQuery = (query: Query, environment: Environment): Query => {
  switch (query.kind) {
    case "inParens":
      return { kind: "inParens", query: rewriteQuery(query.query, environment) }
    case "select":
      return rewriteSelect(query, environment)
    case "union": {
      // What WITH of the first query names, the others know too.
      const shared =
        query.parts[0]!.kind === "select" ? withQueries(query.parts[0].with, environment) : environment
      return { ...query, parts: query.parts.map((part) => rewriteQuery(part, shared)) }
    }
  }
}

const withQueries = (items: ReadonlyArray<WithItem>, environment: Environment): Environment => {
  const queries = new Map<string, Outputs>(environment.queries)
  const values = new Map(environment.values)
  for (const item of items) {
    if (item.kind === "query") queries.set(item.name.text, outputsOf(item.query))
    else if (item.value.kind === "alias") values.set(item.value.alias.text, item.value.value)
  }
  return { ...environment, queries, values }
}

const optional = <const Key extends string, Value>(
  key: Key,
  value: Value | undefined,
): { readonly [K in Key]?: Value } => (value === undefined ? {} : ({ [key]: value } as Record<Key, Value>))

const rewriteSelect = (select: Select, outer: Environment): Select => {
  const environment = withQueries(select.with, outer)
  const scope = new Scope(select, environment)
  const queries = (query: Query) => rewriteQuery(query, environment)
  const rows = new ExpressionRewriter(scope, queries)
  const grouping = Grouping.of(select, scope, rows)
  const groups = grouping === undefined ? rows : new ExpressionRewriter(scope, queries, { grouping })
  const value = (node: Expression) => groups.value(node)
  const condition = (node: Expression | undefined) => (node === undefined ? undefined : rows.condition(node))
  const list = (nodes: ReadonlyArray<Expression>) => nodes.map(value)
  return {
    ...select,
    with: select.with.flatMap((item) => rewriteWithItem(item, rows, queries)),
    items: namedItems(select.items, groups),
    from: select.from.map((item) => rewriteFromItem(item, scope, rows, queries)),
    ...optional("distinctOn", select.distinctOn && list(select.distinctOn)),
    ...optional("prewhere", condition(select.prewhere)),
    ...optional("where", condition(select.where)),
    ...optional("groupBy", select.groupBy && rewriteGroupBy(select.groupBy, grouping, rows)),
    ...optional("having", select.having && value(select.having)),
    windows: select.windows.map(([name, window]) => [name, mapWindow(window, value)] as const),
    ...optional("qualify", select.qualify && value(select.qualify)),
    orderBy: mapOrderItems(select.orderBy, value),
    ...optional("limitBy", select.limitBy && ([select.limitBy[0], list(select.limitBy[1])] as const)),
  }
}

/** A tag under another name is put in wherever that name stands, so it is left out here. */
const rewriteWithItem = (
  item: WithItem,
  rows: ExpressionRewriter,
  queries: (query: Query) => Query,
): ReadonlyArray<WithItem> => {
  if (item.kind === "query") return [{ ...item, query: queries(item.query) }]
  const { value } = item
  if (value.kind === "alias" && rows.tagOf(value.value) !== undefined) return []
  return [{ kind: "value", value: rows.value(value) }]
}

const rewriteFromItem = (
  item: FromItem,
  scope: Scope,
  rows: ExpressionRewriter,
  queries: (query: Query) => Query,
): FromItem => {
  if (item.kind === "arrayJoin") return { ...item, items: item.items.map((node) => rows.value(node)) }
  for (const node of item.using ?? []) {
    if (node.kind === "name" && scope.isTagOfAny(node)) {
      const name = nameText(node.parts)
      throw new SqlProblem(node.at, `${name} in USING is a tag and no column: write ON a.${name} = b.${name}`)
    }
  }
  const { source } = item
  return {
    ...item,
    source:
      source.kind === "query"
        ? { kind: "query", query: queries(source.query) }
        : source.kind === "function"
          ? { ...source, call: { ...source.call, args: source.call.args.map(inTableFunction(queries)) } }
          : source,
    ...optional("on", item.on && rows.joinCondition(item.on)),
  }
}

const inTableFunction =
  (queries: (query: Query) => Query) =>
  (node: Expression): Expression =>
    node.kind === "subquery" ? { ...node, query: queries(node.query) } : node

const rewriteGroupBy = (
  groupBy: GroupBy,
  grouping: Grouping | undefined,
  rows: ExpressionRewriter,
): GroupBy => ({
  ...groupBy,
  items: grouping?.keys ?? groupBy.items.map((node) => rows.value(node)),
  ...optional(
    "sets",
    groupBy.sets?.map((node) => rows.value(node)),
  ),
})

/** The guard lets no quotes and backslashes through in names. */
const columnName = (text: string): string => text.replace(/[\\`"\p{Cc}]/gu, "_").slice(0, 1000)

/** Values that were rewritten keep the name under which they were asked for. */
const namedItems = (
  items: ReadonlyArray<Expression>,
  rewriter: ExpressionRewriter,
): ReadonlyArray<Expression> => {
  const taken = new Map<string, string>()
  for (const item of items) if (item.kind === "alias") taken.set(item.alias.text, "")
  return items.map((item) => {
    const value = rewriter.value(item)
    if (item.kind === "alias" || item.kind === "star") return value
    const sql = printExpression(value)
    const written = printExpression(item)
    if (sql === written) return value
    const choices = [rewriter.tagOf(item)?.text ?? written, written].map(columnName)
    const alias = choices.find((name) => (taken.get(name) ?? sql) === sql)
    if (alias === undefined) return value
    taken.set(alias, sql)
    return { kind: "alias", value, alias: { text: alias, quoted: true }, at: item.at }
  })
}
