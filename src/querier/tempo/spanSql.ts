// An expression of TraceQL as a condition on rows of requests. A field that a row does not have is never equal and never unequal to a
// value, as in Tempo; regular expressions must match the whole value.

import { customTagDictionary } from "../../tables/tagTables.ts"
import type { Conditions } from "../requests/requestFilter.ts"
import { errorSql, statusSql } from "../requests/status.ts"
import { durationUsSql, isUniversal } from "../trace/list/traceFilter.ts"
import {
  codeFields,
  durationFields,
  goDurationUs,
  kindFields,
  methodFields,
  nameFields,
  plainField,
  protocols,
  routeFields,
  serviceFields,
  statusFields,
  tagNames,
} from "./fields.ts"
import type { SpanExpression, TraceQlCondition } from "./traceQl.ts"

/** Conditions of one expression: each is looked at for each row. */
const conditionsMost = 32

class NotUnderstood extends Error {}

/** Kinds of spans by what programs tell, and by where a call was seen. */
const kinds: Readonly<Record<string, string>> = {
  unspecified: "0",
  internal: "(span_kind = 1)",
  server: "(span_kind = 2 OR observation_point = 's-p')",
  client: "(span_kind = 3 OR observation_point = 'c-p')",
  producer: "(span_kind = 4)",
  consumer: "(span_kind = 5)",
}

/** As `spanName` makes it. */
const what = "if(endpoint = '', request_resource, endpoint)"
const nameSql = `if(request_type = '' OR startsWith(upper(${what}), upper(request_type)), ${what}, concat(request_type, ' ', ${what}))`

const tagDictionary = `'${customTagDictionary.database}.${customTagDictionary.name}'`

class Writer {
  readonly params: Record<string, string | number> = {}
  readonly #isLoose: boolean
  #count = 0

  constructor(isLoose: boolean) {
    this.#isLoose = isLoose
  }

  #param(value: string | number, type: string): string {
    const name = `q${this.#count++}`
    if (this.#count > conditionsMost * 2) throw new NotUnderstood(`more than ${conditionsMost} conditions`)
    this.params[name] = value
    return `{${name}:${type}}`
  }

  sql(spans: SpanExpression): string {
    switch (spans.is) {
      case "true":
        return "1"
      case "not":
        return this.#isLoose ? "1" : `NOT (${this.sql(spans.of)})`
      case "condition":
        return this.#isLoose && spans.condition.operator.startsWith("!")
          ? "1"
          : this.#condition(spans.condition)
      default:
        return `(${this.sql(spans.left)} ${spans.is === "and" ? "AND" : "OR"} ${this.sql(spans.right)})`
    }
  }

  /** Of texts of which one must compare; unequal: none of them is equal. */
  #text({ field, operator, value }: TraceQlCondition, ...texts: ReadonlyArray<string>): string {
    const one = (compare: (text: string) => string): string => `(${texts.map(compare).join(" OR ")})`
    switch (operator) {
      case "=":
      case "!=": {
        const given = this.#param(value, "String")
        const isEqual = one((text) => `${text} = ${given}`)
        return operator === "=" ? isEqual : `NOT ${isEqual}`
      }
      case "=~":
      case "!~": {
        const given = this.#param(`^(?:${value})$`, "String")
        const isMatch = one((text) => `match(${text}, ${given})`)
        return operator === "=~" ? isMatch : `NOT ${isMatch}`
      }
      default: {
        const given = this.#param(this.#number(field, value), "Float64")
        return one((text) => `ifNull(toFloat64OrNull(${text}) ${operator} ${given}, 0)`)
      }
    }
  }

  #number(field: string, value: string): number {
    const number = Number(value)
    if (value === "" || !Number.isFinite(number))
      throw new NotUnderstood(`${field}: ${value} is not a number`)
    return number
  }

  #equality({ field, operator }: TraceQlCondition, isEqual: string): string {
    if (operator === "=") return isEqual
    if (operator === "!=") return `NOT (${isEqual})`
    throw new NotUnderstood(`${field}: expected = or !=, found ${operator}`)
  }

  #compared(condition: TraceQlCondition, column: string, value: number): string {
    const { field, operator } = condition
    if (operator === "=~" || operator === "!~")
      throw new NotUnderstood(`${field}: expected a comparison, found ${operator}`)
    return `ifNull(${column} ${operator} ${this.#param(value, "Float64")}, 0)`
  }

  #condition(condition: TraceQlCondition): string {
    const { field, value } = condition
    if (durationFields.has(field)) {
      const us = goDurationUs(value)
      if (us === undefined) throw new NotUnderstood(`${field}: ${value} is not a duration such as 100ms`)
      return this.#compared(condition, durationUsSql, us)
    }
    if (statusFields.has(field)) {
      if (value === "error") return this.#equality(condition, errorSql)
      if (value === "ok" || value === "unset") return this.#equality(condition, statusSql.ok)
      throw new NotUnderstood(`${field}: ${value} is not one of error, ok, unset`)
    }
    if (kindFields.has(field)) {
      const kind = Object.hasOwn(kinds, value) ? kinds[value] : undefined
      if (kind === undefined)
        throw new NotUnderstood(`${field}: ${value} is not one of ${Object.keys(kinds).join(", ")}`)
      return this.#equality(condition, `ifNull(${kind}, 0)`)
    }
    if (nameFields.has(field)) return this.#text(condition, nameSql)
    if (serviceFields.has(field.replace(/^\./, "")))
      return this.#text(condition, "auto_service_0", "auto_service_1", "app_service")
    return this.#tag(condition, plainField(field))
  }

  #tag(condition: TraceQlCondition, name: string): string {
    if (routeFields.has(name)) return this.#text(condition, "endpoint")
    if (methodFields.has(name)) return this.#text(condition, "request_type")
    if (codeFields.has(name))
      return this.#compared(condition, "response_code", this.#number(name, condition.value))
    if (name === "network.protocol.name" && protocols.has(condition.value.toLowerCase()))
      return this.#equality(condition, `l7_protocol = ${protocols.get(condition.value.toLowerCase())!}`)
    const tag = tagNames[name] ?? name
    if (isUniversal(tag)) return `(${this.#text(condition, `${tag}_0`, `${tag}_1`)})`
    const given = this.#param(tag, "String")
    const texts = [
      `attribute_values[indexOf(attribute_names, ${given})]`,
      ...["_0", "_1"].map(
        (side) => `dictGet(${tagDictionary}, 'value', (toUInt64(tag_set_id${side}), ${given}))`,
      ),
    ]
    const isThere = `(${texts.map((text) => `${text} != ''`).join(" OR ")})`
    return `(${isThere} AND ${this.#text(condition, ...texts)})`
  }
}

/**
 * What is wrong with it, where it cannot be asked. `isLoose`: what a span is not may be so of some rows of it and not of others (either
 * side may have the name), so it is not asked for.
 */
export const spanSql = (spans: SpanExpression, { isLoose = false } = {}): Conditions | string => {
  const writer = new Writer(isLoose)
  try {
    const sql = writer.sql(spans)
    return { sql, params: writer.params }
  } catch (error) {
    if (error instanceof NotUnderstood) return error.message
    throw error
  }
}
