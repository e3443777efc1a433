// The beginning of a stream that comes in records (parameters, output): its first bytes, up to a limit.

const smallest = 512

export class Kept {
  bytes: Uint8Array = new Uint8Array(0)
  length = 0
  /** Bytes were left out: nothing behind the first gap is kept. */
  isCut = false
  private readonly most: number

  constructor(most: number) {
    this.most = most
  }

  add(bytes: Uint8Array, start: number, end: number): void {
    if (this.isCut) return
    const wanted = this.length + end - start
    const length = Math.min(wanted, this.most)
    if (length > this.bytes.length) {
      const grown = new Uint8Array(Math.min(this.most, Math.max(smallest, length * 2)))
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    for (let i = this.length, at = start; i < length; i++, at++) this.bytes[i] = bytes[at]
    this.length = length
    if (length < wanted) this.isCut = true
  }
}
