// Steps through the fields of a Protocol Buffers message. Bytes that are none, or end too early, end the walk.

import { ByteReader } from "./ByteReader.ts"

const Wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const

export class ProtobufReader extends ByteReader {
  /** Number of the present field. */
  field = 0
  /** Its value, or the length of its bytes, which begin at `at` until the next step. */
  value = 0
  isBytes = false
  private next = 0

  begin(bytes: Uint8Array, start: number, end: number): void {
    this.reset(bytes, start, end)
    this.next = start
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
    if (wire === Wire.varint) {
      this.value = this.varint()
      this.next = this.at
    } else if (wire === Wire.bytes) {
      this.value = this.varint()
      this.next = this.at + this.value
    } else if (wire === Wire.fixed64 || wire === Wire.fixed32) {
      this.value = 0
      this.next = this.at + (wire === Wire.fixed64 ? 8 : 4)
    } else return false
    if (this.isShort || this.field === 0) return false
    // A text that is cut off is no value.
    if (this.next > this.end) {
      this.isShort = true
      return false
    }
    return true
  }

  /** Text of the present field. */
  fieldText(): string {
    return this.isBytes ? this.text(this.value) : ""
  }
}
