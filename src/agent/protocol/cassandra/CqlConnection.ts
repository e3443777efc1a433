// The outer layer of a CQL connection: messages as they are (versions 3 and 4, and the beginning of version 5), or in frames that
// hold several messages or a part of one. Frames are known by the CRC of their header, so that a connection may be joined later.
// Bound: 32 KiB of one frame or message for each direction, and once more that of a message in frames.

import { type Frame, FramedConnection, noFrame, undecided } from "../framed/FramedConnection.ts"
import { readLz4 } from "../compressedBlocks.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import type { CqlMessages } from "./CqlMessages.ts"
import { envelopeLength, headerLength, type OuterFrame, outerLength } from "./envelope.ts"

const maxKept = 32 * 1024
const maxMessage = 8192

const outer: OuterFrame = { headerLength: 0, payloadLength: 0, textLength: 0 }

/** Messages one after the other. */
class Envelopes extends FramedConnection {
  private readonly messages: CqlMessages

  constructor(sink: MessageSink, stats: ParserStats, messages: CqlMessages) {
    super(sink, stats, maxMessage)
    this.messages = messages
  }

  protected override frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < headerLength) return undecided
    const length = envelopeLength(bytes, at, direction === Direction.toServer)
    return length < 0 ? noFrame : length
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    return this.frameLength(direction, bytes, start, end) > 0
  }

  /** Streams pair what comes after a loss. */
  protected override lost(): void {}

  protected override read(frame: Frame): boolean {
    this.messages.read(frame)
    return true
  }
}

export class CqlConnection extends FramedConnection {
  private readonly messages: CqlMessages
  private readonly inner: Envelopes

  constructor(sink: MessageSink, stats: ParserStats, messages: CqlMessages) {
    super(sink, stats, maxKept)
    this.messages = messages
    this.inner = new Envelopes(sink, stats, messages)
  }

  override get bufferedBytes(): number {
    return super.bufferedBytes + this.inner.bufferedBytes
  }

  protected override frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < headerLength) return undecided
    const framed = this.messages.version < 5 ? -1 : outerLength(bytes, at, outer)
    if (framed > 0) return framed
    const length = envelopeLength(bytes, at, direction === Direction.toServer)
    return length < 0 ? noFrame : length
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    return this.frameLength(direction, bytes, start, end) > 0
  }

  protected override lost(): void {}

  protected override ended(): void {
    this.inner.close(0)
  }

  protected override read(frame: Frame): boolean {
    if (this.messages.version < 5 || outerLength(frame.bytes, frame.start, outer) < 0) {
      this.messages.read(frame)
      return true
    }
    const at = frame.start + outer.headerLength
    const stop = Math.min(frame.end, at + outer.payloadLength)
    if (outer.textLength === 0) this.feedInner(frame, frame.bytes, at, stop, outer.payloadLength)
    else {
      const text = readLz4(frame.bytes, at, stop, Math.min(outer.textLength, maxKept))
      this.feedInner(frame, text, 0, text.length, outer.textLength)
    }
    return true
  }

  /** `length` bytes of messages, of which bytes[start, end) are at hand. */
  private feedInner(frame: Frame, bytes: Uint8Array, start: number, end: number, length: number): void {
    const first = Math.min(end, start + 1)
    const missing = Math.max(0, length - (end - start))
    // What begins in a frame that took its time began with it.
    this.inner.feed(frame.direction, bytes, start, first, 0, frame.startUs, frame.tcpSeq)
    this.inner.feed(frame.direction, bytes, first, end, missing, frame.endUs, 0)
  }
}
