// The KRPC parser of one connection. Services and methods are numbers; answers are paired by sequence. Servers may push requests
// of their own, which are numbered apart. Bound: 4 KiB of one message for each direction, 1,024 calls without an answer.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { CallConnection } from "../framed/CallConnection.ts"
import { type Frame, noFrame, undecided } from "../framed/FramedConnection.ts"
import { ProtobufReader } from "../framed/ProtobufReader.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { detectKrpc } from "./detect.ts"
import { headerBytes, mayBeHeader, messageLength, metaLength } from "./header.ts"

const maxKept = 4096
/** Sequences of calls by the server are this much higher. */
const ofServer = 2 ** 32

const Meta = {
  service: 2,
  message: 3,
  sequence: 4,
  timeout: 5,
  result: 6,
  trace: 7,
} as const
const Trace = { traceId: 2, parentSpanId: 3, spanId: 4 } as const

const fields = new ProtobufReader()
const inner = new ProtobufReader()

/** What was read of one RpcMeta. */
const meta = { service: 0, method: 0, sequence: 0, timeoutMs: 0, result: 0 }

/** Reads bytes[start, end); trace ids go to `message`. */
const readMeta = (bytes: Uint8Array, start: number, end: number, message: L7Message): void => {
  meta.service = meta.method = meta.sequence = meta.timeoutMs = meta.result = 0
  fields.begin(bytes, start, end)
  while (fields.step()) {
    const { field, value } = fields
    if (field === Meta.service) meta.service = value
    else if (field === Meta.message) meta.method = value
    else if (field === Meta.sequence) meta.sequence = value % 2 ** 32
    else if (field === Meta.timeout) meta.timeoutMs = value
    else if (field === Meta.result) meta.result = fields.int32Value()
    else if (field === Meta.trace && fields.isBytes) {
      inner.begin(bytes, fields.at, fields.at + value)
      while (inner.step()) {
        if (inner.field === Trace.traceId) message.traceId = inner.fieldText()
        else if (inner.field === Trace.parentSpanId) message.parentSpanId = inner.fieldText()
        else if (inner.field === Trace.spanId) message.spanId = inner.fieldText()
      }
    }
  }
}

export class KrpcConnection extends CallConnection<string> {
  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < headerBytes) return mayBeHeader(bytes, at, end) ? undecided : noFrame
    const length = messageLength(bytes, at)
    return length < 0 ? noFrame : length
  }

  protected override mayBegin(_direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    const evidence = detectKrpc(bytes, start, end)
    return evidence === Evidence.request || evidence === Evidence.response
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start, end, direction } = frame
    const evidence = detectKrpc(bytes, start, end)
    const metaEnd = start + headerBytes + metaLength(bytes, start)
    if (end < metaEnd) {
      // Of a meta that is not whole nothing can be said; the message's length is known all the same.
      this.stats.skippedBytes += frame.captured
      return true
    }
    if (evidence !== Evidence.request && evidence !== Evidence.response) return false
    const asks = evidence === Evidence.request
    const message = this.messageOf(frame, asks ? RecordType.request : RecordType.response, L7Protocol.krpc)
    readMeta(bytes, start + headerBytes, metaEnd, message)
    message.length = frame.length
    message.requestId = meta.sequence + (asks === (direction === Direction.toClient) ? ofServer : 0)
    if (asks) this.describeRequest(message)
    else this.describeResponse(message)
    this.sink.message(message)
    return true
  }

  private describeRequest(message: L7Message): void {
    this.stats.requests++
    message.requestType = `${meta.method}`
    message.requestResource = `${meta.service}`
    message.endpoint = `${meta.service}/${meta.method}`
    if (meta.timeoutMs > 0) message.attributes = ["timeout_ms", `${meta.timeoutMs}`]
    this.calls.add(message.requestId, message.endpoint)
  }

  private describeResponse(message: L7Message): void {
    this.stats.responses++
    message.endpoint = this.calls.take(message.requestId) ?? `${meta.service}/${meta.method}`
    message.code = meta.result
    message.status = meta.result === 0 ? ResponseStatus.ok : ResponseStatus.serverError
  }
}
