// The neutral form of a message: plain names and values, absent keys for what is not known. Printed by
// `sonde replay --messages` and compared by the conformance tests.

import {
  absentCode,
  absentLength,
  type L7Message,
  RecordType,
  ResponseStatus,
} from "../../model/L7Session.ts"
import { l7ProtocolName } from "../../model/protocol.ts"

export interface NeutralMessage {
  msg: "request" | "response"
  protocol: string
  is_async?: boolean
  version?: string
  request_type?: string
  request_domain?: string
  request_resource?: string
  endpoint?: string
  request_id?: number
  response_status: string
  response_code?: number
  response_exception?: string
  response_result?: string
  request_length?: number
  response_length?: number
  captured_request_byte?: number
  captured_response_byte?: number
  trace_ids?: ReadonlyArray<string>
  span_id?: string
  parent_span_id?: string
  x_request_id_0?: string
  x_request_id_1?: string
  client_ip?: string
  user_agent?: string
  referer?: string
  attributes?: Record<string, string>
}

const statusNames: Record<number, string> = {
  [ResponseStatus.ok]: "ok",
  [ResponseStatus.timeout]: "timeout",
  [ResponseStatus.serverError]: "server_error",
  [ResponseStatus.clientError]: "client_error",
  [ResponseStatus.unknown]: "unknown",
  [ResponseStatus.parseFailed]: "parse_failed",
}

export const responseStatusName = (status: number): string => statusNames[status] ?? "unknown"

export const neutralMessage = (message: L7Message): NeutralMessage => {
  const isRequest = message.type === RecordType.request
  const neutral: NeutralMessage = {
    msg: isRequest ? "request" : "response",
    protocol: l7ProtocolName(message.protocol),
    response_status: responseStatusName(message.status),
  }
  if (message.isAsync) neutral.is_async = true
  if (message.version !== "") neutral.version = message.version
  if (message.requestType !== "") neutral.request_type = message.requestType
  if (message.requestDomain !== "") neutral.request_domain = message.requestDomain
  if (message.requestResource !== "") neutral.request_resource = message.requestResource
  if (message.endpoint !== "") neutral.endpoint = message.endpoint
  if (message.requestId >= 0) neutral.request_id = message.requestId
  if (message.code !== absentCode) neutral.response_code = message.code
  if (message.exception !== "") neutral.response_exception = message.exception
  if (message.result !== "") neutral.response_result = message.result
  if (message.length !== absentLength)
    neutral[isRequest ? "request_length" : "response_length"] = message.length
  neutral[isRequest ? "captured_request_byte" : "captured_response_byte"] = message.capturedBytes
  if (message.traceId !== "") neutral.trace_ids = [message.traceId]
  if (message.spanId !== "") neutral.span_id = message.spanId
  if (message.parentSpanId !== "") neutral.parent_span_id = message.parentSpanId
  if (message.xRequestId !== "") neutral[isRequest ? "x_request_id_0" : "x_request_id_1"] = message.xRequestId
  if (message.proxyClient !== "") neutral.client_ip = message.proxyClient
  if (message.userAgent !== "") neutral.user_agent = message.userAgent
  if (message.referer !== "") neutral.referer = message.referer
  if (message.attributes.length > 0) {
    const attributes: Record<string, string> = {}
    for (let i = 0; i + 1 < message.attributes.length; i += 2)
      attributes[message.attributes[i]] = message.attributes[i + 1]
    neutral.attributes = attributes
  }
  return neutral
}
