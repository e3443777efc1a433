// Base of the parsers of protocols whose messages say no length: the reader of a protocol takes one value after the other from
// each direction. What it cannot read, or what was not captured, makes that direction lost until a run of bytes begins a message.

import { emptyMessage, type L7Message } from "../../../model/L7Session.ts"
import { type ParserStats, resync } from "../ParserStats.ts"
import { type ConnectionParser, Direction, type MessageSink } from "../Protocol.ts"
import { ByteStream, type Reading } from "./ByteStream.ts"

interface Half {
  readonly direction: Direction
  readonly stream: ByteStream
  isLost: boolean
  reading: Reading<void> | null
}

const half = (direction: Direction): Half => ({
  direction,
  stream: new ByteStream(),
  isLost: false,
  reading: null,
})

export abstract class StreamedConnection implements ConnectionParser {
  protected readonly sink: MessageSink
  protected readonly stats: ParserStats
  protected hasLeft = false
  private readonly toServer = half(Direction.toServer)
  private readonly toClient = half(Direction.toClient)

  constructor(sink: MessageSink, stats: ParserStats) {
    this.sink = sink
    this.stats = stats
  }

  /** Reads messages for ever; returns when it meets what is none. `isResumed`: after a loss, at what `mayBegin` accepted. */
  protected abstract messages(direction: Direction, stream: ByteStream, isResumed: boolean): Reading<void>
  /** After a loss: whether bytes[start, end) begin with a message; rather no than a wrong yes. */
  protected abstract mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean
  /** Bytes of this direction were lost. */
  protected abstract lost(direction: Direction): void
  /** The connection is over. */
  protected ended(): void {}

  /** Bytes this parser holds, for tests of its bound. */
  get bufferedBytes(): number {
    return this.toServer.stream.heldBytes + this.toClient.stream.heldBytes
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
    if (this.hasLeft) return
    const side = direction === Direction.toServer ? this.toServer : this.toClient
    side.stream.give(bytes, start, end, timeUs, tcpSeq)
    if (start < end) {
      if (side.isLost) {
        const begins = this.mayBegin(direction, bytes, start, end)
        resync(side, begins, start, end, this.stats)
        if (begins) side.reading = this.messages(direction, side.stream, true)
      } else side.reading ??= this.messages(direction, side.stream, false)
      this.read(side)
    }
    if (missing > 0 && !this.hasLeft) this.skipMissing(side, missing)
    // The bytes are the caller's.
    side.stream.give(bytes, end, end, timeUs, 0)
  }

  close(_timeUs: number): void {
    if (this.hasLeft) return
    this.ended()
    this.hasLeft = true
  }

  protected leave(): void {
    this.hasLeft = true
    this.toServer.stream.drop()
    this.toClient.stream.drop()
    this.sink.leave()
  }

  /** The message that the reader of this direction is at. */
  protected messageOf(stream: ByteStream, type: L7Message["type"], protocol: number): L7Message {
    const message = emptyMessage(type, protocol, stream.startUs, stream.tcpSeq)
    message.endUs = stream.timeUs
    message.length = stream.length
    message.capturedBytes = stream.captured
    return message
  }

  private read(side: Half): void {
    if (side.isLost || side.reading === null) return
    const { stream } = side
    if (side.reading.next().done !== true || this.hasLeft) return
    this.stats.malformed++
    this.stats.skippedBytes += stream.end - stream.at
    this.lose(side)
  }

  private skipMissing(side: Half, missing: number): void {
    const { stream } = side
    let left = missing
    while (left > 0 && !side.isLost && !this.hasLeft && stream.passing > 0) {
      const inside = Math.min(left, stream.passing)
      left -= inside
      stream.miss(inside)
      if (stream.passing === 0) this.read(side)
    }
    if (left === 0 || this.hasLeft) return
    this.stats.skippedBytes += left
    if (!side.isLost) this.lose(side)
  }

  private lose(side: Half): void {
    side.isLost = true
    side.reading = null
    side.stream.drop()
    this.lost(side.direction)
  }
}
