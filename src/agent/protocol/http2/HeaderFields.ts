// What one header block said, in the terms of messages: filled by the decoder, then written into a message.
// One serves all connections of a protocol value. Authorization and Cookie headers are never looked at.

import { type L7Message, ResponseStatus } from "../../../model/L7Session.ts"
import { endpointOf, hostOf, maskQuery } from "../http1/target.ts"
import { asUtf8 } from "../latin1.ts"
import { isSpanId, readB3, readSw8, readTraceparent, readUber } from "../traceContext.ts"
import { Field } from "./fields.ts"

/** What a body holds. */
export const Content = { unknown: 0, other: 1, grpc: 2, eventStream: 3 } as const
export type Content = (typeof Content)[keyof typeof Content]

const digits = /^\d{1,15}$/
const numberOf = (text: string): number => (digits.test(text) ? Number(text) : -1)

export class HeaderFields {
  method = ""
  /** HTTP status of a response, -1 when the block has none. */
  status = -1
  content: Content = Content.unknown
  contentLength = -1
  /** gRPC's status, -1 when the block has none. */
  grpcStatus = -1
  grpcMessage = ""
  grpcTimeout = ""
  isTriple = false
  tripleVersion = ""
  path = ""
  authority = ""
  /** Of an extended CONNECT (RFC 8441). */
  protocol = ""
  /** Fields of which neither name nor value is known. */
  unknownFields = 0
  /** The block ended before its end, or is broken. */
  isPartial = false
  private host = ""
  private userAgent = ""
  private referer = ""
  private xRequestId = ""
  private forwardedFor = ""
  private traceparent = ""
  private sw8 = ""
  private b3 = ""
  private b3TraceId = ""
  private b3SpanId = ""
  private b3ParentSpanId = ""
  private uberTraceId = ""
  private isTraced = false

  reset(): void {
    this.method = this.grpcMessage = this.grpcTimeout = this.tripleVersion = this.path = this.authority = ""
    this.status = this.contentLength = this.grpcStatus = -1
    this.content = Content.unknown
    this.isTriple = this.isPartial = false
    this.unknownFields = 0
    this.host = this.userAgent = this.referer = this.xRequestId = this.forwardedFor = this.protocol = ""
    if (!this.isTraced) return
    this.isTraced = false
    this.traceparent = this.sw8 = this.b3 = this.uberTraceId = ""
    this.b3TraceId = this.b3SpanId = this.b3ParentSpanId = ""
  }

  set(field: Field, value: string): void {
    switch (field) {
      case Field.ignored:
        return
      case Field.unknown:
        this.unknownFields++
        return
      case Field.method:
        this.method = value
        return
      case Field.path:
        this.path = value
        return
      case Field.authority:
        this.authority = value
        return
      case Field.status:
        this.status = numberOf(value)
        return
      case Field.protocol:
        this.protocol = value
        return
      case Field.host:
        this.host = value
        return
      case Field.contentType:
        this.setContentType(value)
        return
      case Field.contentLength:
        this.contentLength = numberOf(value)
        return
      case Field.userAgent:
        this.userAgent = value
        return
      case Field.referer:
        this.referer = value
        return
      case Field.xRequestId:
        this.xRequestId = value
        return
      case Field.xForwardedFor:
        if (this.forwardedFor === "") this.forwardedFor = value
        return
      case Field.grpcStatus:
        this.grpcStatus = numberOf(value)
        return
      case Field.grpcMessage:
        this.grpcMessage = value
        return
      case Field.grpcTimeout:
        this.grpcTimeout = value
        return
      case Field.tripleVersion:
        this.tripleVersion = value
        this.isTriple = true
        return
      case Field.triple:
        this.isTriple = true
        return
      default:
        this.setTrace(field, value)
    }
  }

  private setContentType(value: string): void {
    if (value.startsWith("application/grpc")) {
      // application/grpc, application/grpc+proto, but gRPC-Web frames its trailers into the body.
      this.content = value.startsWith("application/grpc-web") ? Content.other : Content.grpc
    } else this.content = value.startsWith("text/event-stream") ? Content.eventStream : Content.other
  }

  private setTrace(field: Field, value: string): void {
    this.isTraced = true
    if (field === Field.traceparent) this.traceparent = value
    else if (field === Field.sw8) this.sw8 = value
    else if (field === Field.b3) this.b3 = value
    else if (field === Field.b3TraceId) this.b3TraceId = value
    else if (field === Field.b3SpanId) this.b3SpanId = value
    else if (field === Field.b3ParentSpanId) this.b3ParentSpanId = value
    else if (field === Field.uberTraceId) this.uberTraceId = value
  }

  /** The request part of a message. `keepSegments`: path segments of an endpoint; 0 keeps the path as it is. */
  writeRequest(message: L7Message, keepSegments: number): void {
    message.requestType = this.method
    message.requestDomain = hostOf(this.authority === "" ? this.host : this.authority)
    message.requestResource = asUtf8(maskQuery(this.path))
    message.endpoint =
      keepSegments === 0 ? message.requestResource : endpointOf(message.requestResource, keepSegments)
    if (this.method === "CONNECT" && this.path === "") message.requestResource = message.requestDomain
    message.userAgent = this.userAgent
    if (this.referer !== "") message.referer = maskQuery(this.referer)
    if (this.forwardedFor !== "") {
      const comma = this.forwardedFor.indexOf(",")
      message.proxyClient = comma < 0 ? this.forwardedFor : this.forwardedFor.slice(0, comma).trim()
    }
  }

  /** The response part of a message by HTTP's own rule. */
  writeResponse(message: L7Message): void {
    if (this.status < 100 || this.status > 999) return
    message.code = this.status
    if (this.status >= 500) message.status = ResponseStatus.serverError
    else if (this.status >= 400) message.status = ResponseStatus.clientError
    else message.status = ResponseStatus.ok
  }

  writeIdentity(message: L7Message): void {
    message.xRequestId = this.xRequestId
    if (!this.isTraced) return
    if (this.traceparent !== "" && readTraceparent(this.traceparent, message)) return
    if (this.sw8 !== "" && readSw8(this.sw8, message)) return
    if (this.b3 !== "" && readB3(this.b3, message)) return
    if (isSpanId(this.b3TraceId)) {
      message.traceId = this.b3TraceId
      if (isSpanId(this.b3SpanId)) message.spanId = this.b3SpanId
      if (isSpanId(this.b3ParentSpanId)) message.parentSpanId = this.b3ParentSpanId
      return
    }
    if (this.uberTraceId !== "") readUber(this.uberTraceId, message)
  }
}
