// An assembled trace as OpenTelemetry's `TracesData`: one trace id, span ids of their own, and parents that are in it. Messages carry one
// span id at both ends of a call, and none at all where nobody propagates; so only a span that a program tells keeps its id, every
// other span's is the number of its row.

import { createHash } from "node:crypto"
import type { Trace, TraceSpan } from "../Trace.ts"
import { hexName } from "../traceIds.ts"
import { resourceAttributes, spanAttributes } from "./attributes.ts"

export type AttributeValue = string | number | boolean
export type Attributes = Readonly<Record<string, AttributeValue>>

/** As `Span.SpanKind` and `Status.StatusCode` number them. */
export const SpanKind = { internal: 1, server: 2, client: 3 } as const
export const StatusCode = { unset: 0, error: 2 } as const

export interface OtlpSpan {
  /** 32 and 16 hexadecimal digits; the parent's empty for roots. */
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  readonly name: string
  readonly kind: (typeof SpanKind)[keyof typeof SpanKind]
  /** Nanoseconds since 1970. */
  readonly startNs: bigint
  readonly endNs: bigint
  readonly attributes: Attributes
  readonly statusCode: (typeof StatusCode)[keyof typeof StatusCode]
  readonly statusMessage: string
}

/** Spans of one service at one place. */
export interface OtlpResource {
  readonly attributes: Attributes
  readonly spans: ReadonlyArray<OtlpSpan>
}

export const scopeName = "sonde"

const isSpanId = (id: string): boolean => /^[0-9a-f]{16}$/.test(id) && !/^0+$/.test(id)

const hash = (text: string, digits: number): string =>
  createHash("sha256").update(text).digest("hex").slice(0, digits)

/** The trace's own id; where it has none of the right form, it is called by its first root. */
export const otlpTraceId = (trace: Trace): string => hexName(trace.traceId, trace.spans[trace.roots[0]!]!.id)

const numberId = (id: string): string => BigInt(id).toString(16).padStart(16, "0")

const spanIds = (spans: ReadonlyArray<TraceSpan>): ReadonlyArray<string> => {
  const taken = new Set<string>()
  return spans.map(({ id, kind, spanId }) => {
    const own = kind === "application" && isSpanId(spanId) && !taken.has(spanId) ? spanId : numberId(id)
    const free = taken.has(own) || !isSpanId(own) ? hash(`row ${id}`, 16) : own
    taken.add(free)
    return free
  })
}

const kinds: Readonly<Record<TraceSpan["role"], OtlpSpan["kind"]>> = {
  client: SpanKind.client,
  server: SpanKind.server,
  internal: SpanKind.internal,
  way: SpanKind.internal,
}

/** A request that failed for its client's fault is no error of the server's, by OpenTelemetry's conventions. */
const isError = ({ role, status }: TraceSpan): boolean =>
  status === "server_error" || status === "timeout" || (status === "client_error" && role !== "server")

export const otlpTrace = (trace: Trace): ReadonlyArray<OtlpResource> => {
  const traceId = otlpTraceId(trace)
  const ids = spanIds(trace.spans)
  const resources = new Map<string, { attributes: Attributes; spans: Array<OtlpSpan> }>()
  trace.spans.forEach((span, at) => {
    const attributes = resourceAttributes(span)
    const key = JSON.stringify(attributes)
    const resource = resources.get(key) ?? { attributes, spans: [] }
    resources.set(key, resource)
    resource.spans.push({
      traceId,
      spanId: ids[at]!,
      parentSpanId: span.parent === -1 ? "" : ids[span.parent]!,
      name: span.name,
      kind: kinds[span.role],
      startNs: BigInt(span.startUs) * 1_000n,
      endNs: BigInt(span.endUs) * 1_000n,
      attributes: spanAttributes(span),
      statusCode: isError(span) ? StatusCode.error : StatusCode.unset,
      statusMessage: isError(span) ? span.exception : "",
    })
  })
  return [...resources.values()]
}
