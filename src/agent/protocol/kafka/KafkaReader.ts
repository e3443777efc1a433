// Reads the values of Kafka's messages in the classic or the flexible encoding (KIP-482).

import { ByteReader } from "../framed/ByteReader.ts"

/** Tagged fields, elements or partitions of one message that are walked. */
const maxTags = 32

const hex = (value: number): string => value.toString(16).padStart(8, "0")

export class KafkaReader extends ByteReader {
  isFlexible = false

  /** A string that may be null: then empty. */
  string(): string {
    const length = this.stringLength()
    return length > 0 ? this.text(length) : ""
  }

  skipString(): void {
    const length = this.stringLength()
    if (length > 0) this.skip(length)
  }

  private stringLength(): number {
    return this.isFlexible ? this.varint() - 1 : this.i16()
  }

  /** Length of records or bytes, -1 for null. */
  bytesLength(): number {
    return this.isFlexible ? this.varint() - 1 : this.i32()
  }

  /** Elements of an array, 0 for null. */
  arrayLength(): number {
    const length = this.isFlexible ? this.varint() - 1 : this.i32()
    return length > 0 && !this.isShort ? length : 0
  }

  /** Passes over an array of elements of a fixed size. */
  skipArray(elementBytes: number): void {
    const length = this.arrayLength()
    this.skip(length * elementBytes)
  }

  boolean(): boolean {
    return this.u8() !== 0
  }

  /** A topic id in the form Kafka's tools print nothing of: hexadecimal, as a UUID. */
  uuid(): string {
    const a = hex(this.u32())
    const b = hex(this.u32())
    const c = hex(this.u32())
    const d = hex(this.u32())
    return `${a}-${b.slice(0, 4)}-${b.slice(4)}-${c.slice(0, 4)}-${c.slice(4)}${d}`
  }

  tags(): void {
    if (!this.isFlexible) return
    const count = this.varint()
    if (count > maxTags) {
      this.isShort = true
      this.at = this.end
    }
    for (let i = 0; i < count && !this.isShort; i++) {
      this.varint()
      this.skip(this.varint())
    }
  }
}
