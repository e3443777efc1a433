// The WebSocket parser of one connection, from the end of its handshake: counts frames and messages of both directions and
// reads Close frames. What messages hold is not looked at. Reports are one-way messages: "MESSAGES" with what a direction
// sent within ten seconds, "CLOSE" with code and reason. Bound: see WebSocketHalf.

import { emptyMessage, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { utf8Text } from "../latin1.ts"
import type { Handshake } from "../http1/Upgrades.ts"
import type { ParserStats } from "../ParserStats.ts"
import { type ConnectionParser, Direction, type MessageSink } from "../Protocol.ts"
import { closeStatus } from "./closeStatus.ts"
import { headerLength, mayBegin, mayBeginFrames, Opcode, payloadLength } from "./frame.ts"
import { Phase, WebSocketHalf } from "./WebSocketHalf.ts"

/** A chat may have a message each millisecond: they are counted, and the counts handed over this often. */
const reportUs = 10_000_000

export class WebSocketConnection implements ConnectionParser {
  private readonly toServer = new WebSocketHalf()
  private readonly toClient = new WebSocketHalf()
  private hasClosed = false
  private readonly sink: MessageSink
  private readonly handshake: Handshake
  private readonly stats: ParserStats

  constructor(sink: MessageSink, handshake: Handshake, stats: ParserStats) {
    this.sink = sink
    this.handshake = handshake
    this.stats = stats
  }

  /** Bytes this parser holds, for tests of its bound. */
  get bufferedBytes(): number {
    return (
      this.toServer.headerLength +
      this.toServer.closeLength +
      this.toClient.headerLength +
      this.toClient.closeLength
    )
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
    if (this.hasClosed) return
    const half = direction === Direction.toServer ? this.toServer : this.toClient
    if (half.phase === Phase.lost && start < end && mayBeginFrames(bytes, start, end, direction)) {
      half.phase = Phase.header
      this.stats.resyncs++
    }
    let at = start
    while (at < end) {
      if (half.phase === Phase.lost) {
        this.stats.skippedBytes += end - at
        at = end
      } else if (half.phase === Phase.header) {
        at = this.readHeader(
          half,
          direction,
          bytes,
          at,
          end,
          timeUs,
          tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0,
        )
      } else at = this.readPayload(half, direction, bytes, at, end, timeUs)
    }
    if (missing > 0) this.skipMissing(half, direction, missing, timeUs)
    this.reportWhenDue(this.toServer, Direction.toServer, timeUs)
    this.reportWhenDue(this.toClient, Direction.toClient, timeUs)
  }

  close(_timeUs: number): void {
    if (this.hasClosed) return
    this.hasClosed = true
    this.report(this.toServer, Direction.toServer)
    this.report(this.toClient, Direction.toClient)
  }

  private readHeader(
    half: WebSocketHalf,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
    tcpSeq: number,
  ): number {
    const { header } = half
    if (!half.hasFrames) {
      half.startUs = timeUs
      half.tcpSeq = tcpSeq
    }
    let at = start
    let wanted = half.headerLength < 2 ? 2 : headerLength(header[1])
    while (at < end && half.headerLength < wanted) {
      header[half.headerLength++] = bytes[at++]
      if (half.headerLength !== 2) continue
      if (!mayBegin(header[0], header[1], direction)) {
        this.break(half)
        return at
      }
      wanted = headerLength(header[1])
    }
    half.captured += at - start
    half.endUs = timeUs
    if (half.headerLength < wanted) return at
    const length = payloadLength(header, 0)
    if (length < 0) {
      this.break(half)
      return at
    }
    this.beginFrame(half, length)
    if (length === 0) this.endFrame(half, direction, timeUs)
    return at
  }

  private beginFrame(half: WebSocketHalf, length: number): void {
    half.opcode = half.header[0] & 0x0f
    half.remaining = length
    half.phase = Phase.payload
    if (half.opcode <= Opcode.binary) half.bytes += length
    if (half.opcode === Opcode.text) half.text++
    else if (half.opcode === Opcode.binary) half.binary++
    else if (half.opcode === Opcode.ping) half.pings++
    else if (half.opcode === Opcode.pong) half.pongs++
    else if (half.opcode === Opcode.close) half.close = new Uint8Array(length)
  }

  private readPayload(
    half: WebSocketHalf,
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    timeUs: number,
  ): number {
    const taken = Math.min(half.remaining, end - start)
    if (half.close !== null) {
      for (let i = 0; i < taken; i++) half.close[half.closeLength++] = bytes[start + i]
    }
    half.captured += taken
    half.endUs = timeUs
    half.remaining -= taken
    if (half.remaining === 0) this.endFrame(half, direction, timeUs)
    return start + taken
  }

  private endFrame(half: WebSocketHalf, direction: Direction, timeUs: number): void {
    half.phase = Phase.header
    if (half.close !== null) this.reportClose(half, direction, half.close, timeUs)
    half.close = null
    half.closeLength = 0
    half.headerLength = 0
  }

  /** Bytes that were not captured: of a payload they are passed over, beyond it frames are lost. */
  private skipMissing(half: WebSocketHalf, direction: Direction, missing: number, timeUs: number): void {
    let left = missing
    if (half.phase === Phase.payload) {
      const taken = Math.min(left, half.remaining)
      left -= taken
      half.remaining -= taken
      // A reason with a gap is none.
      if (half.close !== null && half.closeLength > 2) half.close = half.close.subarray(0, 2)
      if (half.remaining === 0) this.endFrame(half, direction, timeUs)
    }
    if (left === 0) return
    this.stats.skippedBytes += left
    this.lose(half)
  }

  private break(half: WebSocketHalf): void {
    this.stats.malformed++
    this.lose(half)
  }

  private lose(half: WebSocketHalf): void {
    half.phase = Phase.lost
    half.headerLength = 0
    half.close = null
    half.closeLength = 0
  }

  private reportWhenDue(half: WebSocketHalf, direction: Direction, timeUs: number): void {
    if (half.hasFrames && timeUs - half.startUs >= reportUs) this.report(half, direction)
  }

  private report(half: WebSocketHalf, direction: Direction): void {
    const attributes = half.counts()
    if (attributes.length > 0) {
      const message = this.begin(direction, "MESSAGES", half.startUs, half.tcpSeq)
      message.endUs = half.endUs
      message.length = half.bytes
      message.capturedBytes = half.captured
      message.attributes = attributes
      this.hand(message)
    }
    half.clearCounts()
  }

  private reportClose(half: WebSocketHalf, direction: Direction, close: Uint8Array, timeUs: number): void {
    const captured = half.headerLength + half.closeLength
    half.captured -= captured
    this.report(half, direction)
    const message = this.begin(direction, "CLOSE", timeUs, 0)
    message.capturedBytes = captured
    // A Close frame without code is a normal closure.
    if (close.length === 0) message.status = ResponseStatus.ok
    else if (close.length >= 2 && half.closeLength >= 2) {
      const maskAt = half.headerLength - 4
      if (direction === Direction.toServer) {
        for (let i = 0; i < close.length; i++) close[i] ^= half.header[maskAt + (i & 3)]
      }
      message.code = (close[0] << 8) | close[1]
      message.status = closeStatus(message.code, direction)
      const reason = utf8Text(close, 2, close.length)
      if (message.status === ResponseStatus.ok) message.result = reason
      else message.exception = reason
    }
    this.hand(message)
  }

  private begin(direction: Direction, requestType: string, startUs: number, tcpSeq: number): L7Message {
    const type = direction === Direction.toServer ? RecordType.request : RecordType.response
    const message = emptyMessage(type, L7Protocol.webSocket, startUs, tcpSeq)
    message.isAsync = true
    message.requestType = requestType
    message.requestDomain = this.handshake.domain
    message.requestResource = this.handshake.resource
    message.endpoint = this.handshake.endpoint
    return message
  }

  private hand(message: L7Message): void {
    if (message.type === RecordType.request) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
  }
}
