// What has been read of the response under way: its rows, its command tag, its error.

import { type L7Message, ResponseStatus } from "../../../model/L7Session.ts"
import { latin1Text, utf8Text } from "../latin1.ts"
import { maskQuoted } from "../sql/quotedValues.ts"
import { nulAt } from "./messages.ts"
import { statusOfSqlState } from "./sqlState.ts"

const maxMessage = 512

/** States whose text quotes values: wrong data, duplicate keys, syntax. */
const quotesValues = (state: string): boolean => state.startsWith("22") || state === "42601"

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

  /** Messages of the server that belong to it. */
  count(captured: number, length: number, endUs: number): void {
    this.captured += captured
    this.length += length
    this.endUs = endUs
  }

  /** CommandComplete: `SELECT 5`, `INSERT 0 3`, `BEGIN`. */
  tag(bytes: Uint8Array, start: number, end: number): void {
    const stop = nulAt(bytes, start, Math.min(end, start + 64))
    let at = stop
    let rows = 0
    let scale = 1
    while (at > start && bytes[at - 1] >= 48 && bytes[at - 1] <= 57) {
      rows += (bytes[--at] - 48) * scale
      scale *= 10
    }
    // BEGIN and the like count nothing.
    if (at === stop || at === start || bytes[at - 1] !== 32) return
    // SELECT, FETCH, MOVE, SHOW; the others change rows.
    const first = bytes[start]
    const isRead = first === 0x53 || first === 0x46 || (first === 0x4d && bytes[start + 1] === 0x4f)
    if (isRead) this.rows = Math.max(0, this.rows) + rows
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

  /** Writes what was read into its message. */
  fill(message: L7Message, masksLiterals: boolean): void {
    const { affectedRows, rows, sqlState } = this
    let { attributes } = message
    if (this.isError) {
      const masks = masksLiterals && quotesValues(sqlState)
      message.status = statusOfSqlState(sqlState)
      message.exception = masks ? maskQuoted(this.exception, '"') : this.exception
      attributes = ["sqlstate", sqlState]
    } else message.status = ResponseStatus.ok
    if (rows >= 0)
      attributes = attributes.length === 0 ? ["rows", String(rows)] : [...attributes, "rows", String(rows)]
    if (affectedRows >= 0) attributes = [...attributes, "sql_affected_rows", String(affectedRows)]
    message.attributes = attributes
  }
}
