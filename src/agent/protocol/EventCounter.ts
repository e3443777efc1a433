// Counts the events of a text/event-stream body (server-sent events) over any split of its bytes: blank lines behind data.

const LF = 10
const CR = 13
const d = 100

export class EventCounter {
  /** Events that the bytes seen complete. */
  count = 0
  /** Bytes were lost: there were more events, maybe. */
  isUnsure = false
  private isLineStart = true
  private wasCr = false
  private hasData = false

  scan(bytes: Uint8Array, start: number, end: number): void {
    for (let i = start; i < end; i++) {
      const c = bytes[i]
      if (c === LF || c === CR) {
        if (c === CR || !this.wasCr) this.endLine()
        this.wasCr = c === CR
      } else {
        // Of the field names only "data" begins with a d; an event without data is none.
        if (this.isLineStart && c === d) this.hasData = true
        this.isLineStart = this.wasCr = false
      }
    }
  }

  skip(): void {
    this.isUnsure = true
    this.isLineStart = false
    this.wasCr = false
  }

  private endLine(): void {
    if (this.isLineStart && this.hasData) {
      this.count++
      this.hasData = false
    }
    this.isLineStart = true
  }
}
