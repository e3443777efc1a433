// The parser of one connection of bRPC's baidu_std. Answers are paired by correlation id; frames of streams are passed over.
// Bound: 4 KiB of one frame for each direction, 1,024 calls without an answer.

import { type L7Message, RecordType } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { CallConnection } from "../framed/CallConnection.ts"
import { callEndpoint } from "../framed/callEndpoint.ts"
import { type Frame, noFrame, undecided } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { detectBrpc } from "./detect.ts"
import { errorName, statusOf } from "./errors.ts"
import { frameBytes, headerBytes, isStream, mayBeHeader, metaLength } from "./header.ts"
import { RpcMeta } from "./meta.ts"

const maxKept = 4096
const compressions = ["", "snappy", "gzip", "zlib", "lz4"]

const meta = new RpcMeta()

export class BrpcConnection extends CallConnection<string> {
  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < headerBytes) return mayBeHeader(bytes, at, end) ? undecided : noFrame
    const length = frameBytes(bytes, at)
    return length < 0 ? noFrame : length
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    const evidence = detectBrpc(bytes, start, end)
    if (evidence === Evidence.either) return true
    return evidence === (direction === Direction.toServer ? Evidence.request : Evidence.response)
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start, end, direction } = frame
    if (isStream(bytes, start)) return true
    const asks = direction === Direction.toServer
    const message = this.messageOf(frame, asks ? RecordType.request : RecordType.response, L7Protocol.brpc)
    message.length = frame.length
    const metaAt = Math.min(end, start + headerBytes)
    const metaEnd = start + headerBytes + metaLength(bytes, start)
    if (!meta.read(bytes, metaAt, Math.min(end, metaEnd), message)) {
      // Of a meta that is not whole nothing can be said; the frame's length is known all the same.
      if (end >= metaEnd) return false
      this.stats.skippedBytes += frame.captured
      return true
    }
    if (meta.isRequest !== asks) return false
    message.requestId = meta.correlationId
    if (asks) this.describeRequest(message)
    else this.describeResponse(message)
    this.describeBoth(message)
    this.sink.message(message)
    return true
  }

  private describeRequest(message: L7Message): void {
    this.stats.requests++
    message.requestType = meta.method
    message.requestResource = meta.service
    message.endpoint = callEndpoint(meta.service, meta.method)
    message.xRequestId ||= meta.requestId || meta.logId
    if (meta.timeoutMs > 0) message.attributes = ["timeout_ms", `${meta.timeoutMs}`]
    if (message.requestId >= 0) this.calls.add(message.requestId, message.endpoint)
  }

  private describeResponse(message: L7Message): void {
    this.stats.responses++
    message.endpoint = this.calls.take(message.requestId) ?? ""
    message.code = meta.errorCode
    message.status = statusOf(meta.errorCode)
    message.exception = meta.errorText || errorName(meta.errorCode)
  }

  private describeBoth(message: L7Message): void {
    const attributes = [...message.attributes]
    if (meta.compression > 0)
      attributes.push("compression", compressions[meta.compression] ?? `${meta.compression}`)
    if (meta.attachmentSize > 0) attributes.push("attachment_bytes", `${meta.attachmentSize}`)
    if (meta.opensStream) attributes.push("stream", "true")
    if (attributes.length > 0) message.attributes = attributes
  }
}
