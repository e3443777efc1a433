// Rewrites the expressions of one SELECT: tags become their values, conditions on tags become sets of ids. Without a grouping the
// values are those of rows, with one those of groups, except inside aggregate functions.

import type { Call, Expression, Name, Query } from "../syntax/ast.ts"
import { mapExpression, walk } from "../syntax/mapExpression.ts"
import { printExpression } from "../syntax/print.ts"
import { SqlProblem } from "../syntax/SqlProblem.ts"
import { isAggregate } from "./aggregateFunctions.ts"
import { type Condition, conditionOf } from "./Condition.ts"
import { type EnumTag, enumFilter, enumOf, enumValue } from "./enumValue.ts"
import type { Grouping } from "./Grouping.ts"
import { nameText, type Scope } from "./Scope.ts"
import { existFilter, tagFilter } from "./tagFilter.ts"
import { groupValue, rowValue } from "./tagValue.ts"
import type { RowSide } from "./TaggedTable.ts"
import type { TagUse } from "./TagUse.ts"

const nowhere: ReadonlySet<string> = new Set()

const negativeOperators = new Set([
  "!=",
  "<>",
  "NOT IN",
  "GLOBAL NOT IN",
  "NOT LIKE",
  "NOT ILIKE",
  "NOT REGEXP",
])

interface Options {
  readonly grouping?: Grouping | undefined
  /** Of tags whose names leave the side open. */
  readonly side?: RowSide
  /** Conditions may become sets of ids. */
  readonly sets?: boolean
}

export class ExpressionRewriter {
  readonly #scope: Scope
  readonly #queries: (query: Query) => Query
  readonly #grouping: Grouping | undefined
  readonly #side: RowSide | undefined
  readonly #sets: boolean

  constructor(scope: Scope, queries: (query: Query) => Query, options: Options = {}) {
    this.#scope = scope
    this.#queries = queries
    this.#grouping = options.grouping
    this.#side = options.side
    this.#sets = options.sets ?? true
  }

  #with(options: Options): ExpressionRewriter {
    return new ExpressionRewriter(this.#scope, this.#queries, options)
  }

  /** The tag that the expression is, by itself or through aliases. */
  tagOf(node: Expression, inside: ReadonlySet<string> = nowhere): TagUse | undefined {
    const target = this.#scope.dereference(node, inside)
    if (target.kind === "paren") return this.tagOf(target.value, inside)
    if (target.kind !== "name") return undefined
    const meaning = this.#scope.meaning(target, inside)
    if (meaning.kind !== "tag") return undefined
    const { use } = meaning
    return use.side === undefined && this.#side !== undefined ? { ...use, side: this.#side } : use
  }

