// What has been read of the response under way: its rows, its command tag, its error.

import { latin1Text, utf8Text } from "../latin1.ts"
import { nulAt } from "./messages.ts"

const maxMessage = 512

export class PostgresqlResponse {
  isOpen = false
  startUs = 0
  endUs = 0
  tcpSeq = 0
  captured = 0
  length = 0
  /** Rows that the command tags say were returned or changed; -1 when they say nothing. */
  rows = -1
  /** Rows changed; -1 when the statement was none that changes. */
  affectedRows = -1
  sqlState = ""
  exception = ""
  isError = false
  /** The server closes the connection. */
  isFatal = false

  open(startUs: number, tcpSeq: number): void {
    this.isOpen = true
    this.startUs = this.endUs = startUs
    this.tcpSeq = tcpSeq
    this.captured = this.length = 0
    this.rows = this.affectedRows = -1
    this.sqlState = this.exception = ""
    this.isError = this.isFatal = false
  }

  /** CommandComplete: `SELECT 5`, `INSERT 0 3`, `BEGIN`. */
  tag(bytes: Uint8Array, start: number, end: number): void {
    const text = latin1Text(bytes, start, nulAt(bytes, start, Math.min(end, start + 64)))
    const match = /^([A-Z]+)(?: \d+)*? (\d+)$/.exec(text)
    if (match === null) return
    const rows = Number(match[2])
    if (/^(?:SELECT|FETCH|MOVE|SHOW)$/.test(match[1])) this.rows = Math.max(0, this.rows) + rows
    else this.affectedRows = Math.max(0, this.affectedRows) + rows
  }

  /** ErrorResponse: fields of one letter and a text. */
  error(bytes: Uint8Array, start: number, end: number): void {
    this.isError = true
    let at = start
    while (at < end && bytes[at] !== 0) {
      const stop = nulAt(bytes, at + 1, end)
      if (bytes[at] === 0x53 || bytes[at] === 0x56)
        this.isFatal = bytes[at + 1] === 0x46 || bytes[at + 1] === 0x50
      else if (bytes[at] === 0x43) this.sqlState = latin1Text(bytes, at + 1, Math.min(stop, at + 6))
      else if (bytes[at] === 0x4d)
        this.exception = utf8Text(bytes, at + 1, Math.min(stop, at + 1 + maxMessage))
      at = stop + 1
    }
  }
}
