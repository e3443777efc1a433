// Reads header blocks (RFC 7541) of one direction into HeaderFields. Strings are made only of values that are read.
// A block that was cut or is broken leaves a table of which nothing is known: its entries are forgotten, none is guessed.

import { latin1Text } from "../latin1.ts"
import { DynamicTable, maxTableBytes } from "./DynamicTable.ts"
import { Field, fieldOf, staticCount, staticFields, staticNameLengths, staticValues } from "./fields.ts"
import type { HeaderFields } from "./HeaderFields.ts"
import { decodedBound, decodeHuffman } from "./huffman.ts"

/** A header block of more bytes is read up to here. */
export const maxBlock = 16 * 1024

export const Block = { whole: 0, cut: 1, broken: 2 } as const
export type Block = (typeof Block)[keyof typeof Block]

/** Greatest index or length that is read: none is near it in earnest, and sums stay exact. */
const maxInteger = 2 ** 28
const decoded = new Uint8Array(decodedBound(maxBlock) + 1)

export class HpackDecoder {
  readonly table = new DynamicTable()
  /** Position behind the integer or string read last; -1: it reaches beyond the block, -2: it is broken. */
  private at = 0
  /** Of the string read last. */
  private textLength = 0

  /** Reads bytes[start, end); `isCut`: more bytes of the block follow that are not there. */
  decode(bytes: Uint8Array, start: number, end: number, isCut: boolean, fields: HeaderFields): Block {
    this.at = start
    while (this.at >= 0 && this.at < end) this.readOne(bytes, end, fields)
    if (this.at === -2 || (this.at === -1 && !isCut)) {
      this.table.reset(maxTableBytes)
      return Block.broken
    }
    if (!isCut) return Block.whole
    this.table.reset(maxTableBytes)
    return Block.cut
  }

  private readOne(bytes: Uint8Array, end: number, fields: HeaderFields): void {
    const first = bytes[this.at]
    if (first >= 0x80) {
      const index = this.readInteger(bytes, end, 7)
      if (this.at < 0) return
      this.indexed(index, fields)
    } else if (first >= 0x40) this.readLiteral(bytes, end, 6, true, fields)
    else if (first >= 0x20) {
      const limit = this.readInteger(bytes, end, 5)
      if (this.at >= 0) this.table.resize(limit)
    } else this.readLiteral(bytes, end, 4, false, fields)
  }

  private indexed(index: number, fields: HeaderFields): void {
    if (index === 0) this.at = -2
    else if (index <= staticCount) fields.set(staticFields[index] as Field, staticValues[index])
    else {
      const place = index - staticCount - 1
      if (place >= this.table.count) fields.set(Field.unknown, "")
      else fields.set(this.table.field(place), this.table.value(place))
    }
  }

  private readLiteral(
    bytes: Uint8Array,
    end: number,
    prefix: number,
    isInserted: boolean,
    fields: HeaderFields,
  ): void {
    const index = this.readInteger(bytes, end, prefix)
    if (this.at < 0) return
    let field: Field = Field.unknown
    let nameLength = 0
    if (index === 0) {
      const { at } = this
      const isCoded = at < end && bytes[at] >= 0x80
      this.readString(bytes, end, true)
      if (this.at < 0) return
      nameLength = this.textLength
      field = isCoded ? fieldOf(decoded, 0, nameLength) : fieldOf(bytes, this.at - nameLength, this.at)
    } else if (index <= staticCount) {
      field = staticFields[index] as Field
      nameLength = staticNameLengths[index]
    } else if (index - staticCount - 1 < this.table.count) {
      field = this.table.field(index - staticCount - 1)
      nameLength = this.table.nameLength(index - staticCount - 1)
    }
    const isCoded = this.at < end && bytes[this.at] >= 0x80
    const isRead = field > Field.ignored
    this.readString(bytes, end, isRead || isInserted)
    if (this.at < 0) return
    let value = ""
    if (isRead) {
      value = isCoded
        ? latin1Text(decoded, 0, this.textLength)
        : latin1Text(bytes, this.at - this.textLength, this.at)
    }
    fields.set(field, value)
    if (isInserted) this.table.insert(field, nameLength, value, this.textLength)
  }

  /** A string literal: its length into `textLength`, its text into `decoded` when it is Huffman code and wanted. */
  private readString(bytes: Uint8Array, end: number, isWanted: boolean): void {
    if (this.at >= end) {
      this.at = -1
      return
    }
    const isCoded = bytes[this.at] >= 0x80
    const length = this.readInteger(bytes, end, 7)
    if (this.at < 0) return
    const stop = this.at + length
    if (stop > end) {
      this.at = -1
      return
    }
    this.textLength = length
    if (isCoded && isWanted) {
      this.textLength = decodeHuffman(bytes, this.at, stop, decoded)
      if (this.textLength < 0) {
        this.at = -2
        return
      }
    }
    this.at = stop
  }

  /** RFC 7541 section 5.1. */
  private readInteger(bytes: Uint8Array, end: number, prefix: number): number {
    const most = (1 << prefix) - 1
    let value = bytes[this.at++] & most
    if (value < most) return value
    for (let factor = 1; ; factor *= 128) {
      if (this.at >= end) {
        this.at = -1
        return 0
      }
      const c = bytes[this.at++]
      value += (c & 0x7f) * factor
      if (value > maxInteger || factor > maxInteger) {
        this.at = -2
        return 0
      }
      if (c < 0x80) return value
    }
  }
}