  value(node: Expression, inside: ReadonlySet<string> = nowhere): Expression {
    if (this.#grouping?.isKey(node) === true) return this.#with({}).value(node, inside)
    const part = (each: Expression) => this.value(each, inside)
    switch (node.kind) {
      case "name":
        return this.#name(node, inside)
      case "alias":
        return { ...node, value: this.value(node.value, new Set([...inside, node.alias.text])) }
      case "lambda":
        return this.#scope.within(lambdaNames(node.parameters), () => ({ ...node, body: part(node.body) }))
      case "call": {
        const special = this.#call(node, inside)
        if (special !== undefined) return special
      }
    }
    const filter = this.#filter(node, inside)
    if (filter !== undefined) return { kind: "made", sql: filter, at: node.at }
    // `x IN name` names a table.
    if (node.kind === "binary" && node.operator.endsWith("IN") && node.right.kind === "name") {
      if (this.#scope.dereference(node.right) === node.right) return { ...node, left: part(node.left) }
    }
    return mapExpression(node, part, this.#queries)
  }

  /** A condition of WHERE: a tag without a side holds when it holds on either side. */
  condition(node: Expression): Expression {
    switch (node.kind) {
      case "paren":
        return { ...node, value: this.condition(node.value) }
      case "unary":
        if (node.operator === "NOT") return { ...node, value: this.condition(node.value) }
        break
      case "binary":
        if (node.operator === "AND" || node.operator === "OR") {
          return { ...node, left: this.condition(node.left), right: this.condition(node.right) }
        }
        break
      case "call":
        if (/^(and|or|not)$/i.test(node.name.text)) {
          return { ...node, args: node.args.map((arg) => this.condition(arg)) }
        }
    }
    if (!this.#leavesSideOpen(node)) return this.value(node)
    const [left, right] = (["_0", "_1"] as const).map((side) =>
      inParens(this.#with({ side, sets: this.#sets }).value(node)),
    ) as [Expression, Expression]
    const operator = this.#isNegative(node) ? "AND" : "OR"
    return { kind: "paren", value: { kind: "binary", operator, left, right, at: node.at }, at: node.at }
  }

  /** Of JOIN ... ON, where the engine takes no sets. */
  joinCondition(node: Expression): Expression {
    return this.#with({ sets: false }).value(node)
  }

  #leavesSideOpen(node: Expression): boolean {
    let found = false
    walk(node, (each) => {
      if (each.kind === "name" && this.tagOf(each) !== undefined && this.tagOf(each)?.side === undefined)
        found = true
    })
    return found
  }

  #isNegative(node: Expression): boolean {
    const negated = this.#conditionOf(node, nowhere)?.negated
    if (negated !== undefined) return negated
    if (node.kind === "between") return node.negated
    return node.kind === "binary" && negativeOperators.has(node.operator)
  }

  #conditionOf(node: Expression, inside: ReadonlySet<string>): Condition | undefined {
    return conditionOf(node, (each) => this.#scope.dereference(each, inside))
  }

  #filter(node: Expression, inside: ReadonlySet<string>): string | undefined {
    if (!this.#sets || this.#grouping !== undefined) return undefined
    const condition = this.#conditionOf(node, inside)
    if (condition === undefined) return undefined
    const { operand } = condition
    if (operand.kind === "call" && isEnum(operand)) {
      const [tag, column] = this.#enumOf(operand, inside)
      return enumFilter(tag, column, condition, operand.at)
    }
    const use = this.tagOf(operand, inside)
    return use === undefined ? undefined : tagFilter(use, condition)
  }

  #name(node: Name, inside: ReadonlySet<string>): Expression {
    const use = this.tagOf(node, inside)
    if (use !== undefined) return { kind: "made", sql: this.#tagValue(use), at: node.at }
    const meaning = this.#scope.meaning(node, inside)
    if (meaning.kind === "output" && node.parts.length > 1) {
      return { ...node, parts: [{ text: meaning.name, quoted: true }] }
    }
    if (meaning.kind !== "alias" || this.#grouping !== undefined) return node
    if (!this.#scope.isGrouped || !this.#hasTag(meaning.value)) return node
    // Where rows are meant, the alias must not stand for the value of the group.
    this.#scope.countInline(node.at)
    const value = this.value(meaning.value, new Set([...inside, nameText(node.parts)]))
    return { kind: "paren", value, at: node.at }
  }

  #tagValue(use: TagUse): string {
    if (this.#grouping === undefined) return rowValue(use)
    if (this.#grouping.covers(use)) return groupValue(use)
    const { kind } = use.tag
    if ((kind !== "universal" && kind !== "custom") || this.#grouping.hasResourceOf(use)) return rowValue(use)
    throw new SqlProblem(
      use.at,
      `${use.text} is neither in GROUP BY nor inside an aggregate function: add it to GROUP BY, or take any(${use.text})`,
    )
  }

  #hasTag(node: Expression): boolean {
    return this.#scope.once(node, () => {
      let found = false
      walk(node, (each) => {
        if (found || each.kind !== "name") return
        const meaning = this.#scope.meaning(each, nowhere)
        if (meaning.kind === "tag") found = true
        else if (meaning.kind === "alias" && meaning.value !== node) found = this.#hasTag(meaning.value)
      })
      return found
    })
  }

  #call(node: Call, inside: ReadonlySet<string>): Expression | undefined {
    if (node.name.text.toLowerCase() === "exist" && node.args.length === 1) {
      const use = this.tagOf(node.args[0]!, inside)
      if (use === undefined) {
        const what = printExpression(node.args[0]!).slice(0, 100)
        throw new SqlProblem(node.at, `exist(${what}): expected the name of a tag, found ${what}`)
      }
      return { kind: "made", sql: existFilter(use), at: node.at }
    }
    if (isEnum(node)) {
      const [tag, column] = this.#enumOf(node, inside)
      return { kind: "made", sql: enumValue(tag, column), at: node.at }
    }
    const sumsRows = this.#grouping !== undefined && node.over === undefined && isAggregate(node.name.text)
    return sumsRows ? this.#with({}).value(node, inside) : undefined
  }

  /** The enumeration, and the SQL of what has its values. */
  #enumOf(node: Call, inside: ReadonlySet<string>): readonly [EnumTag, string] {
    const [argument] = node.args
    const use = this.tagOf(argument!, inside)
    const target = this.#scope.dereference(argument!, inside)
    const name =
      use?.tag.kind === "universal"
        ? use.tag.tag.name
        : use?.tag.kind === "older"
          ? use.tag.column
          : target.kind === "name"
            ? target.parts.at(-1)!.text
            : ""
    const found = enumOf(name)
    if (found === undefined) {
      throw new SqlProblem(
        node.at,
        `Enum(${printExpression(argument!).slice(0, 100)}): expected a tag whose values have names, such as l7_protocol`,
      )
    }
    return [found, printExpression(this.value(argument!, inside))]
  }
}

const isEnum = (node: Call): boolean => node.name.text.toLowerCase() === "enum" && node.args.length === 1

const lambdaNames = (parameters: Expression): ReadonlyArray<string> => {
  const names: Array<string> = []
  walk(parameters, (node) => {
    if (node.kind === "name") names.push(nameText(node.parts))
  })
  return names
}

/** What AND and OR cannot tear apart. */
const inParens = (node: Expression): Expression =>
  node.kind === "ternary" || node.kind === "lambda" || node.kind === "alias" || node.kind === "unary"
    ? { kind: "paren", value: node, at: node.at }
    : node
