// Reads an OTLP request for traces in JSON. Ids are hexadecimal, not base64; integers of 64 bits come as texts or as numbers;
// names that are not known are passed over.

import {
  areIds,
  type Attributes,
  parentId,
  type ProgramSpan,
  type ProgramSpans,
  type ReadSpans,
  type SpanEvent,
  spanKind,
} from "../ProgramSpan.ts"

type Json = unknown
type Node = Readonly<Record<string, Json>>

const statusError = 2
/** Values within values; what is deeper says nothing. */
const deepest = 8

const node = (value: Json): Node =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Node) : {}

const list = (value: Json): ReadonlyArray<Json> => (Array.isArray(value) ? value : [])

const text = (value: Json): string => (typeof value === "string" ? value : "")

const integerText = /^-?\d{1,20}$/

/** Nanoseconds since 1970 to microseconds. */
const microseconds = (value: Json): number => {
  const digits = typeof value === "number" ? String(value) : text(value)
  return integerText.test(digits) && !digits.startsWith("-") ? Number(BigInt(digits) / 1_000n) : 0
}

const number = (value: Json): number => {
  const found = typeof value === "string" ? Number(value) : value
  return typeof found === "number" && Number.isFinite(found) ? found : 0
}

const anyValue = (value: Json, depth = 0): Json => {
  if (depth > deepest) return ""
  const any = node(value)
  if ("stringValue" in any) return text(any.stringValue)
  if ("boolValue" in any) return any.boolValue === true
  if ("intValue" in any) {
    const digits = String(any.intValue)
    const int = Number(digits)
    return Number.isSafeInteger(int) ? int : integerText.test(digits) ? digits : 0
  }
  if ("doubleValue" in any) return number(any.doubleValue)
  if ("arrayValue" in any) return list(node(any.arrayValue).values).map((one) => anyValue(one, depth + 1))
  if ("kvlistValue" in any)
    return Object.fromEntries(
      list(node(any.kvlistValue).values).map((pair) => [
        text(node(pair).key),
        anyValue(node(pair).value, depth + 1),
      ]),
    )
  return text(any.bytesValue)
}

const attributesOf = (value: Json): Attributes => {
  const attributes = new Map<string, string>()
  for (const pair of list(value)) {
    const key = text(node(pair).key)
    const any = anyValue(node(pair).value)
    if (key !== "") attributes.set(key, typeof any === "string" ? any : JSON.stringify(any))
  }
  return attributes
}

const eventOf = (value: Json): SpanEvent => {
  const event = node(value)
  return {
    name: text(event.name),
    timeUs: microseconds(event.timeUnixNano),
    attributes: attributesOf(event.attributes),
  }
}

const spanOf = (value: Json): ProgramSpan | undefined => {
  const span = node(value)
  const [traceId, spanId] = [text(span.traceId).toLowerCase(), text(span.spanId).toLowerCase()]
  if (!areIds(traceId, spanId)) return undefined
  const startUs = microseconds(span.startTimeUnixNano)
  const status = node(span.status)
  return {
    traceId,
    spanId,
    parentSpanId: parentId(text(span.parentSpanId).toLowerCase()),
    name: text(span.name),
    kind: spanKind(number(span.kind)),
    startUs,
    endUs: Math.max(startUs, microseconds(span.endTimeUnixNano)),
    isError: number(status.code) === statusError,
    statusText: text(status.message),
    attributes: attributesOf(span.attributes),
    events: list(span.events).map(eventOf),
  }
}

/** Undefined: it is no JSON, or no object of resources. */
export const readTracesJson = (bytes: Uint8Array): ReadSpans | undefined => {
  let request: Json
  try {
    request = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"))
  } catch {
    return undefined
  }
  const isObject = typeof request === "object" && request !== null && !Array.isArray(request)
  const resources = node(request).resourceSpans ?? []
  if (!isObject || !Array.isArray(resources)) return undefined
  const programs: Array<ProgramSpans> = []
  let rejected = 0
  for (const one of resources) {
    const spans: Array<ProgramSpan> = []
    for (const scope of list(node(one).scopeSpans))
      for (const given of list(node(scope).spans)) {
        const span = spanOf(given)
        if (span === undefined) rejected++
        else spans.push(span)
      }
    if (spans.length > 0)
      programs.push({ resource: attributesOf(node(node(one).resource).attributes), spans })
  }
  return { programs, rejected }
}
