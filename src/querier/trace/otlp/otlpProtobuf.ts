// OTLP in protobuf. Numbers of fields are those of opentelemetry/proto/trace/v1/trace.proto and common/v1/common.proto.

import {
  type Attributes,
  type AttributeValue,
  type OtlpResource,
  type OtlpSpan,
  scopeName,
} from "./otlpTrace.ts"
import type { ProtobufWriter } from "../../../wire/ProtobufWriter.ts"

const writeValue = (writer: ProtobufWriter, value: AttributeValue): void => {
  if (typeof value === "string") writer.chosenText(1, value)
  else if (typeof value === "boolean") writer.chosenInteger(2, value ? 1 : 0)
  else if (Number.isInteger(value)) writer.chosenInteger(3, value)
  else writer.chosenDouble(4, value)
}

const writeAttributes = (writer: ProtobufWriter, field: number, attributes: Attributes): void => {
  for (const [key, value] of Object.entries(attributes))
    writer.message(field, (pair) => {
      pair.text(1, key)
      pair.message(2, (any) => writeValue(any, value))
    })
}

const hex = (digits: string): Uint8Array => Buffer.from(digits, "hex")

const writeSpan = (writer: ProtobufWriter, span: OtlpSpan): void => {
  writer
    .bytes(1, hex(span.traceId))
    .bytes(2, hex(span.spanId))
    .bytes(4, hex(span.parentSpanId))
    .text(5, span.name)
    .integer(6, span.kind)
    .fixed64(7, span.startNs)
    .fixed64(8, span.endNs)
  writeAttributes(writer, 9, span.attributes)
  writer.message(15, (status) => status.text(2, span.statusMessage).integer(3, span.statusCode))
}

/** `repeated ResourceSpans` as a field of `TracesData`, a request, or Tempo's `Trace`: 1 in all of them. */
export const writeResourceSpans = (writer: ProtobufWriter, resources: ReadonlyArray<OtlpResource>): void => {
  for (const { attributes, spans } of resources)
    writer.message(1, (resourceSpans) => {
      resourceSpans.message(1, (resource) => writeAttributes(resource, 1, attributes))
      resourceSpans.message(2, (scopeSpans) => {
        scopeSpans.message(1, (scope) => scope.text(1, scopeName))
        for (const span of spans) scopeSpans.message(2, (one) => writeSpan(one, span))
      })
    })
}
