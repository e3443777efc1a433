// Follows one answer of a MySQL server packet by packet, to its end: OK, error, or result sets with their rows.
// Needs no knowledge of what client and server agreed on: whether an EOF packet follows the column definitions is seen.

import { utf8Text } from "../latin1.ts"
import { Command } from "./commands.ts"
import { fullPayload, numberAt, numberSize, u16, u32 } from "./packet.ts"

const State = { first: 0, definitions: 1, behindDefinitions: 2, rows: 3, prepared: 4, local: 5 } as const

const Status = { moreResults: 0x0008, cursor: 0x0040 } as const

const ok = 0x00
const nullMark = 0xfb
const eof = 0xfe
const error = 0xff
/** MariaDB reports the progress of long statements in error packets with this number. */
const progress = 0xffff
const sqlStateMark = 35
const maxMessage = 512

export class MysqlResponse {
  isOpen = false
  isDone = false
  /** The server waits for a file of the client, whose packets take sequence numbers too. */
  isLocal = false
  errorCode = 0
  sqlState = ""
  message = ""
  affectedRows = 0
  /** Rows of all result sets; -1 without one. */
  rows = -1
  statementId = -1
  startUs = 0
  endUs = 0
  tcpSeq = 0
  captured = 0
  length = 0
  private command: number = Command.unknown
  private state: number = State.first
  private left = 0
  private isLongRow = false

  begin(command: number, startUs: number, tcpSeq: number): void {
    this.command = command
    this.isOpen = true
    this.isDone = this.isLocal = this.isLongRow = false
    this.errorCode = 0
    this.sqlState = this.message = ""
    this.affectedRows = 0
    this.rows = this.statementId = -1
    this.startUs = startUs
    this.tcpSeq = tcpSeq
    this.captured = this.length = 0
    this.state = command === Command.fetch || command === Command.fieldList ? State.rows : State.first
  }

  /** Packets of the server that belong to it. */
  count(captured: number, length: number, endUs: number): void {
    this.captured += captured
    this.length += length
    this.endUs = endUs
  }

  /** A payload of `length` bytes, of which bytes[at, end) are at hand. */
  packet(bytes: Uint8Array, at: number, end: number, length: number): void {
    const kind = at < end ? bytes[at] : -1
    if (kind === error && !this.isLongRow && length >= 3) {
      this.readError(bytes, at, end)
      return
    }
    switch (this.state) {
      case State.local:
      case State.first: {
        this.first(bytes, at, end, length, kind)
        return
      }
      case State.definitions: {
        if (--this.left === 0) this.state = State.behindDefinitions
        return
      }
      case State.prepared: {
        if (kind !== eof && --this.left === 0) this.isDone = true
        return
      }
      case State.behindDefinitions: {
        this.state = State.rows
        if (kind === eof && length === 5) {
          // The rows of a cursor are fetched later.
          if ((this.statusAt(bytes, at + 3, end) & Status.cursor) !== 0) this.isDone = true
          return
        }
        this.row(bytes, at, end, length, kind)
        return
      }
      default: {
        this.row(bytes, at, end, length, kind)
      }
    }
  }

  /** Whether the whole packet bytes[at, at + length) is one of the plain rows or definitions under way, or parts them; counts it. */
  passes(bytes: Uint8Array, at: number, length: number): boolean {
    const kind = bytes[at]
    if (kind === error || length === 0 || length === fullPayload) return false
    if (kind === eof) {
      if (this.state !== State.behindDefinitions || length !== 5) return false
      if ((u16(bytes, at + 3) & Status.cursor) !== 0) return false
      this.state = State.rows
      return true
    }
    if (this.state === State.rows && !this.isLongRow) {
      this.rows = Math.max(0, this.rows) + 1
      return true
    }
    if (this.state !== State.definitions) return false
    if (--this.left === 0) this.state = State.behindDefinitions
    return true
  }

  private first(bytes: Uint8Array, at: number, end: number, length: number, kind: number): void {
    this.isLocal = false
    if (kind < 0 || this.command === Command.statistics) this.isDone = true
    else if (kind === ok && this.command === Command.prepare) this.prepared(bytes, at, end)
    else if (kind === ok || (kind === eof && length < 9)) this.ended(bytes, at, end, length)
    else if (kind === nullMark) {
      this.isLocal = true
      this.state = State.local
    } else {
      const size = numberSize(kind)
      // Behind the count stands whether definitions follow, where client and server agreed to cache them.
      const isDescribed = length <= size || at + size >= end || bytes[at + size] !== 0
      this.left = isDescribed ? numberAt(bytes, at, end) : 0
      this.rows = Math.max(0, this.rows)
      this.state = this.left > 0 ? State.definitions : State.behindDefinitions
    }
  }

  private prepared(bytes: Uint8Array, at: number, end: number): void {
    if (end - at >= 9) {
      this.statementId = u32(bytes, at + 1)
      this.left = u16(bytes, at + 5) + u16(bytes, at + 7)
    }
    if (this.left === 0) this.isDone = true
    else this.state = State.prepared
  }

  private row(bytes: Uint8Array, at: number, end: number, length: number, kind: number): void {
    const isContinued = this.isLongRow
    this.isLongRow = length === fullPayload
    if (isContinued) return
    if (kind === eof && length < fullPayload) this.ended(bytes, at, end, length)
    else this.rows = Math.max(0, this.rows) + 1
  }

  /** An OK packet, or the EOF packet before it was abolished. */
  private ended(bytes: Uint8Array, at: number, end: number, length: number): void {
    let status: number
    if (length === 5 && bytes[at] === eof) status = this.statusAt(bytes, at + 3, end)
    else {
      const insertAt = at + 1 + numberSize(at + 1 < end ? bytes[at + 1] : 0)
      this.affectedRows += numberAt(bytes, at + 1, end)
      status = this.statusAt(bytes, insertAt + numberSize(insertAt < end ? bytes[insertAt] : 0), end)
    }
    if ((status & Status.moreResults) === 0) this.isDone = true
    else this.state = State.first
  }

  private statusAt(bytes: Uint8Array, at: number, end: number): number {
    return at + 2 <= end ? u16(bytes, at) : 0
  }

  private readError(bytes: Uint8Array, at: number, end: number): void {
    const code = at + 3 <= end ? u16(bytes, at + 1) : 0
    if (code === progress) return
    let textAt = at + 3
    if (textAt + 6 <= end && bytes[textAt] === sqlStateMark) {
      this.sqlState = utf8Text(bytes, textAt + 1, textAt + 6)
      textAt += 6
    }
    this.errorCode = code
    this.message = textAt < end ? utf8Text(bytes, textAt, Math.min(end, textAt + maxMessage)) : ""
    this.isDone = true
  }
}
