// SOME/IP of one connection, over TCP or in datagrams: reads headers and skips payloads. Keeps the 20 bytes of a header for each
// direction. After a gap looks for the next feed that begins with a header.

import { emptyMessage, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { type ParserStats, resync } from "../ParserStats.ts"
import type { ConnectionParser, Direction, MessageSink } from "../Protocol.ts"
import { mayBeginMessage } from "./detect.ts"
import {
  countedHeaderBytes,
  headerBytes,
  isCookie,
  isHeader,
  lengthOf,
  MessageType,
  messageTypeName,
  segmented,
} from "./header.ts"
import { returnCodeName, returnCodeStatus } from "./returnCodes.ts"

/** Offset and flags of a segment, behind the header. */
const segmentBytes = 4
const discoveryService = 0xffff

const uint16 = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

class Half {
  readonly header = new Uint8Array(headerBytes + segmentBytes)
  headerLength = 0
  /** Payload bytes still to come of the message that was read last. */
  remaining = 0
  isLost = false
  startUs = 0
  tcpSeq = 0
  message: L7Message | null = null
}

export class SomeIpConnection implements ConnectionParser {
  readonly bufferedBytes = 2 * (headerBytes + segmentBytes)
  private readonly halves: readonly [Half, Half] = [new Half(), new Half()]
  private readonly sink: MessageSink
  private readonly stats: ParserStats
  private readonly isDatagrams: boolean

  constructor(sink: MessageSink, stats: ParserStats, isDatagrams: boolean) {
    this.sink = sink
    this.stats = stats
    this.isDatagrams = isDatagrams
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
    const half = this.halves[direction]
    let at = start
    if (half.isLost && start < end) {
      at = resync(half, mayBeginMessage(bytes, start, end), start, end, this.stats)
    }
    while (at < end && !half.isLost) {
      if (half.remaining > 0) {
        const taken = Math.min(half.remaining, end - at)
        at += taken
        this.takePayload(half, taken, taken, timeUs)
        continue
      }
      if (half.headerLength === 0) {
        half.startUs = timeUs
        half.tcpSeq = tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0
      }
      const { header } = half
      while (at < end && half.headerLength < headerBytes) header[half.headerLength++] = bytes[at++]
      if (half.headerLength < headerBytes) break
      if ((header[14] & segmented) !== 0 && isHeader(header, 0)) {
        while (at < end && half.headerLength < header.length) header[half.headerLength++] = bytes[at++]
        if (half.headerLength < header.length) break
      }
      if (!this.takeHeader(half, timeUs)) {
        this.stats.malformed++
        this.lose(half, end - at)
      }
    }
    if (missing > 0) this.skipMissing(half, missing, timeUs)
    if (this.isDatagrams) this.endDatagram(half)
  }

  close(): void {
    for (const half of this.halves) if (half.message !== null) this.emit(half)
  }

  private skipMissing(half: Half, missing: number, timeUs: number): void {
    const skipped = Math.min(missing, half.remaining)
    if (skipped > 0) this.takePayload(half, skipped, 0, timeUs)
    if (missing > skipped) this.lose(half, missing - skipped)
  }

  private takePayload(half: Half, length: number, captured: number, timeUs: number): void {
    half.remaining -= length
    if (half.message === null) return
    half.message.capturedBytes += captured
    half.message.endUs = timeUs
    if (half.remaining === 0) this.emit(half)
  }

  /** Whatever a datagram left open ends with it. */
  private endDatagram(half: Half): void {
    if (half.message !== null) this.emit(half)
    if (half.headerLength > 0) this.stats.malformed++
    half.remaining = 0
    half.headerLength = 0
    half.isLost = false
  }

  private lose(half: Half, skipped: number): void {
    this.stats.skippedBytes += skipped
    half.isLost = true
    half.headerLength = 0
    half.remaining = 0
  }

  private emit(half: Half): void {
    const message = half.message as L7Message
    half.message = null
    if (message.capturedBytes < message.length + headerBytes - countedHeaderBytes) this.stats.truncated++
    if (message.type === RecordType.request) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
  }

  private takeHeader(half: Half, timeUs: number): boolean {
    const { header } = half
    half.headerLength = 0
    if (!isHeader(header, 0)) return false
    half.remaining = lengthOf(header, 0) - countedHeaderBytes
    if (isCookie(header, 0)) return true
    let captured = headerBytes
    if ((header[14] & segmented) !== 0) {
      if (half.remaining < segmentBytes) return false
      half.remaining -= segmentBytes
      captured += segmentBytes
      // Segments after the first say nothing new; the lower four bits are flags.
      if (uint16(header, 16) !== 0 || uint16(header, 18) >= 16) return true
    }
    half.message = this.read(half, header)
    half.message.endUs = timeUs
    half.message.capturedBytes = captured
    if (half.remaining === 0) this.emit(half)
    return true
  }

  private read({ startUs, tcpSeq }: Half, header: Uint8Array): L7Message {
    const type = header[14] & ~segmented
    const isResponse = type === MessageType.response || type === MessageType.error
    const message = emptyMessage(
      isResponse || type === MessageType.notification ? RecordType.response : RecordType.request,
      L7Protocol.someIp,
      startUs,
      tcpSeq,
    )
    const session = uint16(header, 10)
    // Client and session make the Request ID; session 0 says that sessions are not told apart: order pairs them.
    message.requestId = session === 0 ? -1 : uint16(header, 8) * 65_536 + session
    message.version = `Protocol ${header[12]} Interface ${header[13]}`
    message.requestType = messageTypeName(type)
    const service = uint16(header, 0)
    message.requestResource = service === discoveryService ? "ServiceDiscovery" : `${service}`
    message.endpoint = `${uint16(header, 2)}`
    message.attributes = ["client_id", `${uint16(header, 8)}`]
    message.length = lengthOf(header, 0)
    message.isAsync = type === MessageType.requestNoReturn || type === MessageType.notification
    if (isResponse) {
      message.code = header[15]
      message.status = returnCodeStatus(header[15], type === MessageType.error)
      if (message.status !== ResponseStatus.ok) message.exception = returnCodeName(header[15])
    }
    return message
  }
}
