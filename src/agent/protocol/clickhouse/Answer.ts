// What the packets of one answer of a ClickHouse server say together.

import {
  absentLength,
  emptyMessage,
  type L7Message,
  RecordType,
  ResponseStatus,
} from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import type { ByteStream, Reading } from "../streamed/ByteStream.ts"
import { Revision } from "./revisions.ts"

export class Answer {
  isOpen = false
  /** Packets of it were lost: its counts are not known. */
  isPart = false
  endpoint = ""
  /** The database that the statement chose. */
  database = ""
  code = 0
  text = ""
  private startUs = 0
  private endUs = 0
  private tcpSeq = 0
  private length = 0
  private captured = 0
  private rows = -1
  private readRows = 0
  private readBytes = 0
  private writtenRows = 0

  reset(): void {
    this.isOpen = this.isPart = false
    this.endpoint = this.database = this.text = ""
    this.code = 0
    this.rows = -1
    this.length = this.captured = this.readRows = this.readBytes = this.writtenRows = 0
  }

  begin(stream: ByteStream): void {
    this.isOpen = true
    this.startUs = stream.startUs
    this.tcpSeq = stream.tcpSeq
  }

  /** A packet of it ended, or became unreadable. */
  take(stream: ByteStream): void {
    this.endUs = stream.timeUs
    this.length += stream.length
    this.captured += stream.captured
  }

  /** What was read and written since the last packet of its kind. */
  *progress(stream: ByteStream, revision: number): Reading<boolean> {
    this.readRows += yield* stream.varint()
    this.readBytes += yield* stream.varint()
    if (revision >= Revision.totalRowsInProgress) yield* stream.varint()
    if (revision >= Revision.totalBytesInProgress) yield* stream.varint()
    if (revision >= Revision.writeInfo) {
      this.writtenRows += yield* stream.varint()
      yield* stream.varint()
    }
    if (revision >= Revision.elapsed) yield* stream.varint()
    return true
  }

  *profileInfo(stream: ByteStream, revision: number): Reading<boolean> {
    this.rows = yield* stream.varint()
    yield* stream.varint()
    yield* stream.varint()
    yield* stream.pass(1)
    yield* stream.varint()
    yield* stream.pass(1)
    if (revision >= Revision.rowsBeforeAggregation) {
      yield* stream.pass(1)
      yield* stream.varint()
    }
    return true
  }

  message(status: ResponseStatus, version: string): L7Message {
    const message = emptyMessage(RecordType.response, L7Protocol.clickHouse, this.startUs, this.tcpSeq)
    message.endUs = this.endUs
    message.version = version
    message.endpoint = this.endpoint
    message.status = status
    message.length = this.isPart ? absentLength : this.length
    message.capturedBytes = this.captured
    if (status !== ResponseStatus.ok) {
      message.code = this.code
      message.exception = this.text
    }
    const attributes: Array<string> = []
    if (!this.isPart) {
      if (this.rows >= 0 && status === ResponseStatus.ok) attributes.push("rows", `${this.rows}`)
      if (this.readRows > 0)
        attributes.push("read_rows", `${this.readRows}`, "read_bytes", `${this.readBytes}`)
      if (this.writtenRows > 0) attributes.push("sql_affected_rows", `${this.writtenRows}`)
    }
    if (attributes.length > 0) message.attributes = attributes
    return message
  }
}
