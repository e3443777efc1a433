// DNS over TCP (RFC 7766): messages in both directions, each behind its length, over any split of the bytes. Keeps at most the
// first 4 KiB of one message for each direction; after a gap looks for the next feed that begins a message.

import { type L7Message, RecordType } from "../../../model/L7Session.ts"
import { type ParserStats, resync } from "../ParserStats.ts"
import { type ConnectionParser, Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { detectDnsStream } from "./detect.ts"
import { count } from "./DnsDatagrams.ts"
import type { DnsReader } from "./DnsReader.ts"

const maxKept = 4096
const firstKept = 512
const minMessage = 12
const noTransfer = -1

/** One direction: the length being read, then the message. */
class Half {
  /** Bytes of the length that were seen, and their value. */
  lengthBytes = 0
  length = 0
  taken = 0
  captured = 0
  kept = new Uint8Array(0)
  keptBytes = 0
  /** Bytes of this message are missing: what comes behind them is not kept. */
  hasGap = false
  isLost = false
  startUs = 0
  tcpSeq = 0
}

export class DnsStream implements ConnectionParser {
  private readonly requests = new Half()
  private readonly responses = new Half()
  /** Identifier of the zone transfer whose first message was emitted: the others belong to it. */
  private transferId = noTransfer
  private readonly sink: MessageSink
  private readonly reader: DnsReader
  private readonly stats: ParserStats

  constructor(sink: MessageSink, reader: DnsReader, stats: ParserStats) {
    this.sink = sink
    this.reader = reader
    this.stats = stats
  }

  get bufferedBytes(): number {
    return this.requests.kept.length + this.responses.kept.length
  }

  feed(
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    const half = direction === Direction.toServer ? this.requests : this.responses
    let at = start
    if (half.isLost && start < end) {
      const evidence = detectDnsStream(bytes, start, end)
      at = resync(
        half,
        evidence === Evidence.request || evidence === Evidence.response,
        start,
        end,
        this.stats,
      )
    }
    while (at < end && !half.isLost) {
      if (half.lengthBytes < 2) {
        if (half.lengthBytes === 0) {
          half.startUs = timeUs
          half.tcpSeq = tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0
        }
        half.length = (half.length << 8) | bytes[at++]
        if (++half.lengthBytes === 2 && half.length < minMessage) {
          this.stats.malformed++
          this.lose(half, end - at)
        }
        continue
      }
      const taken = Math.min(half.length - half.taken, end - at)
      const isWhole = half.taken === 0 && taken === half.length
      if (!isWhole && !half.hasGap) this.keep(half, bytes, at, at + taken)
      half.taken += taken
      half.captured += taken
      if (half.taken === half.length) {
        if (isWhole) this.emit(half, bytes, at, at + taken, timeUs)
        else this.emit(half, half.kept, 0, half.keptBytes, timeUs)
      }
      at += taken
    }
    if (missing > 0) this.skipMissing(half, missing, timeUs)
  }

  close(timeUs: number): void {
    for (const half of [this.requests, this.responses]) {
      if (half.keptBytes >= minMessage && !half.isLost) this.emit(half, half.kept, 0, half.keptBytes, timeUs)
    }
  }

  private skipMissing(half: Half, missing: number, timeUs: number): void {
    if (half.isLost || half.lengthBytes !== 2) {
      this.lose(half, missing)
      return
    }
    // Within a message its length still tells where the next one begins.
    const left = half.length - half.taken
    if (missing < left) {
      half.hasGap = true
      half.taken += missing
      return
    }
    this.emit(half, half.kept, 0, half.keptBytes, timeUs)
    if (missing > left) this.lose(half, missing - left)
  }

  private keep(half: Half, bytes: Uint8Array, from: number, to: number): void {
    const length = Math.min(to - from, maxKept - half.keptBytes)
    const needed = half.keptBytes + length
    if (needed > half.kept.length) {
      const larger = new Uint8Array(Math.min(maxKept, Math.max(firstKept, needed * 2)))
      larger.set(half.kept.subarray(0, half.keptBytes))
      half.kept = larger
    }
    half.kept.set(bytes.subarray(from, from + length), half.keptBytes)
    half.keptBytes += length
  }

  private emit(half: Half, bytes: Uint8Array, start: number, end: number, timeUs: number): void {
    const { captured, length, startUs, tcpSeq } = half
    const isCut = end - start < length
    this.reset(half)
    if (end - start < minMessage) {
      this.stats.skippedBytes += captured
      return
    }
    const message = this.reader.read(bytes, start, end, startUs, tcpSeq)
    if (message === null) {
      this.stats.malformed++
      return
    }
    message.endUs = timeUs
    message.capturedBytes = captured + 2
    message.length = length
    if (this.isContinuation(message)) return
    count(this.stats, message, this.reader.isIncomplete, isCut)
    this.sink.message(message)
  }

  /** Whether this message goes on with a zone transfer (RFC 5936 section 2.2). */
  private isContinuation(message: L7Message): boolean {
    const isRequest = message.type === RecordType.request
    if (!isRequest && message.requestId === this.transferId) return true
    if (this.reader.isTransfer) this.transferId = isRequest ? noTransfer : message.requestId
    else if (isRequest && message.requestId === this.transferId) this.transferId = noTransfer
    return false
  }

  private reset(half: Half): void {
    half.lengthBytes = 0
    half.length = 0
    half.taken = 0
    half.captured = 0
    half.keptBytes = 0
    half.hasGap = false
  }

  private lose(half: Half, skipped: number): void {
    this.stats.skippedBytes += skipped
    this.reset(half)
    half.isLost = true
  }
}
