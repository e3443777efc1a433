// The Thrift parser of one connection. Each message says how it is framed and encoded. Sequence numbers pair; where a client uses
// none (0), order does. Bound: 8 KiB of a frame for each direction; without frames values are passed over one after the other.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { ByteReader } from "../framed/ByteReader.ts"
import { OpenCalls } from "../framed/OpenCalls.ts"
import { inflate } from "../inflate.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { ByteStream, type Reading } from "../streamed/ByteStream.ts"
import { StreamedConnection } from "../streamed/StreamedConnection.ts"
import { maxTraceName, readTraceField } from "../traceField.ts"
import { detectThrift } from "./detect.ts"
import { emptyThriftMessage, readMessage, readOldMessage, type ThriftMessage } from "./readMessage.ts"
import {
  binaryMark,
  compactMark,
  Encoding,
  headerMark,
  isRequestType,
  maxLengthByte,
  MessageType,
} from "./wire.ts"

const maxKept = 8192
const maxHeaders = 64
/** Text that may come out of a frame: more is not looked at. */
const maxInflated = 65_536

const Transform = { zlib: 1, zstd: 5 } as const
const headerStart = 10
const keyValues = 1
const persistentKeyValues = 2

/** Of Thrift's own exceptions: those that blame the request. */
const clientErrors = new Set([1, 2, 3, 4, 7, 8, 9, 10])
const exceptionNames = [
  "Unknown",
  "Unknown method",
  "Invalid message type",
  "Wrong method name",
  "Bad sequence id",
  "Missing result",
  "Internal error",
  "Protocol error",
  "Invalid transform",
  "Invalid protocol",
  "Unsupported client type",
]

const headers = new ByteReader()

