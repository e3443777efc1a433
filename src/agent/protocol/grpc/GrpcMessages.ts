// Counts the messages of one direction of a gRPC call: each has a prefix of five bytes (compressed flag, length), and both
// prefix and message may be split over frames anywhere. Keeps numbers only.

const prefixLength = 5

export class GrpcMessages {
  /** Messages begun. */
  count = 0
  /** Bytes were lost across the border of two messages, or the body is not framed like this: the count says nothing. */
  isUnsure = false
  private prefix = 0
  private length = 0
  private remaining = 0

  scan(bytes: Uint8Array, start: number, end: number): void {
    let at = start
    while (at < end && !this.isUnsure) {
      if (this.remaining > 0) {
        const taken = Math.min(this.remaining, end - at)
        this.remaining -= taken
        at += taken
        continue
      }
      const c = bytes[at++]
      if (this.prefix === 0) {
        if (c > 1) this.isUnsure = true
        this.length = 0
      } else this.length = this.length * 256 + c
      if (++this.prefix < prefixLength) continue
      this.prefix = 0
      this.remaining = this.length
      this.count++
    }
  }

  /** `count` bytes were not captured. */
  skip(count: number): void {
    if (count > this.remaining) this.isUnsure = true
    else this.remaining -= count
  }
}
