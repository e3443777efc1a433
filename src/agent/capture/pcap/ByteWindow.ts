// The part of a byte stream that is being read: what arrived and was not consumed yet, in one growable
// buffer. Bounded by its user, who asks for no more than a record's limit before consuming; bytes to skip are
// never kept.

export class ByteWindow {
  bytes: Uint8Array = new Uint8Array(64 * 1024)
  view = new DataView(this.bytes.buffer)
  start = 0
  end = 0
  /** Offset in the stream of `bytes[0]`. */
  private base = 0
  /** Bytes to pass over that have not arrived. */
  private owed = 0
  private owedFrom = 0

  get available(): number {
    return this.end - this.start
  }

  /** Offset in the stream of the next byte. */
  get offset(): number {
    return this.base + this.start
  }

  /** Offset in the stream of what is unfinished. */
  get unfinishedOffset(): number {
    return this.owed > 0 ? this.owedFrom : this.offset
  }

  /** The stream may not end here: bytes of something begun are still to come. */
  get isUnfinished(): boolean {
    return this.end > this.start || this.owed > 0
  }

  skip(count: number): void {
    const here = Math.min(count, this.available)
    this.owedFrom = this.offset
    this.start += here
    this.owed += count - here
  }

  append(chunk: Uint8Array, from: number, to: number): void {
    let at = from
    if (this.owed > 0) {
      const passed = Math.min(this.owed, to - at)
      this.owed -= passed
      this.base += passed
      at += passed
    }
    const kept = this.available
    const needed = kept + to - at
    if (needed > this.bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
      grown.set(this.bytes.subarray(this.start, this.end))
      this.bytes = grown
      this.view = new DataView(grown.buffer)
    } else if (this.start > 0) this.bytes.copyWithin(0, this.start, this.end)
    this.base += this.start
    this.start = 0
    this.bytes.set(chunk.subarray(at, to), kept)
    this.end = needed
  }
}
