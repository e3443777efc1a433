// One direction of a connection whose messages say no length: its bytes as a reader takes them, one value after the other, over any
// split. A reader is a generator that yields where bytes are lacking. Bound: the texts that are being collected.

import { nameText } from "../framed/names.ts"

export type Reading<T> = Generator<undefined, T, undefined>

/** Bytes of a name that are kept of a longer one. */
const maxName = 256
const nothing = new Uint8Array(0)

export class ByteStream {
  bytes: Uint8Array = nothing
  at = 0
  end = 0
  timeUs = 0
  /** Bytes of what is passed over or collected that are still to come, captured or not. */
  passing = 0
  /** Bytes of the last text collected were not captured, or it was longer than what was wanted of it. */
  isCut = false
  /** Of the message that is being read. */
  startUs = 0
  tcpSeq = 0
  private collected: Uint8Array = nothing
  private from = 0
  private fromSeq = 0
  /** Bytes before the run at hand, and how many of them were not captured. */
  private before = 0
  private missed = 0
  private startPosition = 0
  private startMissed = 0

  /** The next run of bytes. */
  give(bytes: Uint8Array, start: number, end: number, timeUs: number, tcpSeq: number): void {
    this.before += this.at - this.from
    this.bytes = bytes
    this.at = this.from = start
    this.end = end
    this.timeUs = timeUs
    this.fromSeq = tcpSeq
  }

  /** `count` bytes were not captured, which belong to what is passed over or collected. */
  miss(count: number): void {
    this.passing -= count
    this.before += count
    this.missed += count
    this.isCut = true
  }

  /** Forgets what was being collected. */
  drop(): void {
    this.passing = 0
    this.collected = nothing
  }

  get heldBytes(): number {
    return this.collected.length
  }

  /** Bytes of the message so far. */
  get length(): number {
    return this.before + this.at - this.from - this.startPosition
  }

  /** The same without those that were not captured. */
  get captured(): number {
    return this.length - this.missed + this.startMissed
  }

  /** Waits for the first byte of a message and notes where it is. */
  *begin(): Reading<void> {
    while (this.at === this.end) yield
    this.startUs = this.timeUs
    this.tcpSeq = this.fromSeq === 0 ? 0 : (this.fromSeq + this.at - this.from) >>> 0
    this.startPosition = this.before + this.at - this.from
    this.startMissed = this.missed
  }

  *u8(): Reading<number> {
    while (this.at === this.end) yield
    return this.bytes[this.at++]
  }

  /** An unsigned number of `count` bytes, little-endian. */
  *little(count: number): Reading<number> {
    let value = 0
    let scale = 1
    for (let i = 0; i < count; i++, scale *= 256) value += (yield* this.u8()) * scale
    return value
  }

  /** The same, big-endian. */
  *big(count: number): Reading<number> {
    let value = 0
    for (let i = 0; i < count; i++) value = value * 256 + (yield* this.u8())
    return value
  }

  /** LEB128 of at most 64 bits: exact below 2^53. */
  *varint(): Reading<number> {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      while (this.at === this.end) yield
      const byte = this.bytes[this.at++]
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    return Infinity
  }

  *pass(count: number): Reading<void> {
    if (this.at + count <= this.end) {
      this.at += count
      return
    }
    this.passing = count
    while (this.passing > 0) {
      if (this.at === this.end) yield
      const taken = Math.min(this.passing, this.end - this.at)
      this.at += taken
      this.passing -= taken
    }
  }

  /** The first `most` of `count` bytes; good until the next value is read. */
  *take(count: number, most: number): Reading<Uint8Array> {
    this.isCut = count > most
    if (this.at + count <= this.end) {
      this.at += count
      return this.bytes.subarray(this.at - count, this.at - count + Math.min(count, most))
    }
    this.collected = new Uint8Array(Math.min(count, most))
    let length = 0
    this.passing = count
    while (this.passing > 0) {
      if (this.at === this.end) yield
      const taken = Math.min(this.passing, this.end - this.at)
      // Behind a gap nothing more is collected.
      if (length === count - this.passing) {
        const kept = Math.min(taken, this.collected.length - length)
        this.collected.set(this.bytes.subarray(this.at, this.at + kept), length)
        length += kept
      }
      this.at += taken
      this.passing -= taken
    }
    const taken = this.collected.subarray(0, length)
    this.collected = nothing
    return taken
  }

  /** UTF-8 of `count` bytes, of which the first 256 are enough. */
  *name(count: number): Reading<string> {
    if (count === 0) return ""
    const bytes = yield* this.take(count, maxName)
    return nameText(bytes, 0, bytes.length)
  }
}
