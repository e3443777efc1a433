// `Enum(tag)`: the name of a number's or code's meaning, and conditions on such names.

import { closest } from "../../../runtime/closest.ts"
import { enumRows } from "../../../tables/enumerations.ts"
import { SqlProblem } from "../syntax/SqlProblem.ts"
import { textLiteral } from "../syntax/print.ts"
import type { Condition } from "./Condition.ts"

export interface EnumTag {
  readonly name: string
  readonly isNumber: boolean
  /** Value by the name of its meaning; several values may have one name. */
  readonly values: ReadonlyArray<readonly [name: string, value: string]>
}

const byName = new Map<string, EnumTag>()
for (const { kind, name, tag_name, value } of enumRows) {
  if (kind !== "int" && kind !== "string") continue
  const known = byName.get(tag_name)?.values ?? []
  byName.set(tag_name, { name: tag_name, isNumber: kind === "int", values: [...known, [name, value]] })
}

/** Of a column or tag by its name, with or without a side. */
export const enumOf = (name: string): EnumTag | undefined =>
  byName.get(name) ?? byName.get(name.replace(/_[01]$/, ""))

/** What has no name is told as it is. */
export const enumValue = ({ isNumber, name }: EnumTag, column: string): string => {
  const value = isNumber ? `toUInt64(${column})` : `toString(${column})`
  return (
    `dictGetOrDefault('flow_tag.${isNumber ? "int" : "string"}_enum_map', 'name_en', ` +
    `(${textLiteral(name)}, ${value}), toString(${column}))`
  )
}

/** A name that is none is refused: a filter that never holds helps nobody. */
const valuesOf = (tag: EnumTag, name: string, at: number): ReadonlyArray<string> => {
  const found = tag.values.filter(([each]) => each === name).map(([, value]) => value)
  if (found.length > 0) return found
  if (tag.isNumber && /^\d{1,5}$/.test(name) && !tag.values.some(([, value]) => value === name)) return [name]
  const names = tag.values.map(([each]) => each)
  const suggestion = closest(name, names)
  throw new SqlProblem(
    at,
    `${tag.name} has no value ${JSON.stringify(name.slice(0, 60))}: ` +
      (suggestion === undefined
        ? `it has ${names.join(", ")}`
        : `did you mean ${JSON.stringify(suggestion)}?`),
  )
}

/** The condition on the numbers or codes themselves; undefined: compare the names. */
export const enumFilter = (
  tag: EnumTag,
  column: string,
  condition: Condition,
  at: number,
): string | undefined => {
  if (condition.kind !== "equals" || !condition.literals.every(({ value }) => typeof value === "string")) {
    return undefined
  }
  const values = condition.literals
    .flatMap(({ value }) => valuesOf(tag, String(value), at))
    .map((value) => (tag.isNumber ? value : textLiteral(value)))
  const [single] = values
  if (values.length === 1) return `${column} ${condition.negated ? "!=" : "="} ${single}`
  return `${column} ${condition.negated ? "NOT IN" : "IN"} (${values.join(", ")})`
}
