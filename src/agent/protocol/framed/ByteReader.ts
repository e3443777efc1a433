// Reads numbers and texts from bytes that may end too early: then `isShort` is set and everything reads as zero or empty.
// Never throws, never reads beyond `end`. Numbers are big-endian.

import { utf8Text } from "../latin1.ts"
import { nameText } from "./names.ts"

/** Bytes of a name that are kept of a longer one. */
const maxText = 256

export class ByteReader {
  bytes: Uint8Array = new Uint8Array(0)
  at = 0
  end = 0
  isShort = false

  reset(bytes: Uint8Array, start: number, end: number): void {
    this.bytes = bytes
    this.at = start
    this.end = end
    this.isShort = false
  }

  get left(): number {
    return this.end - this.at
  }

  /** Whether `count` bytes are there; when not, the rest is given up. */
  has(count: number): boolean {
    if (count >= 0 && this.at + count <= this.end) return true
    this.isShort = true
    this.at = this.end
    return false
  }

  skip(count: number): void {
    if (this.has(count)) this.at += count
  }

  u8(): number {
    return this.has(1) ? this.bytes[this.at++] : 0
  }

  u16(): number {
    if (!this.has(2)) return 0
    const { bytes, at } = this
    this.at = at + 2
    return (bytes[at] << 8) | bytes[at + 1]
  }

  i16(): number {
    return (this.u16() << 16) >> 16
  }

  i32(): number {
    if (!this.has(4)) return 0
    const { bytes, at } = this
    this.at = at + 4
    return (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]
  }

  u32(): number {
    return this.i32() >>> 0
  }

  /** 64 bits as a number: exact below 2^53. */
  i64(): number {
    const high = this.i32()
    return high * 2 ** 32 + this.u32()
  }

  /** LEB128 of at most 64 bits (Kafka, Protocol Buffers). */
  varint(): number {
    let value = 0
    let scale = 1
    for (let i = 0; i < 10; i++) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
      scale *= 128
    }
    this.isShort = true
    this.at = this.end
    return 0
  }

  /** The same with the sign in the lowest bit. */
  zigzag(): number {
    const value = this.varint()
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2
  }

  /** UTF-8 of `length` bytes, all of them: the caller knows that they are few. */
  longText(length: number): string {
    const from = this.at
    if (!this.has(length)) return ""
    this.at = from + length
    return utf8Text(this.bytes, from, from + length)
  }

  /** UTF-8 of `length` bytes: names, of which the first 256 bytes are enough. */
  text(length: number): string {
    const from = this.at
    if (!this.has(length)) return ""
    this.at = from + length
    return length === 0 ? "" : nameText(this.bytes, from, from + Math.min(length, maxText))
  }
}

export const u32At = (bytes: Uint8Array, at: number): number =>
  ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0

export const u16At = (bytes: Uint8Array, at: number): number => (bytes[at] << 8) | bytes[at + 1]

/** All of bytes[start, end) are printable ASCII. */
export const isPrintable = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) {
    if (bytes[i] < 0x20 || bytes[i] > 0x7e) return false
  }
  return true
}

/** Whether bytes[at, end) begin with `magic`, as far as they go; not when there are none. */
export const mayBeginWith = (
  bytes: Uint8Array,
  at: number,
  end: number,
  magic: ReadonlyArray<number>,
): boolean => {
  for (let i = 0; i < magic.length && at + i < end; i++) {
    if (bytes[at + i] !== magic[i]) return false
  }
  return at < end
}
