// Rebuilds an expression from its direct parts. Subqueries are parts too; what lies deeper is the caller's.

import type { Expression, OrderItem, Query, Window } from "./ast.ts"

type Each = (part: Expression) => Expression

export const mapOrderItems = (items: ReadonlyArray<OrderItem>, each: Each): ReadonlyArray<OrderItem> =>
  items.map((item) => ({
    ...item,
    value: each(item.value),
    ...(item.fill === undefined
      ? {}
      : { fill: item.fill.map(([word, value]) => [word, each(value)] as const) }),
  }))

export const mapWindow = (window: Window, each: Each): Window => ({
  ...window,
  partitionBy: window.partitionBy.map(each),
  orderBy: mapOrderItems(window.orderBy, each),
})

export const mapExpression = (node: Expression, each: Each, query: (query: Query) => Query): Expression => {
  switch (node.kind) {
    case "name":
    case "text":
    case "number":
    case "constant":
    case "typedText":
    case "made":
      return node
    case "call":
      return {
        ...node,
        args: node.args.map(each),
        ...(node.parameters === undefined ? {} : { parameters: node.parameters.map(each) }),
        ...(node.filter === undefined ? {} : { filter: each(node.filter) }),
        ...(node.over === undefined || typeof node.over === "string"
          ? {}
          : { over: mapWindow(node.over, each) }),
      }
    case "star":
      return {
        ...node,
        // Names of columns to leave out are no values.
        modifiers: node.modifiers.map((one) =>
          one.words.startsWith("EXCEPT") ? one : { ...one, items: one.items.map(each) },
        ),
      }
    case "list":
      return { ...node, items: node.items.map(each) }
    case "paren":
    case "unary":
    case "suffix":
    case "cast":
    case "element":
    case "interval":
    case "alias":
      return { ...node, value: each(node.value) }
    case "binary":
      return { ...node, left: each(node.left), right: each(node.right) }
    case "between":
      return { ...node, value: each(node.value), low: each(node.low), high: each(node.high) }
    case "case":
      return {
        ...node,
        branches: node.branches.map(([when, then]) => [each(when), each(then)] as const),
        ...(node.operand === undefined ? {} : { operand: each(node.operand) }),
        ...(node.otherwise === undefined ? {} : { otherwise: each(node.otherwise) }),
      }
    case "index":
      return { ...node, value: each(node.value), index: each(node.index) }
    case "lambda":
      return { ...node, body: each(node.body) }
    case "ternary":
      return { ...node, condition: each(node.condition), yes: each(node.yes), no: each(node.no) }
    case "subquery":
      return { ...node, query: query(node.query) }
  }
}

/** Calls `visit` for the expression and everything in it outside of subqueries. */
export const walk = (node: Expression, visit: (node: Expression) => void): void => {
  visit(node)
  mapExpression(
    node,
    (part) => {
      walk(part, visit)
      return part
    },
    (query) => query,
  )
}
