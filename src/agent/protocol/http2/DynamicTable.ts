// The dynamic table of HPACK (RFC 7541 section 2.3.2) of one direction: the fields inserted since it was begun, newest first.
// What was inserted before (connection joined later, bytes lost) has higher indices, so it is unknown but never mistaken.
// Bound: 16 KiB in HPACK's measure, of which only the values of fields that are read are kept.

import type { Field } from "./fields.ts"

/** Encoders use 4,096 bytes unless they are told otherwise; of more, the oldest entries are unknown. */
export const maxTableBytes = 16 * 1024
export const defaultTableBytes = 4096
/** What each entry counts besides its name and value. */
const entryOverhead = 32

export class DynamicTable {
  count = 0
  /** In HPACK's measure. */
  bytes = 0
  private limit = maxTableBytes
  private newest = -1
  private fields: Array<Field> = []
  private values: Array<string> = []
  private nameLengths: Array<number> = []
  private sizes: Array<number> = []

  /** Forgets all entries; the limit is not known either unless the connection was seen from its beginning. */
  reset(limit = maxTableBytes): void {
    this.count = 0
    this.bytes = 0
    this.limit = limit
    this.newest = -1
    this.fields = []
    this.values = []
    this.nameLengths = []
    this.sizes = []
  }

  resize(bytes: number): void {
    this.limit = Math.min(bytes, maxTableBytes)
    this.evict()
  }

  insert(field: Field, nameLength: number, value: string, valueLength: number): void {
    if (this.count === this.fields.length) this.grow()
    this.newest = (this.newest + 1) % this.fields.length
    this.fields[this.newest] = field
    this.values[this.newest] = value
    this.nameLengths[this.newest] = nameLength
    this.sizes[this.newest] = nameLength + valueLength + entryOverhead
    this.bytes += this.sizes[this.newest]
    this.count++
    this.evict()
  }

  /** Of the entry `index` places after the newest; `index` below `count`. */
  field(index: number): Field {
    return this.fields[this.slot(index)]
  }

  value(index: number): string {
    return this.values[this.slot(index)]
  }

  nameLength(index: number): number {
    return this.nameLengths[this.slot(index)]
  }

  private slot(index: number): number {
    return (this.newest - index + this.fields.length) % this.fields.length
  }

  private evict(): void {
    while (this.bytes > this.limit && this.count > 0) {
      const oldest = this.slot(this.count - 1)
      this.bytes -= this.sizes[oldest]
      this.values[oldest] = ""
      this.count--
    }
  }

  private grow(): void {
    const order = Array.from({ length: this.count }, (_, i) => this.slot(this.count - 1 - i))
    const length = Math.max(16, this.count * 2)
    const padded = <A>(column: ReadonlyArray<A>, empty: A): Array<A> =>
      Array.from({ length }, (_, i) => (i < order.length ? column[order[i]] : empty))
    this.fields = padded(this.fields, 0)
    this.values = padded(this.values, "")
    this.nameLengths = padded(this.nameLengths, 0)
    this.sizes = padded(this.sizes, 0)
    this.newest = this.count - 1
  }
}
