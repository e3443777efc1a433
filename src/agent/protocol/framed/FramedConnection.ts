// Base of the parsers of protocols whose messages say their length: cuts both directions into frames over any split of the
// bytes, passes over what the capture did not deliver, and finds the next frame after a loss. Bound: `maxKept` bytes of one
// frame for each direction, besides what the protocol itself remembers.

import { emptyMessage, type L7Message } from "../../../model/L7Session.ts"
import { type ParserStats, resync } from "../ParserStats.ts"
import { type ConnectionParser, Direction, type MessageSink } from "../Protocol.ts"
import { FrameHalf } from "./FrameHalf.ts"

/** Results of `frameLength` besides a length. */
export const undecided = 0
export const noFrame = -1

/** One frame: bytes[start, end) are those at hand, which are fewer than `length` when it is long or was cut. */
export interface Frame {
  direction: Direction
  bytes: Uint8Array
  start: number
  end: number
  length: number
  /** Bytes between the last one at hand and the frame's end were not captured, or nobody knows what they were. */
  isCut: boolean
  startUs: number
  endUs: number
  tcpSeq: number
  captured: number
}

export const makeFrame = (): Frame => ({
  direction: Direction.toServer,
  bytes: new Uint8Array(0),
  start: 0,
  end: 0,
  length: 0,
  isCut: false,
  startUs: 0,
  endUs: 0,
  tcpSeq: 0,
  captured: 0,
})

/** Frames are read one at a time, so all connections share one. */
const shared = makeFrame()

export abstract class FramedConnection implements ConnectionParser {
  protected readonly sink: MessageSink
  protected readonly stats: ParserStats
  protected hasLeft = false
  private readonly maxKept: number
  private readonly toServer = new FrameHalf()
  private readonly toClient = new FrameHalf()

  constructor(sink: MessageSink, stats: ParserStats, maxKept: number) {
    this.sink = sink
    this.stats = stats
    this.maxKept = maxKept
  }

  /** Length of the frame that begins at bytes[at]; `undecided` when these are too few, `noFrame` when they begin none. */
  protected abstract frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number
  /** After a loss: whether bytes[start, end) begin with a frame; rather no than a wrong yes. */
  protected abstract mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean
  /** Reads a frame; false when it is none of the protocol's, which makes this direction lost. */
  protected abstract read(frame: Frame): boolean
  /** Frames of this direction were lost. */
  protected abstract lost(direction: Direction): void
  /** The connection is over. */
  protected ended(): void {}

  /**
   * Takes whole frames in bytes[at, end), behind one that was read, that are only to be counted (rows of a result) or add little to
   * what is known: costs less than reading each. Returns where the next other one begins.
   */
  protected passOver(
    _direction: Direction,
    _bytes: Uint8Array,
    at: number,
    _end: number,
    _timeUs: number,
  ): number {
    return at
  }

  /** Bytes this parser holds, for tests of its bound. */
  get bufferedBytes(): number {
    return this.toServer.kept.length + this.toClient.kept.length
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
    const half = direction === Direction.toServer ? this.toServer : this.toClient
    let at = start
    if (half.isLost && start < end) {
      at = resync(half, this.mayBegin(direction, bytes, start, end), start, end, this.stats)
    }
    while (at < end && !half.isLost) {
      const seq = tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0
      at = half.isOpen
        ? this.resumeFrame(half, direction, bytes, at, end, timeUs)
        : this.beginFrame(half, direction, bytes, at, end, timeUs, seq)
      if (this.hasLeft) return
      if (at < end && !half.isLost) at = this.passOver(direction, bytes, at, end, timeUs)
    }
    if (missing > 0) this.skipMissing(half, direction, missing, timeUs)
  }

  close(_timeUs: number): void {
    if (this.hasLeft) return
    this.endOpenFrame(this.toServer, Direction.toServer)
    this.endOpenFrame(this.toClient, Direction.toClient)
    this.ended()
    this.hasLeft = true
  }

  protected leave(): void {
    this.hasLeft = true
    this.sink.leave()
  }

