// OTLP in JSON. Its own form has ids in hexadecimal and enumerations as numbers; protobuf's general form, which Tempo answers, has
// bytes in base64 and enumerations by name. 64-bit numbers are texts in both.

import {
  type Attributes,
  type AttributeValue,
  type OtlpResource,
  type OtlpSpan,
  scopeName,
} from "./otlpTrace.ts"

export type JsonForm = "otlp" | "protobuf"

const kindNames: Readonly<Record<OtlpSpan["kind"], string>> = {
  1: "SPAN_KIND_INTERNAL",
  2: "SPAN_KIND_SERVER",
  3: "SPAN_KIND_CLIENT",
}

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

const statusJson = ({ statusCode, statusMessage }: OtlpSpan, form: JsonForm): object => {
  if (statusCode === 0) return {}
  const code = form === "otlp" ? statusCode : "STATUS_CODE_ERROR"
  return statusMessage === "" ? { code } : { code, message: statusMessage }
}

const spanJson = (span: OtlpSpan, form: JsonForm): object => {
  const id = (hex: string): string => (form === "otlp" ? hex : Buffer.from(hex, "hex").toString("base64"))
  return {
    traceId: id(span.traceId),
    spanId: id(span.spanId),
    ...(span.parentSpanId === "" ? {} : { parentSpanId: id(span.parentSpanId) }),
    name: span.name,
    kind: form === "otlp" ? span.kind : kindNames[span.kind],
    startTimeUnixNano: String(span.startNs),
    endTimeUnixNano: String(span.endNs),
    attributes: attributesJson(span.attributes),
    status: statusJson(span, form),
  }
}

/** `resourceSpans` of a request, of `TracesData`, of Jaeger's answers and, in the other form, of Tempo's. */
export const resourceSpansJson = (
  resources: ReadonlyArray<OtlpResource>,
  form: JsonForm = "otlp",
): ReadonlyArray<object> =>
  resources.map(({ attributes, spans }) => ({
    resource: { attributes: attributesJson(attributes) },
    scopeSpans: [{ scope: { name: scopeName }, spans: spans.map((span) => spanJson(span, form)) }],
  }))
