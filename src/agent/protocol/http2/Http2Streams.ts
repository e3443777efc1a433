// The requests and responses of one HTTP/2 connection: what header blocks, data and resets mean for them.
// Invariants: a request is handed over before the response that answers it; at most 512 streams are remembered, of which the
// oldest is handed over as it is when there are more; a status is only what the wire says.

import { emptyMessage, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { grpcTimeoutUs, serviceOf, writeGrpcStatus } from "../grpc/grpcStatus.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { ErrorCode, errorName } from "./frame.ts"
import { Content, type HeaderFields } from "./HeaderFields.ts"
import { type Body, Http2Stream } from "./Http2Stream.ts"

export const maxStreams = 512
/** A message that takes longer is handed over before its end, so that long streams are seen. */
const longMessageUs = 5_000_000
const sweepUs = 1_000_000

/** Where and when the frame that carries a message's beginning was seen. */
export interface FramePlace {
  startUs: number
  tcpSeq: number
  /** Bytes of its frames that were captured. */
  captured: number
}

export class Http2Streams {
  private readonly streams = new Map<number, Http2Stream>()
  private nextSweepUs = 0
  private readonly sink: MessageSink
  private readonly stats: ParserStats
  private readonly keepSegments: number

  constructor(sink: MessageSink, stats: ParserStats, keepSegments: number) {
    this.sink = sink
    this.stats = stats
    this.keepSegments = keepSegments
  }

  get size(): number {
    return this.streams.size
  }

  find(id: number): Http2Stream | null {
    return this.streams.get(id) ?? null
  }

  /** The request of stream 1 came by HTTP/1.1 and was handed over there (RFC 7540 section 3.2). */
  adopt(endpoint: string): void {
    const stream = this.open(1)
    stream.hasRequest = stream.hasRequestEnded = true
    stream.isByOrder = true
    stream.endpoint = endpoint
  }

  /** A header block of a request or its trailers; `isPushed`: the server made the request (PUSH_PROMISE). */
  requestBlock(
    id: number,
    ends: boolean,
    fields: HeaderFields,
    place: FramePlace,
    timeUs: number,
    isPushed: boolean,
  ): void {
    let stream = this.streams.get(id)
    const isFirst = stream?.hasRequest !== true
    if (stream?.hasRequest === true) {
      if (stream.request !== null) this.touch(stream.request, place.captured, timeUs)
    } else {
      const isTrailers =
        ends &&
        !isPushed &&
        fields.method === "" &&
        fields.path === "" &&
        fields.unknownFields === 0 &&
        !fields.isPartial
      if (isTrailers) return
      stream ??= this.open(id)
      this.beginRequest(stream, fields, place, timeUs, isPushed)
    }
    if (ends || isPushed) this.endRequest(stream, timeUs)
    else if (isFirst) this.sink.begins?.(id)
  }

  /** A header block of a response or its trailers. */
  responseBlock(id: number, ends: boolean, fields: HeaderFields, place: FramePlace, timeUs: number): void {
    // An interim response; 101 has no meaning in HTTP/2.
    if (fields.status >= 100 && fields.status < 200 && !ends) return
    let stream = this.streams.get(id)
    if (stream?.hasResponse === true) {
      this.readTrailers(stream, fields, place, timeUs)
    } else {
      const saysNothing =
        fields.status < 0 && fields.grpcStatus < 0 && fields.unknownFields === 0 && !fields.isPartial
      // The trailers of a response of which nothing was seen.
      if (stream === undefined && ends && saysNothing) return
      stream ??= this.open(id)
      this.beginResponse(stream, fields, place, timeUs)
    }
    if (ends) this.endResponse(stream, timeUs)
  }

  /** The last frame of a direction of a stream is complete. */
  end(direction: Direction, stream: Http2Stream, timeUs: number): void {
    if (direction === Direction.toServer) this.endRequest(stream, timeUs)
    else this.endResponse(stream, timeUs)
  }

  /** RST_STREAM. */
  reset(direction: Direction, id: number, code: number, timeUs: number): void {
    const stream = this.streams.get(id)
    // After a complete response NO_ERROR only says that the rest of the request is not wanted; the stream is gone then.
    if (stream === undefined) return
    this.abort(stream, direction, code, `RST_STREAM ${errorName(code)}`, timeUs)
  }

  /** GOAWAY of the server: streams beyond `lastId` were not and will not be processed. */
  goAway(lastId: number, code: number, text: string, timeUs: number): void {
    for (const stream of this.streams.values()) {
      if (stream.id <= lastId || stream.hasResponse) continue
      const name = `GOAWAY ${errorName(code)}`
      this.abort(stream, Direction.toClient, code, text === "" ? name : `${name}: ${text}`, timeUs)
    }
  }

  /** Frames of a direction were lost. */
  lose(direction: Direction): void {
    for (const stream of this.streams.values()) {
      if (direction === Direction.toServer) {
        if (!stream.hasRequestEnded) stream.requestBody.lose()
      } else if (stream.hasResponse) {
        // Its end may be among what was lost.
        stream.responseBody.lose()
        if (stream.response !== null) this.stats.truncated++
        this.reportEarly(stream, "response_truncated")
      }
    }
  }

  /** Hands over what has lasted long; looks once a second. */
  sweep(timeUs: number): void {
    if (timeUs < this.nextSweepUs) return
    this.nextSweepUs = timeUs + sweepUs
    for (const stream of this.streams.values()) {
      const { request, response } = stream
      if (response !== null && timeUs - response.startUs >= longMessageUs)
        this.reportEarly(stream, "stream_open")
      else if (request !== null && timeUs - request.startUs >= longMessageUs) this.emitRequest(stream)
    }
  }

  close(): void {
    for (const stream of this.streams.values()) {
      this.emitRequest(stream)
      if (stream.response !== null) this.emitResponse(stream)
    }
    this.streams.clear()
  }

  private open(id: number): Http2Stream {
    if (this.streams.size >= maxStreams) {
      const [oldest] = this.streams.values()
      this.streams.delete(oldest.id)
      this.stats.overflows++
      this.emitRequest(oldest)
      if (oldest.response !== null) this.emitResponse(oldest)
    }
    const stream = new Http2Stream(id)
    this.streams.set(id, stream)
    return stream
  }

  private touch(message: L7Message, captured: number, timeUs: number): void {
    message.capturedBytes += captured
    message.endUs = timeUs
  }

  private beginRequest(
    stream: Http2Stream,
    fields: HeaderFields,
    place: FramePlace,
    timeUs: number,
    isPushed: boolean,
  ): void {
    stream.hasRequest = true
    if (fields.content === Content.grpc)
      stream.protocol = fields.isTriple ? L7Protocol.triple : L7Protocol.grpc
    const message = emptyMessage(RecordType.request, stream.protocol, place.startUs, place.tcpSeq)
    stream.request = message
    this.touch(message, place.captured, timeUs)
    message.requestId = stream.id
    message.version =
      stream.protocol === L7Protocol.triple && fields.tripleVersion !== "" ? fields.tripleVersion : "2"
    fields.writeRequest(message, stream.isGrpc ? 0 : this.keepSegments)
    if (stream.isGrpc) message.requestResource = serviceOf(message.endpoint)
    fields.writeIdentity(message)
    if (fields.contentLength >= 0) message.length = fields.contentLength
    stream.endpoint = message.endpoint
    stream.requestBody.expect(fields.content)
    stream.startUs = place.startUs
    if (fields.grpcTimeout !== "") stream.timeoutUs = grpcTimeoutUs(fields.grpcTimeout)
    if (
      fields.isPartial ||
      fields.unknownFields > 0 ||
      isPushed ||
      fields.protocol !== "" ||
      fields.grpcTimeout !== ""
    )
      message.attributes = blockAttributes(fields, "request", isPushed)
  }

  private endRequest(stream: Http2Stream, timeUs: number): void {
    if (stream.hasRequestEnded) return
    stream.hasRequestEnded = true
    if (stream.request !== null) stream.request.endUs = timeUs
    this.emitRequest(stream)
    if (stream.hasResponse && stream.response === null && stream.early === null)
      this.streams.delete(stream.id)
  }

  private beginResponse(stream: Http2Stream, fields: HeaderFields, place: FramePlace, timeUs: number): void {
    stream.hasResponse = true
    const isGrpc =
      fields.content === Content.grpc || (fields.content === Content.unknown && fields.grpcStatus >= 0)
    if (isGrpc && !stream.isGrpc) this.learnGrpc(stream)
    this.emitRequest(stream)
    const message = emptyMessage(RecordType.response, stream.protocol, place.startUs, place.tcpSeq)
    stream.response = message
    this.touch(message, place.captured, timeUs)
    message.requestId = stream.isByOrder ? -1 : stream.id
    message.version = "2"
    message.endpoint = stream.endpoint
    // gRPC answers 200 whatever comes of the call: its own status follows, here or in the trailers.
    if (fields.grpcStatus >= 0 && stream.isGrpc)
      writeGrpcStatus(message, fields.grpcStatus, fields.grpcMessage)
    else if (!stream.isGrpc || fields.status !== 200) fields.writeResponse(message)
    fields.writeIdentity(message)
    if (fields.contentLength >= 0) message.length = fields.contentLength
    stream.responseBody.expect(
      fields.content === Content.unknown && stream.isGrpc ? Content.grpc : fields.content,
    )
    if (fields.isPartial || fields.unknownFields > 0)
      message.attributes = blockAttributes(fields, "response", false)
    if (fields.content === Content.eventStream) this.reportEarly(stream, "stream_open")
  }

  /** The request did not say what it is, but its answer does. */
  private learnGrpc(stream: Http2Stream): void {
    stream.protocol = L7Protocol.grpc
    const { request } = stream
    if (request === null) return
    const path = request.requestResource
    stream.request = {
      ...request,
      protocol: L7Protocol.grpc,
      requestResource: serviceOf(path),
      endpoint: path,
    }
    stream.endpoint = path
  }

  private readTrailers(stream: Http2Stream, fields: HeaderFields, place: FramePlace, timeUs: number): void {
    const message = this.openResponse(stream, timeUs)
    this.touch(message, place.captured, timeUs)
    if (fields.grpcStatus >= 0 && stream.isGrpc)
      writeGrpcStatus(message, fields.grpcStatus, fields.grpcMessage)
  }

  /** The response, or the one-way message that tells of its end when it was handed over before. */
  private openResponse(stream: Http2Stream, timeUs: number): L7Message {
    if (stream.response !== null) return stream.response
    const { early } = stream
    const message = emptyMessage(
      RecordType.response,
      stream.protocol,
      early?.startUs ?? timeUs,
      early?.tcpSeq ?? 0,
    )
    message.version = "2"
    message.endpoint = stream.endpoint
    message.requestId = stream.isByOrder ? -1 : stream.id
    stream.response = message
    if (early === null) return message
    message.isAsync = true
    message.status = early.status
    message.code = early.code
    message.length = early.length
    message.capturedBytes = early.capturedBytes + stream.lateCaptured
    return message
  }

  private endResponse(stream: Http2Stream, timeUs: number): void {
    if (!stream.hasResponse) return
    if (stream.early !== null && !stream.isGrpc && stream.responseBody.events === null) {
      // The end tells nothing that was not handed over.
      this.emitRequest(stream)
      this.streams.delete(stream.id)
      return
    }
    const message = this.openResponse(stream, timeUs)
    message.endUs = timeUs
    this.emitResponse(stream)
    this.emitRequest(stream)
    this.streams.delete(stream.id)
  }

  /** The stream ended without its end: `direction` says who ended it. */
  private abort(
    stream: Http2Stream,
    direction: Direction,
    code: number,
    exception: string,
    timeUs: number,
  ): void {
    this.emitRequest(stream)
    const message = this.openResponse(stream, timeUs)
    message.endUs = timeUs
    if (code !== ErrorCode.none && message.status === ResponseStatus.unknown)
      message.status = abortStatus(stream, direction, code, timeUs)
    if (message.exception === "") message.exception = exception
    stream.responseBody.isUnsure = true
    this.emitResponse(stream)
    this.streams.delete(stream.id)
  }

  private reportEarly(stream: Http2Stream, why: string): void {
    const message = stream.response
    if (message === null || stream.early !== null) return
    stream.early = message
    message.attributes = [...message.attributes, why, "true"]
    this.emitRequest(stream)
    stream.response = null
    this.hand(message)
  }

  private emitRequest(stream: Http2Stream): void {
    const message = stream.request
    if (message === null) return
    stream.request = null
    if (stream.hasRequestEnded) this.complete(message, stream.requestBody)
    this.hand(message)
  }

  private emitResponse(stream: Http2Stream): void {
    const message = stream.response
    if (message === null) return
    stream.response = null
    this.complete(message, stream.responseBody)
    this.hand(message)
  }

  private complete(message: L7Message, body: Body): void {
    body.writeLength(message)
    const { messages, events } = body
    const side = message.type === RecordType.request ? "request" : "response"
    if (messages !== null && messages.count !== 1 && !messages.isUnsure)
      message.attributes = [...message.attributes, `${side}_messages`, String(messages.count)]
    if (events !== null && !events.isUnsure)
      message.attributes = [...message.attributes, "events", String(events.count)]
  }

  private hand(message: L7Message): void {
    if (message.type === RecordType.request) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
  }
}

/** Clients round the deadline that they tell, and start to count before the request is on its way. */
const deadlineShare = 0.95

const abortStatus = (
  stream: Http2Stream,
  direction: Direction,
  code: number,
  timeUs: number,
): ResponseStatus => {
  if (direction === Direction.toServer) {
    const isLate = stream.timeoutUs > 0 && timeUs - stream.startUs >= stream.timeoutUs * deadlineShare
    return code === ErrorCode.cancel && isLate ? ResponseStatus.timeout : ResponseStatus.clientError
  }
  const isOfServer =
    code === ErrorCode.internal || code === ErrorCode.refusedStream || code === ErrorCode.connect
  return isOfServer ? ResponseStatus.serverError : ResponseStatus.clientError
}

const blockAttributes = (
  fields: HeaderFields,
  side: "request" | "response",
  isPushed: boolean,
): ReadonlyArray<string> => {
  const attributes: Array<string> = []
  if (fields.isPartial) attributes.push("head_truncated", "true")
  if (fields.unknownFields > 0) attributes.push(`${side}_unknown_fields`, String(fields.unknownFields))
  if (isPushed) attributes.push("pushed", "true")
  if (fields.protocol !== "") attributes.push("connect_protocol", fields.protocol)
  if (fields.grpcTimeout !== "") attributes.push("grpc_timeout", fields.grpcTimeout)
  return attributes
}
