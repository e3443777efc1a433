// A ColumnBatch to the bytes of a body (docs/specs/wire.md, Body). Invariant: what it makes, decodeBody reads back unchanged,
// but for lone surrogates (U+FFFD) and numbers a column's type cannot hold (clamped).

import type { AnyBatch, ColumnData, NumberArray } from "../model/ColumnBatch.ts"
import { type Column, type ColumnType, type RowKind, rowKinds } from "../model/columns.ts"
import { schemas, word } from "./columns.ts"
import { encodedBodyMost, rowsMost } from "./limits.ts"

/** A batch ready for the wire; `body` owns its whole buffer, which may be transferred. */
export interface EncodedBatch {
  readonly kind: RowKind
  readonly rows: number
  readonly body: Uint8Array<ArrayBuffer>
}

const textEncoder = new TextEncoder()

/** Encodes batches into one arena that is kept and grows to the largest body seen (at most about three times its limit). */
export class ColumnEncoder {
  /** Rows that no body can hold, not even alone. */
  oversizedRows = 0
  private arena = Buffer.allocUnsafeSlow(256 * 1024)
  private at = 0
  private words = new Uint32Array(1024)

  /** The batch as one body, or as several when it exceeds `encodedBodyMost` or `rowsMost`. */
  encode(batch: AnyBatch): Array<EncodedBatch> {
    const encoded: Array<EncodedBatch> = []
    for (let from = 0; from < batch.rows; from += rowsMost) {
      this.split(batch, from, Math.min(from + rowsMost, batch.rows), encoded)
    }
    return encoded
  }

  private split(batch: AnyBatch, from: number, to: number, encoded: Array<EncodedBatch>): void {
    if (this.body(batch, from, to)) {
      const body = new Uint8Array(this.at)
      body.set(this.arena.subarray(0, this.at))
      encoded.push({ kind: batch.kind, rows: to - from, body })
    } else if (to - from === 1) {
      this.oversizedRows++
    } else {
      const middle = (from + to) >> 1
      this.split(batch, from, middle, encoded)
      this.split(batch, middle, to, encoded)
    }
  }

  /** Fills the arena; false when the rows do not fit a body. */
  private body(batch: AnyBatch, from: number, to: number): boolean {
    const schema = schemas[batch.kind]
    const columns: ReadonlyArray<Column> = rowKinds[batch.kind]
    const data = batch.columns as Readonly<Record<string, ColumnData>>
    this.at = 0
    this.room(schema.length + 8)
    this.u32(schema.length)
    this.arena.set(schema, this.at)
    this.at += schema.length
    this.u32(to - from)
    for (let index = 0; index < columns.length; index++) {
      const { name, type } = columns[index]
      this.room(4)
      const lengthAt = this.at
      this.at += 4
      if (!this.column(type, data[name], from, to) || this.at > encodedBodyMost) return false
      this.arena.writeUInt32LE(this.at - lengthAt - 4, lengthAt)
    }
    return true
  }

  private column(type: ColumnType, data: ColumnData, from: number, to: number): boolean {
    switch (type) {
      case "str":
        return this.texts(data as Array<string>, from, to)
      case "strs":
        return this.textLists(data as Array<ReadonlyArray<string>>, from, to)
      case "u64":
      case "i64":
        this.integers(data as Float64Array, from, to, type === "u64" ? 0 : Number.MIN_SAFE_INTEGER)
        return true
      default: {
        const numbers = data as NumberArray
        const perRow = type === "ip" ? 16 : 1
        this.bytes(numbers.subarray(from * perRow, to * perRow))
        return true
      }
    }
  }

  /** 64-bit two's complement; what is no safe integer is clamped (NaN to 0), fractions are cut off. */
  private integers(data: Float64Array, from: number, to: number, least: number): void {
    const words = this.scratch((to - from) * 2)
    let at = 0
    for (let row = from; row < to; row++) {
      const given = data[row]
      const value = Math.trunc(
        given >= least
          ? given <= Number.MAX_SAFE_INTEGER
            ? given
            : Number.MAX_SAFE_INTEGER
          : given < least
            ? least
            : 0,
      )
      words[at++] = value
      words[at++] = Math.floor(value / word)
    }
    this.bytes(words.subarray(0, at))
  }

  private texts(data: Array<string>, from: number, to: number): boolean {
    const rows = to - from
    const lengths = this.scratch(rows)
    let total = 0
    for (let row = 0; row < rows; row++) total += lengths[row] = data[from + row].length
    if (total > encodedBodyMost) return false
    const lengthsAt = this.at
    this.bytes(lengths.subarray(0, rows))
    if (total === 0) return true
    this.room(total * 3)
    // One join and one encodeInto cost a tenth of an encodeInto per text; it holds as long as a byte is a character.
    const joined = (from === 0 && to === data.length ? data : data.slice(from, to)).join("")
    const { written } = textEncoder.encodeInto(joined, this.arena.subarray(this.at))
    if (written === total) {
      this.at += total
      return true
    }
    for (let row = 0; row < rows; row++) {
      const bytes = textEncoder.encodeInto(data[from + row], this.arena.subarray(this.at)).written
      this.arena.writeUInt32LE(bytes, lengthsAt + row * 4)
      this.at += bytes
    }
    return true
  }

  private textLists(data: Array<ReadonlyArray<string>>, from: number, to: number): boolean {
    const counts = this.scratch(to - from)
    let total = 0
    for (let row = from; row < to; row++) total += counts[row - from] = data[row].length
    if (total > encodedBodyMost / 4) return false
    this.bytes(counts.subarray(0, to - from))
    if (total === 0) return true
    const flat = new Array<string>(total)
    let at = 0
    for (let row = from; row < to; row++) {
      const list = data[row]
      for (let index = 0; index < list.length; index++) flat[at++] = list[index]
    }
    return this.texts(flat, 0, total)
  }

  private bytes(source: NumberArray): void {
    this.room(source.byteLength)
    this.arena.set(new Uint8Array(source.buffer, source.byteOffset, source.byteLength), this.at)
    this.at += source.byteLength
  }

  private u32(value: number): void {
    this.arena.writeUInt32LE(value, this.at)
    this.at += 4
  }

  private scratch(words: number): Uint32Array {
    if (this.words.length < words) this.words = new Uint32Array(words * 2)
    return this.words
  }

  private room(bytes: number): void {
    if (this.at + bytes <= this.arena.length) return
    const larger = Buffer.allocUnsafeSlow(Math.max(this.arena.length * 2, this.at + bytes))
    larger.set(this.arena.subarray(0, this.at))
    this.arena = larger
  }
}
