// Conditions on tags as ClickHouse SQL. A side that lacks a tag has the empty text (or number 0) for it, and a condition holds for
// that as for any other value; so `!=` holds where the tag is missing. Conditions with literals become sets of resource ids.

import { isTextTag, type UniversalTag } from "../../../tags/universalTags.ts"
import { textLiteral } from "../syntax/print.ts"
import { addressFilter, standInFilter } from "./addressCondition.ts"
import type { Condition, Literal } from "./Condition.ts"
import { customTags, hasAddress, resourceId, resources, rowValue } from "./tagValue.ts"
import type { Tag, TagUse } from "./TagUse.ts"

/** Rows whose side is one of the resources that meet `where`, or is none of them. */
const inSet = (use: TagUse, where: string, isIn: boolean): string =>
  `${resourceId(use)} ${isIn ? "IN" : "NOT IN"} (SELECT id FROM ${resources} WHERE ${where})`

/**
 * Where the condition holds for sides without the tag, the set is of those for which it does not hold: sides that no resource is
 * known of have no tags either.
 */
const setFilter = (
  use: TagUse,
  condition: Condition,
  value: string,
  without: string | number,
  where: (test: string) => string,
): string | undefined => {
  const holdsWithout = condition.holdsFor(without)
  if (holdsWithout === undefined) return undefined
  const test = holdsWithout ? condition.not(value) : condition.on(value)
  return inSet(use, where(test), holdsWithout === condition.negated)
}

const universalFilter = (use: TagUse, tag: UniversalTag, condition: Condition): string | undefined => {
  const guard = tag.deviceType === undefined ? "" : `l3_device_type = ${tag.deviceType} AND `
  return setFilter(use, condition, tag.column, isTextTag(tag) ? "" : 0, (test) => guard + test)
}

/** The name where there is one, else the address. */
const namedOrAddress = (use: TagUse, { column }: UniversalTag, condition: Condition): string => {
  const isNamed = `${column} != ''`
  const test = condition.on(column)
  const named = condition.holdsFor("") === false ? test : `${isNamed} AND ${test}`
  const address = standInFilter(use, condition)
  if (address === undefined) return inSet(use, named, !condition.negated)
  const either = `(${inSet(use, named, true)} OR ${inSet(use, isNamed, false)} AND ${address})`
  return condition.negated ? `not${either}` : either
}

const customFilter = (use: TagUse, key: string, condition: Condition): string | undefined =>
  setFilter(
    use,
    condition,
    "value",
    "",
    (test) => `tag_set_id IN (SELECT id FROM ${customTags} WHERE key = ${textLiteral(key)} AND ${test})`,
  )

/** The first condition can use an index of the names. */
const fieldFilter = (
  use: TagUse,
  tag: Extract<Tag, { kind: "field" }>,
  condition: Condition,
): string | undefined => {
  if (condition.holdsFor("") !== false) return undefined
  const guarded = `(${hasField(use, tag)} AND ${condition.on(rowValue(use))})`
  return condition.negated ? `not${guarded}` : guarded
}

const hasField = (use: TagUse, tag: Extract<Tag, { kind: "field" }>): string =>
  `has(${use.column(tag.names)}, ${textLiteral(tag.key)})`

/** Written as the table stores it: lower case, all digits, not only zeros. */
const isIdOfBytes = (text: string, bytes: number): boolean =>
  text.length === bytes * 2 && /^[0-9a-f]+$/.test(text) && !/^0+$/.test(text)

const oneOf = (column: string, values: ReadonlyArray<string>): ReadonlyArray<string> =>
  values.length === 0
    ? []
    : [values.length === 1 ? `${column} = ${values[0]}` : `${column} IN (${values.join(", ")})`]

/** Ids that are stored as bytes are looked for as bytes, so that their index serves. */
const traceIdFilter = (
  use: TagUse,
  { bytes, column }: Extract<Tag, { kind: "traceId" }>,
  condition: Condition,
): string | undefined => {
  const isText = ({ value }: Literal) => typeof value === "string"
  const missing = condition.literals.some(({ value }) => value === "")
  if (condition.kind !== "equals" || !condition.literals.every(isText) || missing) return undefined
  const texts = condition.literals.map(({ value }) => String(value))
  const stored = (text: string) => (bytes === 16 ? `unhex('${text}')` : BigInt(`0x${text}`).toString())
  const ids = texts.filter((text) => isIdOfBytes(text, bytes)).map(stored)
  const others = texts.filter((text) => !isIdOfBytes(text, bytes)).map(textLiteral)
  const tests = [...oneOf(use.column(`_${column}`), ids), ...oneOf(use.column(`_${column}_text`), others)]
  const whole = tests.length === 1 ? tests[0]! : `(${tests.join(" OR ")})`
  return condition.negated ? `not(${whole})` : whole
}

/** Undefined: compare the row's value itself. */
export const tagFilter = (use: TagUse, condition: Condition): string | undefined => {
  const { tag } = use
  switch (tag.kind) {
    case "universal":
      return hasAddress(use)
        ? namedOrAddress(use, tag.tag, condition)
        : universalFilter(use, tag.tag, condition)
    case "custom":
      return customFilter(use, tag.key, condition)
    case "field":
      return fieldFilter(use, tag, condition)
    case "address":
      return addressFilter(use, condition)
    case "traceId":
      return traceIdFilter(use, tag, condition)
    case "older":
      return undefined
  }
}

/** `exist(tag)`: the side has it. */
export const existFilter = (use: TagUse): string => {
  const { tag } = use
  switch (tag.kind) {
    case "universal": {
      if (hasAddress(use)) return "1"
      const guard = tag.tag.deviceType === undefined ? "" : `l3_device_type = ${tag.tag.deviceType} AND `
      return inSet(use, `${guard}${tag.tag.column} != ${isTextTag(tag.tag) ? "''" : "0"}`, true)
    }
    case "custom": {
      const sets = `SELECT id FROM ${customTags} WHERE key = ${textLiteral(tag.key)}`
      return inSet(use, `tag_set_id IN (${sets})`, true)
    }
    case "field":
      return hasField(use, tag)
    case "address":
      return "1"
    case "traceId":
      return `${use.column(tag.column)} != ''`
    case "older":
      return `${use.column(tag.column)} != defaultValueOfArgumentType(${use.column(tag.column)})`
  }
}
