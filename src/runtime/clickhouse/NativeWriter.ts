// A growing byte buffer with the primitives of ClickHouse's Native format: variable-length integers, strings, raw arrays.
// Little-endian, as ClickHouse and every platform of Node are.

/** Strings up to this length are first tried as ASCII, byte by byte: cheaper than a call into the runtime. */
const shortString = 48

export class NativeWriter {
  #buffer: Buffer
  #at = 0

  constructor(capacity: number) {
    this.#buffer = Buffer.allocUnsafe(capacity)
  }

  get length(): number {
    return this.#at
  }

  /** What was written; a view, valid until the next write. */
  bytes(): Uint8Array {
    return this.#buffer.subarray(0, this.#at)
  }

  #reserve(more: number): void {
    const needed = this.#at + more
    if (needed <= this.#buffer.length) return
    const larger = Buffer.allocUnsafe(Math.max(needed, this.#buffer.length * 2))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }

  varUint(value: number): void {
    this.#reserve(10)
    let rest = value
    while (rest >= 0x80) {
      this.#buffer[this.#at++] = (rest % 0x80) | 0x80
      rest = Math.floor(rest / 0x80)
    }
    this.#buffer[this.#at++] = rest
  }

  string(text: string): void {
    const length = text.length
    if (length <= shortString) {
      this.#reserve(shortString + 1)
      const buffer = this.#buffer
      let at = this.#at + 1
      let i = 0
      for (; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code > 0x7f) break
        buffer[at++] = code
      }
      if (i === length) {
        buffer[this.#at] = length
        this.#at = at
        return
      }
    }
    const size = Buffer.byteLength(text)
    this.varUint(size)
    this.#reserve(size)
    this.#buffer.write(text, this.#at, size, "utf8")
    this.#at += size
  }

  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#buffer.set(bytes, this.#at)
    this.#at += bytes.length
  }

  /** Room for `bytes` more as a view to fill; the caller fills all of it. */
  room(bytes: number): Uint8Array {
    this.#reserve(bytes)
    const view = this.#buffer.subarray(this.#at, this.#at + bytes)
    this.#at += bytes
    return view
  }
}
