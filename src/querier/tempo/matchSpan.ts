// An expression of TraceQL about a span of an assembled trace: what spanSql.ts asks the database of rows. Regular expressions are left to
// the database, which has some that cannot take for ever.

import type { TraceSpan } from "../trace/Trace.ts"
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

const errors: ReadonlySet<string> = new Set(["client_error", "server_error", "timeout"])

const compared = (operator: TraceQlCondition["operator"], left: number, right: number): boolean => {
  switch (operator) {
    case ">":
      return left > right
    case ">=":
      return left >= right
    case "<":
      return left < right
    case "<=":
      return left <= right
    case "=":
      return left === right
    case "!=":
      return left !== right
    default:
      return false
  }
}

const textCompared = ({ operator, value }: TraceQlCondition, text: string): boolean => {
  if (operator === "=") return text === value
  if (operator === "!=") return text !== value
  return text !== "" && compared(operator, Number(text), Number(value))
}

const tagOf = (span: TraceSpan, name: string): string => {
  if (routeFields.has(name)) return span.endpoint
  if (methodFields.has(name)) return span.type
  return span.tags[tagNames[name] ?? name] ?? ""
}

const holds = (condition: TraceQlCondition, span: TraceSpan): boolean => {
  const { field, operator, value } = condition
  if (durationFields.has(field)) return compared(operator, span.durationUs, goDurationUs(value) ?? Number.NaN)
  if (statusFields.has(field)) {
    const isSuch = value === "error" ? errors.has(span.status) : span.status === "ok"
    return operator === "=" ? isSuch : !isSuch
  }
  if (kindFields.has(field)) {
    const isSuch = span.kind !== "network" && span.role === value
    return operator === "=" ? isSuch : !isSuch
  }
  if (nameFields.has(field)) return textCompared(condition, span.name)
  if (serviceFields.has(field.replace(/^\./, ""))) return textCompared(condition, span.service)
  const name = plainField(field)
  if (codeFields.has(name)) return span.code !== null && compared(operator, span.code, Number(value))
  if (name === "network.protocol.name" && protocols.has(value.toLowerCase()))
    return textCompared({ ...condition, value: value.toLowerCase() }, span.protocol.toLowerCase())
  const text = tagOf(span, name)
  return text !== "" && textCompared(condition, text)
}

export const matchesSpan = (spans: SpanExpression, span: TraceSpan): boolean => {
  switch (spans.is) {
    case "true":
      return true
    case "condition":
      return holds(spans.condition, span)
    case "not":
      return !matchesSpan(spans.of, span)
    case "and":
      return matchesSpan(spans.left, span) && matchesSpan(spans.right, span)
    case "or":
      return matchesSpan(spans.left, span) || matchesSpan(spans.right, span)
  }
}
