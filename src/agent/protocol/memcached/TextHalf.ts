// One direction of the text protocol: collects a line, passes over the data block behind it. Bound: 512 bytes of a line.

/** Kept of a line; keys have at most 250 bytes. */
export const maxLine = 512
/** A line that is longer is none (a get of many keys may be long). */
const longestLine = 65_536
const LF = 10
const CR = 13
const space = 32
const lineEnd = 2

export class TextHalf {
  isLost = false
  /** A message has begun and is not complete. */
  isOpen = false
  /** Bytes of the data block still to come, its line end included. */
  data = 0
  hasData = false
  startUs = 0
  endUs = 0
  tcpSeq = 0
  captured = 0
  length = 0
  readonly line = new Uint8Array(maxLine)
  lineLength = 0
  private total = 0

  begin(timeUs: number, tcpSeq: number): void {
    this.isOpen = true
    this.startUs = timeUs
    this.tcpSeq = tcpSeq
    this.captured = this.length = this.data = this.lineLength = this.total = 0
    this.hasData = false
  }

  /** Takes bytes of a line up to its end; -1 when it is too long, else the position behind what was taken. */
  takeLine(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end && bytes[at] !== LF) {
      if (this.lineLength < maxLine) this.line[this.lineLength++] = bytes[at]
      at++
    }
    this.total += at - start
    if (this.total > longestLine) return -1
    return at < end ? at + 1 : at
  }

  /** The line is complete: without its carriage return and spaces before it. */
  endLine(): void {
    const { line } = this
    while (this.lineLength > 0 && (line[this.lineLength - 1] === CR || line[this.lineLength - 1] === space))
      this.lineLength--
  }

  /** A data block of `count` bytes and a line end follow. */
  expectData(count: number): void {
    this.data = count + lineEnd
    this.hasData = true
  }

  nextLine(): void {
    this.lineLength = this.total = 0
  }
}
