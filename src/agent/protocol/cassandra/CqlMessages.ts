// Reads the messages of one CQL connection. Requests and answers are paired by stream; prepared statements are known by their id.
// Bound: 1,024 streams, the prepared statements of StatementCache.

import { Buffer } from "node:buffer"
import { emptyMessage, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { readLz4, readSnappy } from "../compressedBlocks.ts"
import { ByteReader, u16At } from "../framed/ByteReader.ts"
import { OpenCalls } from "../framed/OpenCalls.ts"
import type { Frame } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { maskQuoted } from "../sql/quotedValues.ts"
import { maxStatement, type SqlReader } from "../sql/SqlReader.ts"
import { type PreparedStatement, StatementCache } from "../sql/StatementCache.ts"
import { maxTraceName, maxTraceValue, readTraceField } from "../traceField.ts"
import { Flag, headerLength, Opcode, requestName, responseName } from "./envelope.ts"
import { errorName, statusOf } from "./errors.ts"
import { Kind, kindName, readRowCount, skipBytes, skipString } from "./results.ts"

const maxText = 8192
const maxError = 512
const maxPayload = 64
const maxBatch = 32
const batchTypes = ["LOGGED", "UNLOGGED", "COUNTER"]

interface Waiting {
  readonly opcode: number
  readonly statement: PreparedStatement
}

const noStatement: PreparedStatement = { text: "", endpoint: "" }
const reader = new ByteReader()

export class CqlMessages {
  /** Of the last message. */
  version = 5
  private keyspace = ""
  private readonly calls: OpenCalls<Waiting>
  private readonly statements = new StatementCache()
  private readonly sink: MessageSink
  private readonly stats: ParserStats
  private readonly sql: SqlReader
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, stats: ParserStats, sql: SqlReader, masksLiterals: boolean) {
    this.sink = sink
    this.stats = stats
    this.calls = new OpenCalls(stats)
    this.sql = sql
    this.masksLiterals = masksLiterals
  }

  read(frame: Frame): void {
    const { bytes, start } = frame
    this.version = bytes[start] & 0x7f
    const isRequest = frame.direction === Direction.toServer
    const message = emptyMessage(
      isRequest ? RecordType.request : RecordType.response,
      L7Protocol.cassandra,
      frame.startUs,
      frame.tcpSeq,
    )
    message.endUs = frame.endUs
    message.capturedBytes = frame.captured
    message.length = frame.length
    message.version = `${this.version}`
    const stream = u16At(bytes, start + 2)
    const opcode = bytes[start + 4]
    if (opcode !== Opcode.event) message.requestId = stream
    const attributes: Array<string> = []
    const flags = bytes[start + 1]
    this.open(bytes, start + headerLength, Math.min(frame.end, start + frame.length), flags, attributes)
    if (isRequest) this.request(message, stream, opcode, flags, attributes)
    else this.response(message, stream, opcode, flags, attributes)
    if (attributes.length > 0) message.attributes = attributes
    this.sink.message(message)
  }

  /** Sets the reader to the body, which is taken apart when it is compressed: LZ4 begins with its length, Snappy never with 0. */
  private open(bytes: Uint8Array, at: number, end: number, flags: number, attributes: Array<string>): void {
    if ((flags & Flag.compressed) === 0 || this.version > 4) {
      reader.reset(bytes, at, end)
      return
    }
    const isLz4 = at < end && bytes[at] === 0
    const text = isLz4 ? readLz4(bytes, at + 4, end, maxText) : readSnappy(bytes, at, end, maxText)
    attributes.push("compression", isLz4 ? "lz4" : "snappy")
    reader.reset(text, 0, text.length)
  }

  private request(
    message: L7Message,
    stream: number,
    opcode: number,
    flags: number,
    attributes: Array<string>,
  ): void {
    message.requestType = requestName(opcode)
    message.requestDomain = this.keyspace
    const rank = (flags & Flag.payload) === 0 ? 0 : this.readPayload(message)
    const statement = this.readRequest(opcode, attributes)
    message.requestResource = statement.text
    message.endpoint = statement.endpoint
    if (rank === 0 && (opcode === Opcode.query || opcode === Opcode.prepare)) this.sql.readTrace(message)
    this.calls.add(stream, { opcode, statement })
    this.stats.requests++
  }

  private readRequest(opcode: number, attributes: Array<string>): PreparedStatement {
    switch (opcode) {
      case Opcode.query:
      case Opcode.prepare:
        return this.readStatement()
      case Opcode.execute: {
        const id = this.readId()
        attributes.push("statement_id", id)
        return this.statements.get(id) ?? noStatement
      }
      case Opcode.batch:
        return this.readBatch(attributes)
      case Opcode.startup: {
        this.readOptions(attributes)
        return noStatement
      }
      case Opcode.authResponse: {
        const user = this.readUser()
        return user === "" ? noStatement : { text: `Login username: ${user}`, endpoint: "" }
      }
      default:
        return noStatement
    }
  }

  /** A statement with its length in four bytes. */
  private readStatement(): PreparedStatement {
    const length = reader.u32()
    const from = reader.at
    const end = Math.min(reader.end, from + length)
    this.sql.read(reader.bytes, from, end)
    reader.skip(length)
    return { text: this.sql.text, endpoint: this.sql.endpoint }
  }

  private readId(): string {
    const length = reader.u16()
    const from = reader.at
    reader.skip(length)
    return reader.isShort ? "" : Buffer.from(reader.bytes.subarray(from, from + length)).toString("hex")
  }

  private readBatch(attributes: Array<string>): PreparedStatement {
    const type = reader.u8()
    const count = reader.u16()
    let text = ""
    let endpoint = ""
    for (let i = 0; i < Math.min(count, maxBatch) && !reader.isShort && text.length < maxStatement; i++) {
      const isPrepared = reader.u8() === 1
      const statement = isPrepared
        ? (this.statements.get(this.readId()) ?? noStatement)
        : this.readStatement()
      for (let values = reader.u16(); values > 0 && !reader.isShort; values--) skipBytes(reader)
      text += `${i === 0 ? "" : "; "}${statement.text}`
      if (endpoint === "") ({ endpoint } = statement)
    }
    attributes.push("batch_type", batchTypes[type] ?? `${type}`, "statements", `${count}`)
    return { text: text.slice(0, maxStatement), endpoint }
  }

  private readOptions(attributes: Array<string>): void {
    for (let options = reader.u16(); options > 0 && !reader.isShort; options--) {
      const name = reader.text(reader.u16())
      const value = reader.text(reader.u16())
      if (name === "COMPRESSION" || name === "DRIVER_NAME" || name === "DRIVER_VERSION")
        attributes.push(name.toLowerCase(), value)
    }
  }

  /** The name in a token of SASL's PLAIN: `\0name\0password`. */
  private readUser(): string {
    const length = reader.i32()
    const { at, bytes } = reader
    const end = Math.min(reader.end, at + length)
    let from = at
    while (from < end && bytes[from] !== 0) from++
    let stop = ++from
    while (stop < end && bytes[stop] !== 0) stop++
    if (length <= 0 || stop >= end) return ""
    reader.at = from
    return reader.text(stop - from)
  }

  /** Named bytes that clients and servers agreed on: those of tracing systems are read. */
  private readPayload(message: L7Message): number {
    let rank = 0
    const count = reader.u16()
    for (let i = 0; i < Math.min(count, maxPayload) && !reader.isShort; i++) {
      const name = reader.text(reader.u16())
      const length = reader.i32()
      if (length <= 0) continue
      if (name.length > maxTraceName || length > maxTraceValue) reader.skip(length)
      else rank = readTraceField(name, reader.longText(length), message, rank)
    }
    return rank
  }

  private response(
    message: L7Message,
    stream: number,
    opcode: number,
    flags: number,
    attributes: Array<string>,
  ): void {
    const isEvent = opcode === Opcode.event
    const waiting = isEvent ? undefined : this.calls.take(stream)
    if (waiting !== undefined) message.endpoint = waiting.statement.endpoint
    if ((flags & Flag.tracing) !== 0) reader.skip(16)
    if ((flags & Flag.warnings) !== 0) {
      const warnings = reader.u16()
      attributes.push("warnings", `${warnings}`)
      for (let i = 0; i < warnings && !reader.isShort; i++) skipString(reader)
    }
    if ((flags & Flag.payload) !== 0) this.readPayload(message)
    message.status = ResponseStatus.ok
    if (isEvent) {
      message.isAsync = true
      message.result = reader.text(reader.u16())
    } else if (opcode === Opcode.error) this.readError(message)
    else if (opcode === Opcode.result) this.readResult(message, waiting, attributes)
    else message.result = responseName(opcode)
    this.stats.responses++
  }

  private readError(message: L7Message): void {
    const code = reader.i32()
    message.status = ResponseStatus.unknown
    if (reader.isShort) return
    message.code = code
    message.status = statusOf(code)
    const length = reader.u16()
    const text = reader.longText(Math.min(length, reader.left)).slice(0, maxError)
    const shown = this.masksLiterals ? maskQuoted(text, "'") : text
    message.exception = `${errorName(code)}${shown === "" ? "" : `: ${shown}`}`
  }

  private readResult(message: L7Message, waiting: Waiting | undefined, attributes: Array<string>): void {
    const kind = reader.u32()
    message.result = kindName(kind)
    if (kind === Kind.rows) {
      const rows = readRowCount(reader)
      if (rows >= 0) attributes.push("rows", `${rows}`)
    } else if (kind === Kind.setKeyspace) this.keyspace = reader.text(reader.u16())
    else if (kind === Kind.prepared) {
      const id = this.readId()
      if (id === "") return
      attributes.push("statement_id", id)
      if (waiting?.opcode === Opcode.prepare) this.statements.set(id, waiting.statement)
    }
  }
}
