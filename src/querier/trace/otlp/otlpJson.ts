// OTLP in its JSON form: ids in hexadecimal, 64-bit numbers as texts, enumerations as numbers.

import {
  type Attributes,
  type AttributeValue,
  type OtlpResource,
  type OtlpSpan,
  scopeName,
} from "./otlpTrace.ts"

const valueJson = (value: AttributeValue): object =>
  typeof value === "string"
    ? { stringValue: value }
    : typeof value === "boolean"
      ? { boolValue: value }
      : Number.isInteger(value)
        ? { intValue: String(value) }
        : { doubleValue: value }

export const attributesJson = (attributes: Attributes): ReadonlyArray<object> =>
  Object.entries(attributes).map(([key, value]) => ({ key, value: valueJson(value) }))

const spanJson = (span: OtlpSpan): object => ({
  traceId: span.traceId,
  spanId: span.spanId,
  ...(span.parentSpanId === "" ? {} : { parentSpanId: span.parentSpanId }),
  name: span.name,
  kind: span.kind,
  startTimeUnixNano: String(span.startNs),
  endTimeUnixNano: String(span.endNs),
  attributes: attributesJson(span.attributes),
  status:
    span.statusMessage === ""
      ? { code: span.statusCode }
      : { code: span.statusCode, message: span.statusMessage },
})

/** `resourceSpans` of a request, of `TracesData`, of Tempo's and of Jaeger's answers. */
export const resourceSpansJson = (resources: ReadonlyArray<OtlpResource>): ReadonlyArray<object> =>
  resources.map(({ attributes, spans }) => ({
    resource: { attributes: attributesJson(attributes) },
    scopeSpans: [{ scope: { name: scopeName }, spans: spans.map(spanJson) }],
  }))
