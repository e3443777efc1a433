// What a sender of OTLP is answered, in the form in which it asked.

import { ProtobufWriter } from "../../../wire/ProtobufWriter.ts"

export type Form = "protobuf" | "json"

export const contentTypes: Readonly<Record<Form, string>> = {
  protobuf: "application/x-protobuf",
  json: "application/json",
}

/** Undefined: OTLP has no such form. */
export const formOf = (contentType: string): Form | undefined => {
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase()
  if (type === "application/x-protobuf" || type === "application/protobuf") return "protobuf"
  return type === "application/json" ? "json" : undefined
}

const withoutIds = "spans without a trace id of 16 bytes and a span id of 8 bytes, not all of them zero"

/** An ExportTraceServiceResponse. All taken: it is empty. */
export const accepted = (form: Form, rejected: number): Uint8Array => {
  if (form === "json")
    return Buffer.from(
      JSON.stringify(
        rejected === 0
          ? {}
          : { partialSuccess: { rejectedSpans: String(rejected), errorMessage: withoutIds } },
      ),
    )
  const writer = new ProtobufWriter()
  if (rejected > 0) writer.message(1, (partial) => partial.integer(1, rejected).text(2, withoutIds))
  return writer.finish()
}

/** Codes of google.rpc.Code. */
export const RpcCode = {
  ok: 0,
  invalidArgument: 3,
  resourceExhausted: 8,
  unimplemented: 12,
  unavailable: 14,
  unauthenticated: 16,
} as const
export type RpcCode = (typeof RpcCode)[keyof typeof RpcCode]

/** A google.rpc.Status. */
export const failed = (form: Form, code: RpcCode, message: string): Uint8Array =>
  form === "json"
    ? Buffer.from(JSON.stringify({ code, message }))
    : new ProtobufWriter().integer(1, code).text(2, message).finish()

const retryInfo = "type.googleapis.com/google.rpc.RetryInfo"

/** A google.rpc.Status that says when to come again, as gRPC's `grpc-status-details-bin` carries it. */
export const comeAgain = (message: string, seconds: number): Uint8Array =>
  new ProtobufWriter()
    .integer(1, RpcCode.unavailable)
    .text(2, message)
    .message(3, (any) =>
      any.text(1, retryInfo).message(2, (info) => info.message(1, (delay) => delay.integer(1, seconds))),
    )
    .finish()
