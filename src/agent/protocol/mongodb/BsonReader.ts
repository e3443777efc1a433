// Walks the elements of a BSON document (bsonspec.org) in bytes that may end too early. Never throws, never reads beyond `end`.

import { latin1Text } from "../latin1.ts"

export const BsonType = {
  double: 0x01,
  text: 0x02,
  document: 0x03,
  array: 0x04,
  binary: 0x05,
  objectId: 0x07,
  boolean: 0x08,
  date: 0x09,
  null: 0x0a,
  regex: 0x0b,
  int32: 0x10,
  timestamp: 0x11,
  int64: 0x12,
  decimal: 0x13,
} as const

/** Bytes of values that always have the same number; -1 for the others. */
const sizes = new Int8Array(256).fill(-1)
for (const [type, size] of [
  [0x01, 8],
  [0x06, 0],
  [0x07, 12],
  [0x08, 1],
  [0x09, 8],
  [0x0a, 0],
  [0x10, 4],
  [0x11, 8],
  [0x12, 8],
  [0x13, 16],
  [0x7f, 0],
  [0xff, 0],
])
  sizes[type] = size

export const i32 = (bytes: Uint8Array, at: number): number =>
  bytes[at] | (bytes[at + 1] << 8) | (bytes[at + 2] << 16) | (bytes[at + 3] << 24)

export const u32 = (bytes: Uint8Array, at: number): number => i32(bytes, at) >>> 0

/** Exact below 2^53. */
export const i64 = (bytes: Uint8Array, at: number): number => i32(bytes, at + 4) * 2 ** 32 + u32(bytes, at)

const scratch = new DataView(new ArrayBuffer(8))

export const f64 = (bytes: Uint8Array, at: number): number => {
  for (let i = 0; i < 8; i++) scratch.setUint8(i, bytes[at + i])
  return scratch.getFloat64(0, true)
}

export const nulAt = (bytes: Uint8Array, start: number, end: number): number => {
  let at = start
  while (at < end && bytes[at] !== 0) at++
  return at
}

export class BsonReader {
  type = 0
  nameStart = 0
  nameEnd = 0
  valueAt = 0
  valueEnd = 0
  /** The document is not whole: it was cut, or is damaged. */
  isCut = false
  private at: number
  private readonly bytes: Uint8Array
  private readonly end: number

  /** The document at `start`, of which no more than up to `end` is at hand. */
  constructor(bytes: Uint8Array, start: number, end: number) {
    this.bytes = bytes
    this.at = start + 4
    const length = start + 4 <= end ? u32(bytes, start) : 0
    this.end = Math.min(end, start + length)
    if (length < 5 || start + length > end) this.isCut = true
  }

  /** Moves to the next element that is whole; false at the end. */
  next(): boolean {
    const { bytes, end } = this
    if (this.at >= end || bytes[this.at] === 0) return false
    this.type = bytes[this.at]
    this.nameStart = this.at + 1
    this.nameEnd = nulAt(bytes, this.nameStart, end)
    this.valueAt = this.nameEnd + 1
    this.valueEnd = this.sizeEnd()
    if (this.valueEnd < 0 || this.valueEnd > end) {
      this.isCut = true
      // A document that begins here can be read as far as it goes.
      const isNested = this.type === BsonType.document || this.type === BsonType.array
      if (this.valueEnd < 0 || !isNested || this.valueAt + 5 > end) {
        this.at = end
        return false
      }
      this.valueEnd = end
    }
    this.at = this.valueEnd
    return true
  }

  get name(): string {
    return latin1Text(this.bytes, this.nameStart, Math.min(this.nameEnd, this.nameStart + 128))
  }

  private sizeEnd(): number {
    const { bytes, end, type, valueAt } = this
    const fixed = sizes[type]
    if (fixed >= 0) return valueAt + fixed
    if (type === BsonType.regex) return nulAt(bytes, nulAt(bytes, valueAt, end) + 1, end) + 1
    if (valueAt + 4 > end) return -1
    const length = u32(bytes, valueAt)
    switch (type) {
      case BsonType.document:
      case BsonType.array:
      case 0x0f: // code with scope
        return length < 5 ? -1 : valueAt + length
      case BsonType.binary:
        return valueAt + 5 + length
      case BsonType.text:
      case 0x0d: // code
      case 0x0e: // symbol
        return length < 1 ? -1 : valueAt + 4 + length
      case 0x0c: // pointer
        return valueAt + 4 + length + 12
      default:
        return -1
    }
  }
}
