// An assembled trace as Jaeger's query service answers it (v1): spans with references to their parents, and the processes that made them.

import type { Attributes, AttributeValue, OtlpResource, OtlpSpan } from "../trace/otlp/otlpTrace.ts"
import { SpanKind, StatusCode } from "../trace/otlp/otlpTrace.ts"

const kinds: Readonly<Record<OtlpSpan["kind"], string>> = {
  [SpanKind.internal]: "internal",
  [SpanKind.server]: "server",
  [SpanKind.client]: "client",
}

const typeOf = (value: AttributeValue): string =>
  typeof value === "string"
    ? "string"
    : typeof value === "boolean"
      ? "bool"
      : Number.isInteger(value)
        ? "int64"
        : "float64"

const tags = (attributes: Attributes): ReadonlyArray<object> =>
  Object.entries(attributes).map(([key, value]) => ({ key, type: typeOf(value), value }))

const statusTags = ({ statusCode, statusMessage }: OtlpSpan): Attributes =>
  statusCode === StatusCode.error
    ? {
        error: true,
        "otel.status_code": "ERROR",
        ...(statusMessage === "" ? {} : { "otel.status_description": statusMessage }),
      }
    : {}

const spanOf = (span: OtlpSpan, processID: string): object => ({
  traceID: span.traceId,
  spanID: span.spanId,
  operationName: span.name,
  references:
    span.parentSpanId === ""
      ? []
      : [{ refType: "CHILD_OF", traceID: span.traceId, spanID: span.parentSpanId }],
  startTime: Number(span.startNs / 1_000n),
  duration: Number((span.endNs - span.startNs) / 1_000n),
  tags: tags({ "span.kind": kinds[span.kind], ...statusTags(span), ...span.attributes }),
  logs: [],
  processID,
  warnings: null,
})

export const jaegerTrace = (
  resources: ReadonlyArray<OtlpResource>,
  warnings: ReadonlyArray<string>,
): object => {
  const processes = resources.map(({ attributes }, at) => {
    const { "service.name": service, ...rest } = attributes
    return [`p${at + 1}`, { serviceName: String(service), tags: tags(rest) }] as const
  })
  return {
    traceID: resources[0]?.spans[0]?.traceId ?? "",
    spans: resources.flatMap(({ spans }, at) => spans.map((span) => spanOf(span, `p${at + 1}`))),
    processes: Object.fromEntries(processes),
    warnings: warnings.length === 0 ? null : warnings,
  }
}
