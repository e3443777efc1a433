// Lines of one direction of SMTP over any split of the bytes, and the content of mails between them. Keeps 512 bytes of a line.

import { latin1Text } from "../latin1.ts"

const maxLine = 512
const LF = 10
const CR = 13
const dot = 46

/** Where content is: in a line, behind a CR, at the start of a line, behind a dot there, behind the CR after that. */
const At = { line: 0, cr: 1, lineStart: 2, dot: 3, dotCr: 4 } as const
type At = (typeof At)[keyof typeof At]

export class Lines {
  /** The line that ended last, without its end. */
  line = ""
  isDone = false
  /** Bytes of the line, or of the content. */
  length = 0
  captured = 0
  startUs = 0
  tcpSeq = 0
  isLost = false
  readonly kept = new Uint8Array(maxLine)
  private keptBytes = 0
  private contentAt: At = At.lineStart

  begin(timeUs: number, tcpSeq: number): void {
    this.isDone = false
    this.length = 0
    this.captured = 0
    this.keptBytes = 0
    this.contentAt = At.lineStart
    this.startUs = timeUs
    this.tcpSeq = tcpSeq
  }

  get isOpen(): boolean {
    return this.length > 0
  }

  /** Reads on to the end of the line; returns the position after it. */
  takeLine(bytes: Uint8Array, start: number, end: number): number {
    let stop = bytes.indexOf(LF, start)
    this.isDone = stop >= 0 && stop < end
    stop = this.isDone ? stop + 1 : end
    const kept = Math.min(stop - start, maxLine - this.keptBytes)
    this.kept.set(bytes.subarray(start, start + kept), this.keptBytes)
    this.keptBytes += kept
    this.length += stop - start
    this.captured += stop - start
    if (this.isDone) {
      let last = this.keptBytes
      while (last > 0 && (this.kept[last - 1] === LF || this.kept[last - 1] === CR)) last--
      this.line = latin1Text(this.kept, 0, last)
    }
    return stop
  }

  /** Reads on to the line that is a dot alone (RFC 5321 section 4.5.2); returns the position after it. */
  takeContent(bytes: Uint8Array, start: number, end: number): number {
    let at = start
    while (at < end && !this.isDone) {
      if (this.contentAt === At.line) {
        const cr = bytes.indexOf(CR, at)
        if (cr < 0 || cr >= end) {
          at = end
          break
        }
        at = cr
      }
      this.contentAt = this.step(bytes[at++])
    }
    this.length += at - start
    this.captured += at - start
    return at
  }

  private step(c: number): At {
    switch (this.contentAt) {
      case At.lineStart:
        if (c === dot) return At.dot
        break
      case At.dot:
        if (c === CR) return At.dotCr
        break
      case At.cr:
        if (c === LF) return At.lineStart
        break
      case At.dotCr:
        if (c === LF) {
          this.isDone = true
          return At.lineStart
        }
        break
      default:
    }
    return c === CR ? At.cr : At.line
  }

  skipContent(missing: number): void {
    this.length += missing
    this.contentAt = At.line
  }
}
