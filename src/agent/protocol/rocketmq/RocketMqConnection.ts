// The RocketMQ parser of one connection. Commands say themselves whether they ask or answer, and are paired by `opaque`; those of
// the broker's own are numbered apart. Bound: 8 KiB of one command for each direction, 1,024 requests without an answer.

import { RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { ByteReader, u32At } from "../framed/ByteReader.ts"
import { CallConnection } from "../framed/CallConnection.ts"
import { type Frame, noFrame, undecided } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { answersMessages, requestName, statusOf, versionName } from "./codes.ts"
import { detectRocketMq, frameHead, mayBeCommand } from "./detect.ts"
import { readFirstMessage, readProperties } from "./messages.ts"
import { Encoding, RemotingHeader } from "./RemotingHeader.ts"

const maxKept = 8192
/** Ids of requests by the broker are this much higher: both sides count from their own start. */
const ofBroker = 2 ** 32

interface Waiting {
  readonly code: number
  readonly endpoint: string
}

const reader = new ByteReader()
const header = new RemotingHeader()

export class RocketMqConnection extends CallConnection<Waiting> {
  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < frameHead) return undecided
    return mayBeCommand(bytes, at, end) ? u32At(bytes, at) + 4 : noFrame
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < frameHead + 12) return false
    const evidence = detectRocketMq(bytes, start, end)
    return (
      evidence === Evidence.unclear ||
      evidence === (direction === Direction.toServer ? Evidence.request : Evidence.response)
    )
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start, end } = frame
    const encoded = u32At(bytes, start + 4)
    const headerAt = start + frameHead
    const headerEnd = headerAt + (encoded & 0xff_ffff)
    let isRead: boolean
    if (encoded >>> 24 === Encoding.json) isRead = header.readJson(bytes, headerAt, Math.min(end, headerEnd))
    else {
      reader.reset(bytes, headerAt, Math.min(end, headerEnd))
      isRead = header.readBinary(reader)
    }
    if (!isRead) {
      // Of a header that is not whole nothing can be said; the command's length is known all the same.
      if (end < headerEnd) {
        this.stats.skippedBytes += frame.captured
        return true
      }
      return false
    }
    if (header.isResponse) this.readResponse(frame, headerEnd)
    else this.readRequest(frame)
    return true
  }

  private readRequest(frame: Frame): void {
    const isFromClient = frame.direction === Direction.toServer
    const message = this.messageOf(frame, RecordType.request, L7Protocol.rocketMq)
    const { code, queueId, topic } = header
    message.length = frame.length - 4
    message.version = versionName(header.version)
    message.requestType = requestName(code)
    message.requestDomain = header.group
    message.requestResource = topic
    message.endpoint = topic === "" || queueId === "" ? topic : `${topic}-${queueId}`
    message.requestId = isFromClient ? header.opaque : header.opaque + ofBroker
    message.isAsync = header.isOneWay
    if (header.properties !== "") readProperties(header.properties, message)
    if (!header.isOneWay) this.calls.add(message.requestId, { code, endpoint: message.endpoint })
    this.stats.requests++
    this.sink.message(message)
  }

  private readResponse(frame: Frame, headerEnd: number): void {
    const isFromBroker = frame.direction === Direction.toClient
    const message = this.messageOf(frame, RecordType.response, L7Protocol.rocketMq)
    const { code } = header
    message.length = frame.length - 4
    message.version = versionName(header.version)
    message.requestId = isFromBroker ? header.opaque : header.opaque + ofBroker
    message.code = code
    message.status = statusOf(code)
    if (message.status === ResponseStatus.ok) message.result = header.remark
    else message.exception = header.remark
    message.xRequestId = header.transactionId
    const waiting = this.calls.take(message.requestId)
    if (waiting !== undefined) {
      message.endpoint = waiting.endpoint
      if (code === 0 && answersMessages(waiting.code)) {
        reader.reset(frame.bytes, Math.min(frame.end, headerEnd), frame.end)
        readFirstMessage(reader, message)
      }
    }
    this.stats.responses++
    this.sink.message(message)
  }
}
