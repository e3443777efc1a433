// Walks a chunked body (RFC 9112 section 7.1) over any split of its bytes: sizes, extensions, data, trailers. Keeps numbers only.

import type { EventCounter } from "../EventCounter.ts"

/** A line of a chunked body (size with extensions, or one trailer) is never longer than this in earnest. */
const maxLine = 16 * 1024
/** 2^50 bytes: no chunk is longer, and sums stay exact. */
const maxChunk = 2 ** 50
const maxTrailers = 64 * 1024

const Part = { size: 0, extension: 1, data: 2, dataEnd: 3, trailer: 4, done: 5, broken: 6 } as const
type Part = (typeof Part)[keyof typeof Part]

const hexDigit = (c: number): number => {
  if (c >= 48 && c <= 57) return c - 48
  const letter = c | 32
  return letter >= 97 && letter <= 102 ? letter - 87 : -1
}

export class ChunkScanner {
  /** Bytes of data in the chunks so far, as their sizes declare. */
  length = 0
  /** Counts events in the data, when they are such. */
  events: EventCounter | null = null
  private part: Part = Part.size
  private remaining = 0
  private digits = 0
  private lineLength = 0
  private trailerLength = 0

  get isDone(): boolean {
    return this.part === Part.done
  }

  get isBroken(): boolean {
    return this.part === Part.broken
  }

  begin(): void {
    this.length = 0
    this.trailerLength = 0
    this.events = null
    this.beginSize()
  }

  /** Reads on; returns the position after the body's last byte, or `end`. */
  scan(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end) {
      if (this.part === Part.data) {
        const taken = Math.min(this.remaining, end - at)
        this.events?.scan(bytes, at, at + taken)
        this.remaining -= taken
        at += taken
        if (this.remaining === 0) this.part = Part.dataEnd
        continue
      }
      this.step(bytes[at])
      if (this.part === Part.broken) return at
      at++
      if (this.part === Part.done) return at
    }
    return at
  }

  /** `count` bytes were not captured; false when they reach beyond the data of the current chunk. */
  skip(count: number): boolean {
    if (this.part !== Part.data || count > this.remaining) return false
    this.remaining -= count
    if (this.remaining === 0) this.part = Part.dataEnd
    return true
  }

  private beginSize(): void {
    this.part = Part.size
    this.remaining = 0
    this.digits = 0
    this.lineLength = 0
  }

  private step(c: number): void {
    switch (this.part) {
      case Part.size: {
        const digit = hexDigit(c)
        if (digit >= 0) {
          this.remaining = this.remaining * 16 + digit
          this.digits++
          if (this.remaining > maxChunk) this.part = Part.broken
        } else if (this.digits === 0) this.part = Part.broken
        else if (c === 10) this.endSize()
        else if (c === 59 || c === 32 || c === 9 || c === 13) this.part = Part.extension
        else this.part = Part.broken
        return
      }
      case Part.extension:
        if (c === 10) this.endSize()
        else if (++this.lineLength > maxLine) this.part = Part.broken
        return
      case Part.dataEnd:
        if (c === 10) this.beginSize()
        else if (c !== 13) this.part = Part.broken
        return
      case Part.trailer:
        if (++this.trailerLength > maxTrailers) this.part = Part.broken
        else if (c === 10) {
          if (this.lineLength === 0) this.part = Part.done
          this.lineLength = 0
        } else if (c !== 13) this.lineLength++
        return
      default:
        return
    }
  }

  private endSize(): void {
    this.length += this.remaining
    this.lineLength = 0
    this.part = this.remaining === 0 ? Part.trailer : Part.data
  }
}
