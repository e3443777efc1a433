// DNS over UDP, multicast DNS (RFC 6762) and LLMNR: each feed is one message. Keeps nothing.

import { type L7Message, RecordType } from "../../../model/L7Session.ts"
import type { ParserStats } from "../ParserStats.ts"
import type { ConnectionParser, Direction, MessageSink } from "../Protocol.ts"
import type { DnsReader } from "./DnsReader.ts"

/** Ports of multicast: what answers comes from elsewhere, so that each message stands for itself. */
const multicastPort = 5353
const localMulticastPort = 5355

export const count = (
  stats: ParserStats,
  message: L7Message,
  isIncomplete: boolean,
  isCut: boolean,
): void => {
  if (message.type === RecordType.request) stats.requests++
  else stats.responses++
  if (!isIncomplete) return
  if (isCut) stats.truncated++
  else stats.malformed++
}

export class DnsDatagrams implements ConnectionParser {
  readonly bufferedBytes = 0
  private readonly sink: MessageSink
  private readonly reader: DnsReader
  private readonly stats: ParserStats
  private readonly isMulticast: boolean

  constructor(sink: MessageSink, reader: DnsReader, stats: ParserStats, serverPort: number) {
    this.sink = sink
    this.reader = reader
    this.stats = stats
    this.isMulticast = serverPort === multicastPort || serverPort === localMulticastPort
  }

  feed(
    _direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    if (start === end) return
    const message = this.reader.read(bytes, start, end, timeUs, tcpSeq)
    if (message === null) {
      this.stats.malformed++
      this.stats.skippedBytes += end - start
      return
    }
    message.capturedBytes = end - start
    message.length = end - start + missing
    message.isAsync = this.isMulticast
    count(this.stats, message, this.reader.isIncomplete, missing > 0)
    this.sink.message(message)
  }

  close(): void {}
}
