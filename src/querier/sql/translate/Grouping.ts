// What a SELECT groups by, where tags among its keys are grouped by their numbers. With ROLLUP, CUBE, TOTALS, GROUPING SETS and ALL
// the rows of a result are of different groupings, and there names are grouped as they are: no Grouping then.

import type { Expression, Select } from "../syntax/ast.ts"
import { printExpression } from "../syntax/print.ts"
import type { ExpressionRewriter } from "./ExpressionRewriter.ts"
import type { Scope } from "./Scope.ts"
import { groupKeys, resourceId } from "./tagValue.ts"
import type { TagUse } from "./TagUse.ts"

const isWrapped = (node: Expression): boolean =>
  node.kind === "call" && /^(rollup|cube)$/i.test(node.name.text)

const withoutAlias = (node: Expression): Expression => (node.kind === "alias" ? node.value : node)

export class Grouping {
  /** For GROUP BY. */
  readonly keys: ReadonlyArray<Expression>
  readonly #keyTexts: ReadonlySet<string>
  /** Keys that are no tags, as they were written. */
  readonly #written: ReadonlySet<string>

  private constructor(
    keys: ReadonlyArray<Expression>,
    keyTexts: ReadonlySet<string>,
    written: ReadonlySet<string>,
  ) {
    this.keys = keys
    this.#keyTexts = keyTexts
    this.#written = written
  }

  static of(select: Select, scope: Scope, rows: ExpressionRewriter): Grouping | undefined {
    const { groupBy } = select
    if (groupBy === undefined || groupBy.all || groupBy.sets !== undefined || groupBy.modifiers.length > 0) {
      return undefined
    }
    const items = groupBy.items.flatMap((item) =>
      item.kind === "list" && item.open === "(" ? item.items : [item.kind === "paren" ? item.value : item],
    )
    if (items.some(isWrapped)) return undefined
    const keys: Array<Expression> = []
    const keyTexts = new Set<string>()
    const written = new Set<string>()
    const add = (key: Expression) => {
      const text = printExpression(key)
      if (!keyTexts.has(text)) keys.push(key)
      keyTexts.add(text)
    }
    for (const item of items) {
      const target = Grouping.#targetOf(item, select, scope)
      const use = rows.tagOf(target)
      if (use === undefined) {
        written.add(printExpression(item)).add(printExpression(target))
        add(target === item ? rows.value(item) : item)
      } else {
        for (const sql of groupKeys(use)) add({ kind: "made", sql, at: item.at })
      }
    }
    return new Grouping(keys, keyTexts, written)
  }

  /** `GROUP BY 1` is the first of the selected values; an alias is what it stands for. */
  static #targetOf(item: Expression, select: Select, scope: Scope): Expression {
    const position = item.kind === "number" && /^\d{1,4}$/.test(item.source) ? Number(item.source) : 0
    const selected = select.items[position - 1]
    return selected === undefined ? scope.dereference(item) : scope.dereference(withoutAlias(selected))
  }

  isKey(node: Expression): boolean {
    return this.#written.size > 0 && node.kind !== "alias" && this.#written.has(printExpression(node))
  }

  /** All rows of a group have the same value of the tag. */
  covers(use: TagUse): boolean {
    return groupKeys(use).every((key) => this.#keyTexts.has(key))
  }

  /** The resource id itself is grouped by. */
  hasResourceOf(use: TagUse): boolean {
    const { kind } = use.tag
    return (kind === "universal" || kind === "custom") && this.#keyTexts.has(resourceId(use))
  }
}
