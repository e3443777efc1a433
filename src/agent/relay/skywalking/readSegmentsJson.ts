// Reads SkyWalking's segments in JSON: one, or a list of them. Enumerations come by name or by number, 64-bit integers as either.

import type { ReadSpans } from "../ProgramSpan.ts"
import { type Pair, type Segment, type SegmentSpan, spansOfSegment } from "./Segment.ts"

type Node = Readonly<Record<string, unknown>>

const node = (value: unknown): Node =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Node) : {}
const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
const text = (value: unknown): string => (typeof value === "string" ? value : "")
const integer = (value: unknown, absent = 0): number => {
  const found = typeof value === "string" && value !== "" ? Number(value) : value
  return typeof found === "number" && Number.isSafeInteger(found) ? found : absent
}

const types = ["Entry", "Exit", "Local"]
const layers = ["Unknown", "Database", "RPCFramework", "Http", "MQ", "Cache", "FAAS"]

const numberOf = (value: unknown, names: ReadonlyArray<string>): number =>
  typeof value === "string" && names.includes(value) ? names.indexOf(value) : integer(value)

const pairs = (value: unknown): ReadonlyArray<Pair> =>
  list(value).map((one) => [text(node(one).key), text(node(one).value)])

const spanOf = (value: unknown): SegmentSpan => {
  const span = node(value)
  return {
    spanId: integer(span.spanId),
    parentSpanId: integer(span.parentSpanId),
    startMs: integer(span.startTime),
    endMs: integer(span.endTime),
    refs: list(span.refs).map((one) => ({
      traceId: text(node(one).traceId),
      segmentId: text(node(one).parentTraceSegmentId),
      spanId: integer(node(one).parentSpanId),
    })),
    operationName: text(span.operationName),
    peer: text(span.peer),
    spanType: numberOf(span.spanType, types),
    spanLayer: numberOf(span.spanLayer, layers),
    componentId: integer(span.componentId),
    isError: span.isError === true,
    tags: pairs(span.tags),
    logs: list(span.logs).map((one) => ({ timeMs: integer(node(one).time), data: pairs(node(one).data) })),
  }
}

const segmentOf = (value: unknown): Segment => {
  const segment = node(value)
  return {
    traceId: text(segment.traceId),
    segmentId: text(segment.traceSegmentId),
    service: text(segment.service),
    instance: text(segment.serviceInstance),
    spans: list(segment.spans).map(spanOf),
  }
}

/** What segments come to; those without ids are rejected, with all their spans. */
export const readSpansOf = (segments: ReadonlyArray<Segment>): ReadSpans => {
  const programs = segments.flatMap((segment) => spansOfSegment(segment) ?? [])
  const taken = programs.reduce((sum, { spans }) => sum + spans.length, 0)
  return {
    programs: programs.filter(({ spans }) => spans.length > 0),
    rejected: segments.reduce((sum, { spans }) => sum + spans.length, 0) - taken,
  }
}

/** Undefined: it is no JSON, or neither object nor list. */
export const readSegmentsJson = (bytes: Uint8Array): ReadSpans | undefined => {
  let told: unknown
  try {
    told = JSON.parse(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("utf8"))
  } catch {
    return undefined
  }
  if (typeof told !== "object" || told === null) return undefined
  return readSpansOf((Array.isArray(told) ? told : [told]).map(segmentOf))
}