  /** A message that begins with this frame. */
  protected messageOf(frame: Frame, type: L7Message["type"], protocol: number): L7Message {
    const message = emptyMessage(type, protocol, frame.startUs, frame.tcpSeq)
    message.endUs = frame.endUs
    message.capturedBytes = frame.captured
    return message
  }

  private beginFrame(
    half: FrameHalf,
    direction: Direction,
    bytes: Uint8Array,
    at: number,
    end: number,
    timeUs: number,
    tcpSeq: number,
  ): number {
    const length = this.frameLength(direction, bytes, at, end)
    if (length === noFrame) return this.refuse(half, direction, end, end - at)
    if (length === undecided || at + length > end) {
      half.open(length, timeUs, tcpSeq)
      return this.resumeFrame(half, direction, bytes, at, end, timeUs)
    }
    shared.direction = direction
    // Runs of bytes share a buffer, and the collector is told of each that is stored.
    if (shared.bytes !== bytes) shared.bytes = bytes
    shared.start = at
    shared.end = at + Math.min(length, this.maxKept)
    shared.length = shared.captured = length
    shared.isCut = false
    shared.startUs = shared.endUs = timeUs
    shared.tcpSeq = tcpSeq
    return this.read(shared) ? at + length : this.refuse(half, direction, end, end - at)
  }

  private resumeFrame(
    half: FrameHalf,
    direction: Direction,
    bytes: Uint8Array,
    at: number,
    end: number,
    timeUs: number,
  ): number {
    const { maxKept } = this
    let taken: number
    if (half.total === undecided) {
      const before = half.position
      taken = Math.min(end - at, maxKept - half.keptLength)
      half.keep(bytes, at, at + taken, maxKept)
      const length = this.frameLength(direction, half.kept, 0, half.keptLength)
      if (length === noFrame || (length === undecided && half.keptLength === maxKept))
        return this.refuse(half, direction, end, end - at + before)
      if (length !== undecided) {
        half.total = length
        taken = Math.min(taken, length - before)
        half.keptLength = Math.min(half.keptLength, length)
      }
    } else {
      taken = Math.min(end - at, half.total - half.position)
      if (!half.isCut) half.keep(bytes, at, at + taken, maxKept)
    }
    half.position += taken
    half.captured += taken
    half.endUs = timeUs
    if (half.position !== half.total) return at + taken
    return this.completeFrame(half, direction) ? at + taken : this.refuse(half, direction, end, end - at)
  }

  private completeFrame(half: FrameHalf, direction: Direction): boolean {
    shared.direction = direction
    shared.bytes = half.kept
    shared.start = 0
    shared.end = half.keptLength
    shared.length = half.total
    shared.isCut = half.isCut
    shared.startUs = half.startUs
    shared.endUs = half.endUs
    shared.tcpSeq = half.tcpSeq
    shared.captured = half.captured
    if (half.isCut) this.stats.truncated++
    const isRead = this.read(shared)
    half.end()
    return isRead
  }

  /** Of a frame only a part will be seen: hands over what is known when that is enough to know its length. */
  private endOpenFrame(half: FrameHalf, direction: Direction): void {
    if (!half.isOpen) return
    if (half.total !== undecided) {
      half.isCut = true
      this.completeFrame(half, direction)
    } else half.end()
  }

  private skipMissing(half: FrameHalf, direction: Direction, missing: number, timeUs: number): void {
    let left = missing
    if (half.isOpen && half.total !== undecided) {
      const inside = Math.min(missing, half.total - half.position)
      left -= inside
      half.position += inside
      half.endUs = timeUs
      if (half.keptLength < this.maxKept) half.isCut = true
      if (half.position === half.total && !this.completeFrame(half, direction)) {
        this.refuse(half, direction, 0, 0)
        return
      }
    }
    if (left === 0 || this.hasLeft) return
    this.stats.skippedBytes += left
    if (!half.isLost) this.loseFrames(half, direction)
  }

  private refuse(half: FrameHalf, direction: Direction, end: number, skipped: number): number {
    this.stats.malformed++
    this.stats.skippedBytes += skipped
    this.loseFrames(half, direction)
    return end
  }

  private loseFrames(half: FrameHalf, direction: Direction): void {
    half.isLost = true
    half.end()
    this.lost(direction)
  }
}
