// Steps over the fields of a struct in Tars' encoding (tag and type, then the value). Structs, lists and maps nest up to 16
// levels; each value takes a byte at least, so there are no more steps than bytes.

import { ByteReader } from "../framed/ByteReader.ts"

const maxDepth = 16
/** Entries of a map of texts; with more of them nothing is read any more. */
const maxEntries = 256

export const TarsType = {
  int8: 0,
  int16: 1,
  int32: 2,
  int64: 3,
  float: 4,
  double: 5,
  shortText: 6,
  text: 7,
  map: 8,
  list: 9,
  structBegin: 10,
  structEnd: 11,
  zero: 12,
  bytes: 13,
} as const

/** Tags from 15 on have a byte of their own. */
const longTag = 15

export class TarsReader extends ByteReader {
  tag = 0
  type = 0

  /** Reads the head of the field that comes next; false at the end. */
  step(): boolean {
    if (this.left === 0) return false
    const head = this.u8()
    this.type = head & 0x0f
    this.tag = head >> 4
    if (this.tag === longTag) this.tag = this.u8()
    return !this.isShort
  }

  /** Value of a field of a number without fraction; 0 for another one, which is passed over. */
  intValue(): number {
    switch (this.type) {
      case TarsType.zero:
        return 0
      case TarsType.int8:
        return (this.u8() << 24) >> 24
      case TarsType.int16:
        return this.i16()
      case TarsType.int32:
        return this.i32()
      default:
        this.skipField()
        return 0
    }
  }

  /** Value of a field of text of at most `limit` bytes; empty for another one, which is passed over. */
  textValue(limit: number): string {
    let length = -1
    if (this.type === TarsType.shortText) length = this.u8()
    else if (this.type === TarsType.text) length = this.u32()
    if (length >= 0 && length <= limit) return this.longText(length)
    if (length >= 0) this.skip(length)
    else this.skipField()
    return ""
  }

  /** Calls `entry` with each pair of texts of a map field. */
  textEntries(limit: number, entry: (name: string, value: string) => void): void {
    if (this.type !== TarsType.map) {
      this.skipField()
      return
    }
    const count = this.readCount()
    if (count > maxEntries) return this.giveUp()
    for (let i = 0; i < count && !this.isShort; i++) {
      if (!this.step()) return this.giveUp()
      const name = this.textValue(limit)
      if (!this.step()) return this.giveUp()
      const value = this.textValue(limit)
      if (!this.isShort) entry(name, value)
    }
  }

  /** Passes over the value of the present field. */
  skipField(depth = 0): void {
    switch (this.type) {
      case TarsType.zero:
      case TarsType.structEnd:
        return
      case TarsType.int8:
        return this.skip(1)
      case TarsType.int16:
        return this.skip(2)
      case TarsType.int32:
      case TarsType.float:
        return this.skip(4)
      case TarsType.int64:
      case TarsType.double:
        return this.skip(8)
      case TarsType.shortText:
        return this.skip(this.u8())
      case TarsType.text:
        return this.skip(this.u32())
      case TarsType.bytes:
        return this.skipBytes()
      case TarsType.map:
        return this.skipFields(this.readCount() * 2, depth)
      case TarsType.list:
        return this.skipFields(this.readCount(), depth)
      case TarsType.structBegin:
        return this.skipStruct(depth)
      default:
        this.giveUp()
    }
  }

  /** A list of bytes: the head of their type, their number, they. */
  private skipBytes(): void {
    if (this.step() && this.type === TarsType.int8) this.skip(this.readCount())
    else this.giveUp()
  }

  private skipFields(count: number, depth: number): void {
    if (depth >= maxDepth) return this.giveUp()
    for (let i = 0; i < count && !this.isShort; i++) {
      if (!this.step()) return this.giveUp()
      this.skipField(depth + 1)
    }
  }

  private skipStruct(depth: number): void {
    if (depth >= maxDepth) return this.giveUp()
    while (this.step()) {
      if (this.type === TarsType.structEnd) return
      this.skipField(depth + 1)
      if (this.isShort) return
    }
    this.giveUp()
  }

  /** A length is a field of its own, with tag 0. */
  private readCount(): number {
    if (!this.step()) return 0
    const count = this.intValue()
    if (count >= 0) return count
    this.giveUp()
    return 0
  }

  private giveUp(): void {
    this.isShort = true
    this.at = this.end
  }
}
