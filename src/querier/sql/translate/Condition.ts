// A condition that compares one value with literals: recognised in an expression, and printed again over another value. Says
// whether it holds for a given value, as far as that can be known here.

import type { Expression } from "../syntax/ast.ts"
import { printExpression } from "../syntax/print.ts"

export interface Literal {
  readonly value: string | number
  /** As SQL. */
  readonly source: string
}

export interface Condition {
  /** What is compared. */
  readonly operand: Expression
  /** The condition as asked is the opposite of what the other fields say. */
  readonly negated: boolean
  readonly kind: "equals" | "other"
  /** Of `equals`: one or several, of which one is to be met. */
  readonly literals: ReadonlyArray<Literal>
  readonly on: (value: string) => string
  readonly not: (value: string) => string
  /** Undefined: it is not known. */
  readonly holdsFor: (value: string | number) => boolean | undefined
}

/** Follows an alias to what it stands for. */
export type Dereference = (expression: Expression) => Expression

export const literalOf = (node: Expression, dereference: Dereference): Literal | undefined => {
  const target = dereference(node)
  if (target.kind === "text") return { value: target.value, source: target.source }
  if (target.kind === "paren") return literalOf(target.value, dereference)
  const isNegative = target.kind === "unary" && target.operator === "-" && target.value.kind === "number"
  const number = isNegative ? target.value : target
  if (number.kind !== "number") return undefined
  const value = Number(number.source.replaceAll("_", ""))
  return Number.isFinite(value)
    ? { value: isNegative ? -value : value, source: printExpression(target) }
    : undefined
}

const allLiterals = (
  nodes: ReadonlyArray<Expression>,
  dereference: Dereference,
): ReadonlyArray<Literal> | undefined => {
  const literals: Array<Literal> = []
  for (const node of nodes) {
    const literal = literalOf(node, dereference)
    if (literal === undefined) return undefined
    literals.push(literal)
  }
  return literals
}

const listOf = (node: Expression, dereference: Dereference): ReadonlyArray<Literal> | undefined => {
  const target = dereference(node)
  if (target.kind === "list") return allLiterals(target.items, dereference)
  return allLiterals([target.kind === "paren" ? target.value : target], dereference)
}

/** -1, 0, 1; undefined: the engine decides. */
const order = (value: string | number, literal: Literal): number | undefined => {
  if (typeof value !== typeof literal.value) return undefined
  // Only an empty text and a number are ever asked for, so that the order of letters does not matter.
  return value === literal.value ? 0 : value < literal.value ? -1 : 1
}

const compare = (
  value: string | number,
  literal: Literal,
  test: (order: number) => boolean,
): boolean | undefined => {
  const found = order(value, literal)
  return found === undefined ? undefined : test(found)
}

type Parts = Pick<Condition, "operand" | "negated">

const equals = (parts: Parts, literals: ReadonlyArray<Literal>): Condition => {
  const sources = literals.map(({ source }) => source)
  const isSingle = sources.length === 1
  return {
    ...parts,
    kind: "equals",
    literals,
    on: (value) => (isSingle ? `${value} = ${sources[0]}` : `${value} IN (${sources.join(", ")})`),
    not: (value) => (isSingle ? `${value} != ${sources[0]}` : `${value} NOT IN (${sources.join(", ")})`),
    holdsFor: (value) => {
      const all = literals.map((literal) => compare(value, literal, (found) => found === 0))
      return all.includes(undefined) ? undefined : all.includes(true)
    },
  }
}

const binary = (
  parts: Parts,
  operator: string,
  opposite: string,
  literal: Literal,
  holdsFor: Condition["holdsFor"],
): Condition => ({
  ...parts,
  kind: "other",
  literals: [literal],
  on: (value) => `${value} ${operator} ${literal.source}`,
  not: (value) => `${value} ${opposite} ${literal.source}`,
  holdsFor,
})

const orders: Readonly<
  Record<string, readonly [opposite: string, mirrored: string, test: (o: number) => boolean]>
> = {
  "<": [">=", ">", (found) => found < 0],
  "<=": [">", ">=", (found) => found <= 0],
  ">": ["<=", "<", (found) => found > 0],
  ">=": ["<", "<=", (found) => found >= 0],
}

const comparison = (
  operator: string,
  operand: Expression,
  literal: Literal,
  isMirrored: boolean,
): Condition | undefined => {
  if (operator === "=" || operator === "==") return equals({ operand, negated: false }, [literal])
  if (operator === "!=" || operator === "<>") return equals({ operand, negated: true }, [literal])
  const known = orders[isMirrored ? (orders[operator]?.[1] ?? "") : operator]
  if (known === undefined) return undefined
  const written = isMirrored ? orders[operator]![1] : operator
  return binary({ operand, negated: false }, written, known[0], literal, (value) =>
    compare(value, literal, known[2]),
  )
}

