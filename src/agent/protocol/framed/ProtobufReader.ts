// Steps through the fields of a Protocol Buffers message. Bytes that are none, or end too early, end the walk.

import { ByteReader } from "./ByteReader.ts"

const Wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

export class ProtobufReader extends ByteReader {
  /** Number of the present field. */
  field = 0
  /** Its value, or the length of its bytes, which begin at `at` until the next step. */
  value = 0
  isBytes = false
  private isFixed64 = false
  /** A field was none. */
  private isBroken = false
  private next = 0
  /** Where the present number begins. */
  private numberAt = 0

  begin(bytes: Uint8Array, start: number, end: number): void {
    this.reset(bytes, start, end)
    this.next = start
    this.isBroken = false
  }

  /** Goes to the next field; false at the end. */
  step(): boolean {
    this.at = this.next
    if (this.at >= this.end) return false
    const tag = this.varint()
    if (this.isShort) return false
    this.field = Math.floor(tag / 8)
    const wire = tag % 8
    this.isBytes = wire === Wire.bytes
    this.isFixed64 = wire === Wire.fixed64
    this.numberAt = this.at
    if (wire === Wire.varint) {
      this.value = this.varint()
      this.next = this.at
    } else if (wire === Wire.bytes) {
      this.value = this.varint()
      this.next = this.at + this.value
    } else if (wire === Wire.fixed64 || wire === Wire.fixed32) {
      this.value = 0
      this.next = this.at + (wire === Wire.fixed64 ? 8 : 4)
    } else this.isBroken = true
    if (this.isBroken || this.isShort) return false
    if (this.field === 0) {
      this.isBroken = true
      return false
    }
    // A text that is cut off is no value.
    if (this.next > this.end) {
      this.isShort = true
      return false
    }
    return true
  }

  /** After the walk: all of the bytes were fields. */
  get isWhole(): boolean {
    return !this.isBroken && !this.isShort && this.next === this.end
  }

  /** Text of the present field. */
  fieldText(): string {
    return this.isBytes ? this.text(this.value) : ""
  }

  /** The present number as an id: beyond 2^53 its lowest 49 bits. */
  idValue(): number {
    if (Number.isSafeInteger(this.value)) return this.value
    return Number(this.exactValue() & 0x1_ffff_ffff_ffffn)
  }

  /** The present number as one of 32 bits with a sign; negative ones are sent as 64 bits. */
  int32Value(): number {
    return this.value < 2 ** 31 ? this.value : Number(BigInt.asIntN(32, this.exactValue()))
  }

  /** The present number as one of 64 bits with a sign, in decimal. */
  int64Text(): string {
    return Number.isSafeInteger(this.value)
      ? String(this.value)
      : String(BigInt.asIntN(64, this.exactValue()))
  }

  /** The present field of 64 bits; 0 where it is another. */
  fixed64Value(): bigint {
    return this.isFixed64 ? this.view().getBigUint64(0, true) : 0n
  }

  doubleValue(): number {
    return this.isFixed64 ? this.view().getFloat64(0, true) : 0
  }

  private view(): DataView {
    return new DataView(this.bytes.buffer, this.bytes.byteOffset + this.at, 8)
  }

  /** The present number as a trace id: hexadecimal, empty for 0. */
  hexValue(): string {
    if (this.isBytes || this.value === 0) return ""
    return Number.isSafeInteger(this.value) ? this.value.toString(16) : this.exactValue().toString(16)
  }

  /** The present number in all its 64 bits. */
  private exactValue(): bigint {
    let value = 0n
    for (let at = this.numberAt, shift = 0n; at < this.at; at++, shift += 7n)
      value |= BigInt(this.bytes[at] & 0x7f) << shift
    return BigInt.asUintN(64, value)
  }
}
