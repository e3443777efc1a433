// The Tars parser of one connection. Answers are paired by request id; what a server pushes has none (0) and is one-way.
// Bound: 8 KiB of one packet for each direction, 1,024 calls without an answer.

import { type L7Message, RecordType } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { CallConnection } from "../framed/CallConnection.ts"
import { callEndpoint } from "../framed/callEndpoint.ts"
import { type Frame, noFrame, undecided } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { TraceRank } from "../traceContext.ts"
import { readTraceField } from "../traceField.ts"
import { resultName, statusOf } from "./results.ts"
import { Kind, kindOf, packetLength, TarsPacket } from "./TarsPacket.ts"

const maxKept = 8192
/** Entries of `status`. */
const traceKey = "STATUS_TRACE_KEY"
const tupResult = "STATUS_RESULT_CODE"
const tupDescription = "STATUS_RESULT_DESC"

const packet = new TarsPacket()
/** What the maps of one packet say. */
const found = { trace: "", result: "", description: "", rank: 0 as number }

export class TarsConnection extends CallConnection<string> {
  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    const length = packetLength(bytes, at, end)
    if (length === 0) return undecided
    return length < 0 ? noFrame : length
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    const kind = kindOf(bytes, start, end)
    return kind === Kind.request || (kind === Kind.response && direction === Direction.toClient)
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start, end, direction } = frame
    const kind = kindOf(bytes, start, end)
    const isFromClient = direction === Direction.toServer
    if (kind === Kind.none || (kind === Kind.response && isFromClient)) return false
    const message = this.messageOf(
      frame,
      isFromClient ? RecordType.request : RecordType.response,
      L7Protocol.tars,
    )
    found.trace = found.result = found.description = ""
    found.rank = TraceRank.none
    packet.read(bytes, start, end, kind, (name, value) => takeEntry(name, value, message))
    if (!packet.isRead) {
      // Of a packet that is cut before its method or result nothing can be said; its length is known all the same.
      if (!frame.isCut && end - start >= frame.length) return false
      this.stats.skippedBytes += frame.captured
      return true
    }
    message.length = frame.length
    message.version = `${packet.version}`
    message.requestId = packet.requestId
    if (found.trace !== "" && found.rank === TraceRank.none) readTraceKey(found.trace, message)
    if (isFromClient) this.describeRequest(message)
    else this.describeResponse(message, kind)
    this.sink.message(message)
    return true
  }

  private describeRequest(message: L7Message): void {
    this.stats.requests++
    message.requestType = packet.method
    message.requestResource = packet.servant
    message.endpoint = callEndpoint(packet.servant, packet.method)
    message.isAsync = packet.isOneWay
    if (packet.timeoutMs > 0) message.attributes = ["timeout_ms", `${packet.timeoutMs}`]
    if (!message.isAsync) this.calls.add(message.requestId, message.endpoint)
  }

  private describeResponse(message: L7Message, kind: Kind): void {
    this.stats.responses++
    const endpoint = this.calls.take(message.requestId)
    if (endpoint === undefined && message.requestId === 0) message.isAsync = true
    message.endpoint = endpoint ?? ""
    // TUP answers with the packet of requests, and tells the result in its status.
    const isTup = kind === Kind.request
    const result = isTup ? Number.parseInt(found.result || "0", 10) || 0 : packet.result
    const description = isTup ? found.description : packet.description
    message.code = result
    message.status = statusOf(result)
    if (result === 0) message.result = description
    else message.exception = description || resultName(result)
  }
}

const takeEntry = (name: string, value: string, message: L7Message): void => {
  if (name === traceKey) found.trace = value
  else if (name === tupResult) found.result = value
  else if (name === tupDescription) found.description = value
  else found.rank = readTraceField(name, value, message, found.rank)
}

/** `flags-trace|span|parent`; flags say which parameters are to be logged. */
const readTraceKey = (key: string, message: L7Message): void => {
  const [trace, span = "", parent = ""] = key.split("|")
  const flagsEnd = trace.indexOf("-")
  message.traceId = trace.slice(flagsEnd + 1)
  message.spanId = span
  message.parentSpanId = parent === span ? "" : parent
}