export class ThriftConnection extends StreamedConnection {
  /** Their endpoints. */
  private readonly calls = new OpenCalls<string>(this.stats)

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    const evidence = detectThrift(bytes, start, end)
    return (
      evidence === Evidence.either ||
      evidence === (direction === Direction.toServer ? Evidence.request : Evidence.response)
    )
  }

  /** Only those without a number of their own. */
  protected override lost(direction: Direction): void {
    this.sink.desync(direction)
  }

  protected override *messages(direction: Direction, stream: ByteStream): Reading<void> {
    for (;;) {
      yield* stream.begin()
      const first = yield* stream.u8()
      const message = emptyThriftMessage()
      let isRead: boolean
      if (first === binaryMark || first === compactMark) {
        isRead = yield* readMessage(stream, first, message)
        if (message.type !== 0) this.emit(direction, stream, message, "unframed", null)
      } else isRead = first <= maxLengthByte && (yield* this.behindLength(direction, stream, first, message))
      if (!isRead) return
    }
  }

  /** Four bytes of a length: of a frame, or of a name. */
  private *behindLength(
    direction: Direction,
    stream: ByteStream,
    first: number,
    message: ThriftMessage,
  ): Reading<boolean> {
    const length = first * 2 ** 24 + (yield* stream.big(3))
    while (stream.at === stream.end) yield
    const next = stream.bytes[stream.at]
    const isFrame = next === binaryMark || next === compactMark || next === headerMark || next === 0
    if (!isFrame) {
      const isRead = yield* readOldMessage(stream, length, message)
      if (message.type !== 0) this.emit(direction, stream, message, "unframed", null)
      return isRead
    }
    const bytes = yield* stream.take(length, maxKept)
    if (stream.isCut) this.stats.truncated++
    return next === headerMark
      ? this.header(direction, stream, message, bytes)
      : this.content(direction, stream, message, bytes, "framed", null)
  }

  /** A message of which the beginning is at hand; false when it is none. */
  private content(
    direction: Direction,
    stream: ByteStream,
    message: ThriftMessage,
    bytes: Uint8Array,
    transport: string,
    traced: L7Message | null,
  ): boolean {
    const inner = new ByteStream()
    inner.give(bytes, 0, bytes.length, stream.timeUs, 0)
    if (bytes.length > 1) {
      inner.at = 1
      readMessage(inner, bytes[0], message).next()
    }
    if (message.type === 0) return false
    this.emit(direction, stream, message, transport, traced)
    return true
  }

  /** Magic, flags, sequence number, words of the header; in it the encoding, transforms, and named values. */
  private header(
    direction: Direction,
    stream: ByteStream,
    message: ThriftMessage,
    bytes: Uint8Array,
  ): boolean {
    headers.reset(bytes, 0, bytes.length)
    headers.skip(8)
    const contentAt = headerStart + 4 * headers.u16()
    if (headers.isShort || bytes[1] !== 0xff || contentAt > bytes.length) return false
    headers.end = contentAt
    headers.varint()
    let transform = 0
    for (let count = headers.varint(); count > 0 && !headers.isShort; count--) transform = headers.varint()
    const traced = this.messageOf(stream, RecordType.request, L7Protocol.thrift)
    readNamedValues(traced)
    if (transform === 0)
      return this.content(direction, stream, message, bytes.subarray(contentAt), "header", traced)
    const isKnown = transform === Transform.zlib || transform === Transform.zstd
    // Of what is compressed in another way nothing is known but that it is there.
    if (!isKnown) return true
    const text = inflate(transform === Transform.zstd, bytes, contentAt, bytes.length, maxInflated)
    return text.length === 0 || this.content(direction, stream, message, text, "header", traced)
  }

  private emit(
    direction: Direction,
    stream: ByteStream,
    { code, encoding, isDeclared, isOld, name, sequence, text, type }: ThriftMessage,
    transport: string,
    traced: L7Message | null,
  ): void {
    const isRequest = isRequestType(type)
    if (isRequest !== (direction === Direction.toServer)) {
      this.stats.skippedBytes += stream.length
      return
    }
    const kind = isRequest ? RecordType.request : RecordType.response
    const message = this.messageOf(stream, kind, L7Protocol.thrift)
    if (sequence !== 0) message.requestId = sequence
    // Several services behind one port: `Service:method`.
    const colon = name.indexOf(":")
    const method = name.slice(colon + 1)
    const service = colon < 0 ? "" : name.slice(0, colon)
    message.endpoint = colon < 0 ? name : `${service}/${method}`
    message.attributes = [
      "encoding",
      encoding === Encoding.compact ? "compact" : isOld ? "binary without version" : "binary",
      "transport",
      transport,
    ]
    if (isRequest) {
      message.requestType = method
      message.requestResource = service
      message.isAsync = type === MessageType.oneway
      if (traced !== null) {
        message.traceId = traced.traceId
        message.spanId = traced.spanId
        message.parentSpanId = traced.parentSpanId
        message.xRequestId = traced.xRequestId
      }
      if (!message.isAsync && sequence !== 0) this.calls.add(sequence, message.endpoint)
      this.stats.requests++
    } else {
      // Some servers answer several services without their names.
      message.endpoint = this.calls.take(sequence) ?? message.endpoint
      describeOutcome(message, type, isDeclared, code, text)
      this.stats.responses++
    }
    this.sink.message(message)
  }
}

const describeOutcome = (
  message: L7Message,
  type: number,
  isDeclared: boolean,
  code: number,
  text: string,
): void => {
  if (type === MessageType.reply) {
    message.status = isDeclared ? ResponseStatus.clientError : ResponseStatus.ok
    message.exception = text
    return
  }
  message.status = clientErrors.has(code) ? ResponseStatus.clientError : ResponseStatus.serverError
  if (code >= 0) message.code = code
  message.exception = text === "" ? (exceptionNames[code] ?? "") : text
}

/** Groups of names and values behind the transforms; zeros fill the last word. */
const readNamedValues = (message: L7Message): void => {
  let rank = 0
  while (headers.left > 0) {
    const group = headers.varint()
    if (group !== keyValues && group !== persistentKeyValues) return
    const count = headers.varint()
    for (let i = 0; i < Math.min(count, maxHeaders) && !headers.isShort; i++) {
      const name = headers.text(headers.varint())
      const value = headers.text(headers.varint())
      if (name.length <= maxTraceName) rank = readTraceField(name, value, message, rank)
    }
  }
}