const like = (parts: Parts, operator: "LIKE" | "ILIKE", pattern: Literal): Condition =>
  binary(parts, operator, `NOT ${operator}`, pattern, (value) =>
    value === "" && typeof pattern.value === "string" ? /^%*$/.test(pattern.value) : undefined,
  )

/** Plain enough that JavaScript and RE2 agree on what of it an empty text matches. */
const plainPattern = /^(?:[\w .:/@,%=<>&;~"'!#-]|\\[.dwsDWS/-]|[[\](){}|^$*+?])*$/

const matchesEmpty = (pattern: Literal): boolean | undefined => {
  if (typeof pattern.value !== "string" || !plainPattern.test(pattern.value)) return undefined
  if (pattern.value.includes("(?")) return undefined
  try {
    return new RegExp(pattern.value).test("")
  } catch {
    return undefined
  }
}

const call = (
  parts: Parts,
  name: string,
  pattern: Literal,
  holdsFor: (value: string | number) => boolean | undefined,
): Condition => ({
  ...parts,
  kind: "other",
  literals: [pattern],
  on: (value) => `${name}(${value}, ${pattern.source})`,
  not: (value) => `not(${name}(${value}, ${pattern.source}))`,
  holdsFor,
})

const regexp = (parts: Parts, pattern: Literal): Condition =>
  call(parts, "match", pattern, (value) => (value === "" ? matchesEmpty(pattern) : undefined))

const between = (parts: Parts, low: Literal, high: Literal): Condition => {
  const written = `BETWEEN ${low.source} AND ${high.source}`
  return {
    ...parts,
    kind: "other",
    literals: [low, high],
    on: (value) => `${value} ${written}`,
    not: (value) => `${value} NOT ${written}`,
    holdsFor: (value) => {
      const over = compare(value, low, (found) => found >= 0)
      const under = compare(value, high, (found) => found <= 0)
      return over === undefined || under === undefined ? undefined : over && under
    },
  }
}

const binaryCondition = (
  node: Extract<Expression, { kind: "binary" }>,
  dereference: Dereference,
): Condition | undefined => {
  const operator = node.operator.replace(/^GLOBAL /, "")
  const negated = operator.startsWith("NOT ")
  const parts = { operand: node.left, negated }
  if (operator === "IN" || operator === "NOT IN") {
    const literals = listOf(node.right, dereference)
    return literals === undefined || literals.length === 0 ? undefined : equals(parts, literals)
  }
  const right = literalOf(node.right, dereference)
  const left = right === undefined ? literalOf(node.left, dereference) : undefined
  switch (operator.replace(/^NOT /, "")) {
    case "LIKE":
      return right === undefined ? undefined : like(parts, "LIKE", right)
    case "ILIKE":
      return right === undefined ? undefined : like(parts, "ILIKE", right)
    case "REGEXP":
      return right === undefined ? undefined : regexp(parts, right)
  }
  if (right !== undefined) return comparison(operator, node.left, right, false)
  return left === undefined ? undefined : comparison(operator, node.right, left, true)
}

const callCondition = (
  node: Extract<Expression, { kind: "call" }>,
  dereference: Dereference,
): Condition | undefined => {
  const [operand, second, more] = node.args
  if (operand === undefined || more !== undefined || node.separators !== undefined) return undefined
  const name = node.name.text.toLowerCase()
  if (second === undefined) {
    if (name !== "empty" && name !== "notempty") return undefined
    return equals({ operand, negated: name === "notempty" }, [{ value: "", source: "''" }])
  }
  const literal = literalOf(second, dereference)
  if (literal === undefined) return undefined
  const parts = { operand, negated: name.startsWith("not") }
  switch (name) {
    case "equals":
    case "notequals":
      return equals(parts, [literal])
    case "like":
    case "notlike":
      return like(parts, "LIKE", literal)
    case "ilike":
    case "notilike":
      return like(parts, "ILIKE", literal)
    case "match":
      return regexp(parts, literal)
    case "startswith":
    case "endswith":
      return call(parts, name === "startswith" ? "startsWith" : "endsWith", literal, (value) =>
        value === "" ? literal.value === "" : undefined,
      )
  }
  return undefined
}

export const conditionOf = (node: Expression, dereference: Dereference): Condition | undefined => {
  if (node.kind === "binary") return binaryCondition(node, dereference)
  if (node.kind === "call") return callCondition(node, dereference)
  if (node.kind !== "between") return undefined
  const low = literalOf(node.low, dereference)
  const high = literalOf(node.high, dereference)
  return low === undefined || high === undefined
    ? undefined
    : between({ operand: node.value, negated: node.negated }, low, high)
}
