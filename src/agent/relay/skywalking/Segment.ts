// A segment of SkyWalking: what one program did for one request, as spans that number each other. Names and numbers are those of
// skywalking-data-collect-protocol's language-agent/Tracing.proto; readers fill them in.

import { SpanKind } from "../../../model/observation.ts"
import type { ProgramSpan, ProgramSpans, SpanEvent } from "../ProgramSpan.ts"

export interface SegmentReference {
  readonly traceId: string
  readonly segmentId: string
  readonly spanId: number
}

export type Pair = readonly [key: string, value: string]

export interface SegmentLog {
  /** Milliseconds since 1970. */
  readonly timeMs: number
  readonly data: ReadonlyArray<Pair>
}

export interface SegmentSpan {
  readonly spanId: number
  /** -1: the first of its segment. */
  readonly parentSpanId: number
  readonly startMs: number
  readonly endMs: number
  readonly refs: ReadonlyArray<SegmentReference>
  readonly operationName: string
  /** Address of the other end of an exit span. */
  readonly peer: string
  /** 0 entry, 1 exit, 2 local. */
  readonly spanType: number
  /** 0 unknown, 1 database, 2 RPC, 3 HTTP, 4 messages, 5 cache, 6 FaaS. */
  readonly spanLayer: number
  readonly componentId: number
  readonly isError: boolean
  readonly tags: ReadonlyArray<Pair>
  readonly logs: ReadonlyArray<SegmentLog>
}

export interface Segment {
  readonly traceId: string
  readonly segmentId: string
  readonly service: string
  readonly instance: string
  readonly spans: ReadonlyArray<SegmentSpan>
}

const messages = 4

const kindOf = ({ spanLayer, spanType }: SegmentSpan): SpanKind => {
  if (spanType === 0) return spanLayer === messages ? SpanKind.consumer : SpanKind.server
  if (spanType === 1) return spanLayer === messages ? SpanKind.producer : SpanKind.client
  return SpanKind.internal
}

/** Tags of SkyWalking's agents by OpenTelemetry's names for the same; all tags stay as they are beside. */
const otherNames: Readonly<Record<string, string>> = {
  url: "url.full",
  "http.method": "http.request.method",
  "http.status_code": "http.response.status_code",
  status_code: "http.response.status_code",
  "db.type": "db.system.name",
  "db.instance": "db.namespace",
  "db.statement": "db.query.text",
  "mq.topic": "messaging.destination.name",
  "mq.queue": "messaging.destination.name",
}

const layers = ["", "database", "rpc", "http", "mq", "cache", "faas"]

const attributesOf = (span: SegmentSpan): ReadonlyMap<string, string> => {
  const attributes = new Map(span.tags)
  for (const [key, value] of span.tags) {
    const name = Object.hasOwn(otherNames, key) ? otherNames[key]! : ""
    if (name !== "" && !attributes.has(name))
      attributes.set(name, name === "db.system.name" ? value.toLowerCase() : value)
  }
  const port = /:(\d+)$/.exec(span.peer)
  if (span.peer !== "" && span.spanType === 1) {
    attributes.set("server.address", port === null ? span.peer : span.peer.slice(0, port.index))
    if (port !== null) attributes.set("server.port", port[1]!)
  }
  const layer = layers[span.spanLayer] ?? ""
  if (layer !== "") attributes.set("sw8.layer", layer)
  if (span.componentId !== 0) attributes.set("sw8.component_id", String(span.componentId))
  return attributes
}

const usOf = (ms: number): number => Math.max(0, ms) * 1_000

const eventsOf = ({ logs }: SegmentSpan): ReadonlyArray<SpanEvent> =>
  logs.map(({ data, timeMs }) => {
    const told = new Map(data)
    const isError = told.get("event") === "error"
    const attributes = new Map(data)
    if (isError) {
      attributes.set("exception.type", told.get("error.kind") ?? "")
      attributes.set("exception.message", told.get("message") ?? "")
    }
    return { name: isError ? "exception" : (told.get("event") ?? "log"), timeUs: usOf(timeMs), attributes }
  })

/** As headers carry it: the agent reads `sw8` into the same form. */
const idOf = (segmentId: string, spanId: number): string => `${segmentId}-${spanId}`

const parentOf = (segment: Segment, span: SegmentSpan): string => {
  if (span.parentSpanId >= 0) return idOf(segment.segmentId, span.parentSpanId)
  const ref = span.refs.find(({ traceId }) => traceId === segment.traceId || traceId === "")
  return ref === undefined ? "" : idOf(ref.segmentId, ref.spanId)
}

/** Spans without a trace or segment are in none: undefined. */
export const spansOfSegment = (segment: Segment): ProgramSpans | undefined => {
  if (segment.traceId === "" || segment.segmentId === "") return undefined
  return {
    resource: new Map(
      [["service.name", segment.service] as const, ["service.instance.id", segment.instance] as const].filter(
        ([, value]) => value !== "",
      ),
    ),
    spans: segment.spans.map((span): ProgramSpan => ({
      traceId: segment.traceId,
      spanId: idOf(segment.segmentId, span.spanId),
      parentSpanId: parentOf(segment, span),
      name: span.operationName,
      kind: kindOf(span),
      startUs: usOf(span.startMs),
      endUs: usOf(Math.max(span.startMs, span.endMs)),
      isError: span.isError,
      statusText: "",
      attributes: attributesOf(span),
      events: eventsOf(span),
    })),
  }
}
