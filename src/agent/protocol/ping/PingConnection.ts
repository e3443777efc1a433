// ICMP and ICMPv6 echo between two hosts: each feed is one ICMP message. The identifier names the pinging program, the sequence
// number pairs. Keeps nothing.

import { emptyMessage, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import type { ParserStats } from "../ParserStats.ts"
import { type ConnectionParser, type Direction, Evidence, type MessageSink } from "../Protocol.ts"

const headerBytes = 8
const echoReply = 0
const echo = 8
const echo6 = 128
const echoReply6 = 129

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

/** RFC 792, RFC 4443. */
export const detectPing = (bytes: Uint8Array, start: number, end: number): Evidence => {
  if (end - start < headerBytes || bytes[start + 1] !== 0) return Evidence.none
  const type = bytes[start]
  if (type === echo || type === echo6) return Evidence.request
  return type === echoReply || type === echoReply6 ? Evidence.response : Evidence.none
}

export class PingConnection implements ConnectionParser {
  readonly bufferedBytes = 0
  private readonly sink: MessageSink
  private readonly stats: ParserStats

  constructor(sink: MessageSink, stats: ParserStats) {
    this.sink = sink
    this.stats = stats
  }

  feed(
    _direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
  ): void {
    const evidence = detectPing(bytes, start, end)
    if (evidence === Evidence.none) {
      this.stats.malformed++
      this.stats.skippedBytes += end - start
      return
    }
    const isRequest = evidence === Evidence.request
    const message = emptyMessage(
      isRequest ? RecordType.request : RecordType.response,
      L7Protocol.ping,
      timeUs,
      0,
    )
    message.requestId = uint16(bytes, start + 6)
    message.requestType = "Echo"
    message.requestResource = `${uint16(bytes, start + 4)}`
    message.endpoint = "Echo"
    message.length = end - start + missing
    message.capturedBytes = end - start
    if (isRequest) this.stats.requests++
    else {
      this.stats.responses++
      message.status = ResponseStatus.ok
    }
    this.sink.message(message)
  }

  close(): void {}
}
