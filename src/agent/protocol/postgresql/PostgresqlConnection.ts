// The PostgreSQL parser of one connection: startup, simple and extended queries in pipelines, COPY, and their responses.
// Bounds: 4 KiB of one message for each direction, 256 outstanding exchanges, the prepared statements of StatementCache.
// One message is one statement: a simple query, or each Execute with the Parse and Bind before it. They pair in order.

import { emptyMessage, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { u32At } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection } from "../framed/FramedConnection.ts"
import { latin1Text } from "../latin1.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { maxStatement, type SqlReader } from "../sql/SqlReader.ts"
import { type PreparedStatement, StatementCache } from "../sql/StatementCache.ts"
import { Exchange, Kind, noKind } from "./Exchange.ts"
import { mayBegin, messageLength, startHeader, typedHeader, typedLength } from "./framing.ts"
import {
  Answer,
  answerOf,
  bodyLength,
  isPartType,
  isStartCode,
  Letter,
  nulAt,
  StartCode,
} from "./messages.ts"
import { PostgresqlResponse } from "./PostgresqlResponse.ts"
import { readStartup } from "./startup.ts"

const maxKept = maxStatement + 256
const maxName = 64

const noStatement: PreparedStatement = { text: "", endpoint: "" }

export class PostgresqlConnection extends FramedConnection {
  private readonly statements = new StatementCache()
  private readonly portals = new StatementCache()
  private readonly exchange = new Exchange()
  private readonly response = new PostgresqlResponse()
  private database = ""
  private version = ""
  /** The request being put together from Parse, Bind and Describe. */
  private pending: L7Message | null = null
  private pendingStatement: PreparedStatement = noStatement
  /** Executes since the last Sync. */
  private executes = 0
  /** The one byte that answers a request for encryption is still to come. */
  private awaitsAnswer = 0
  private mayBeTls = false
  /** An error was sent: the rest of the pipeline is passed over by the server. */
  private isFailed = false
  private readonly reader: SqlReader
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, reader: SqlReader, stats: ParserStats, masksLiterals: boolean) {
    super(sink, stats, maxKept)
    this.reader = reader
    this.masksLiterals = masksLiterals
  }

  override feed(
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    let at = start
    if (direction === Direction.toClient && this.awaitsAnswer > 0 && at < end) {
      const answer = bytes[at]
      this.awaitsAnswer--
      if (answer === Letter.S || answer === Letter.G || answer === Letter.N) {
        this.mayBeTls = answer !== Letter.N
        at++
        if (at === end && missing === 0) return
      }
    } else if (direction === Direction.toServer && this.mayBeTls && at < end) {
      this.mayBeTls = false
      // A handshake record of TLS, or a token of GSSAPI: what follows is unreadable here.
      if (bytes[at] !== 0 || end - at < startHeader || !isStartCode(u32At(bytes, at + 4))) {
        this.leave()
        return
      }
    }
    super.feed(direction, bytes, at, end, missing, timeUs, tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0)
  }

  protected frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    return messageLength(direction === Direction.toServer, bytes, at, end)
  }

  protected mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    return mayBegin(direction === Direction.toServer, bytes, start, end)
  }

  protected lost(direction: Direction): void {
    this.pending = null
    this.executes = 0
    this.awaitsAnswer = 0
    if (direction === Direction.toServer) {
      this.exchange.clear()
      this.sink.desync(direction)
      return
    }
    // What was lost belongs to the response under way, unless more are outstanding.
    this.respondInPart()
    this.response.isOpen = false
    this.isFailed = false
    const isConfused = this.exchange.answers > 0
    this.exchange.clear()
    if (isConfused) this.sink.desync(direction)
  }

  protected override ended(): void {
    this.respondInPart()
  }

  /** The end of the response under way will not be seen. */
  private respondInPart(): void {
    const kind = this.exchange.head
    if (!this.response.isOpen || kind === noKind || kind === Kind.sync) return
    this.exchange.shift()
    this.respond(this.exchange.endpoint, true)
  }

  protected read(frame: Frame): boolean {
    if (frame.direction === Direction.toClient) this.fromServer(frame)
    else if (frame.bytes[frame.start] === 0) this.startup(frame)
    else this.fromClient(frame)
    return true
  }

  protected override passOver(
    direction: Direction,
    bytes: Uint8Array,
    at: number,
    end: number,
    timeUs: number,
  ): number {
    return direction === Direction.toServer
      ? this.passParts(bytes, at, end, timeUs)
      : this.passRows(bytes, at, end, timeUs)
  }

  /** What belongs to the request being put together, and what ends a pipeline. */
  private passParts(bytes: Uint8Array, at: number, end: number, timeUs: number): number {
    let next = at
    while (next < end) {
      const type = bytes[next]
      if (type !== Letter.S && (this.pending === null || !isPartType(type))) break
      const length = typedLength(bytes, next, end, -1)
      if (length <= 0 || next + length > end) break
      if (type === Letter.S) this.sync()
      else this.readPart(bytes, next, next + Math.min(length, maxKept), length, length, timeUs)
      next += length
    }
    return next
  }

  /** Rows and the like, up to the end of a statement's, and what ends a pipeline. */
  private passRows(bytes: Uint8Array, at: number, end: number, timeUs: number): number {
    const { response } = this
    let next = at
    let known = at
    while (next < end) {
      const type = bytes[next]
      const answer = answerOf(type)
      if (answer === Answer.ready ? this.exchange.head !== Kind.sync : !response.isOpen) break
      if (answer === Answer.other) break
      const length = typedLength(bytes, next, end, bodyLength(type))
      if (length <= 0 || next + length > end) break
      next += length
      if (answer === Answer.counted) continue
      if (answer === Answer.ready) {
        this.endPipeline()
        known = next
        continue
      }
      response.count(next - known, next - known, timeUs)
      known = next
      response.tag(bytes, next - length + typedHeader, next)
      this.finish(Kind.execute)
    }
    if (next > known) response.count(next - known, next - known, timeUs)
    return next
  }

  private startup(frame: Frame): void {
    const { bytes, start, end } = frame
    const code = u32At(bytes, start + 4)
    if (code === StartCode.ssl || code === StartCode.gss) {
      this.awaitsAnswer++
      return
    }
    const message = this.messageOf(frame, RecordType.request, L7Protocol.postgresql)
    message.length = frame.length
    if (code === StartCode.cancel) {
      message.requestType = "CancelRequest"
      message.isAsync = true
    } else {
      this.version = code === StartCode.version3 ? "3.0" : "3.2"
      const { application, database, user } = readStartup(bytes, start + startHeader, end)
      this.database = database
      message.version = this.version
      message.requestType = "Startup"
      message.requestDomain = database
      message.requestResource = message.endpoint = `Login username: ${user} db: ${database}`
      if (application !== "") message.attributes = ["application_name", application]
      this.exchange.add(Kind.startup, message.endpoint)
    }
    this.stats.requests++
    this.sink.message(message)
  }

  private fromClient(frame: Frame): void {
    const { bytes, start, end } = frame
    const at = start + typedHeader
    switch (bytes[start]) {
      case Letter.Q: {
        this.readStatement(bytes, at, end - 1, end)
        const message = this.compose(frame, "Q")
        this.describe(message, this.reader.statement)
        this.reader.readTrace(message)
        this.send(message, Kind.simple)
        return
      }
      case Letter.F: {
        this.send(this.compose(frame, "F"), Kind.simple)
        return
      }
      case Letter.P: {
        this.parse(frame, at)
        return
      }
      case Letter.B:
      case Letter.D:
      case Letter.C:
      case Letter.E: {
        if (this.pending === null) this.begin(frame)
        this.readPart(bytes, start, end, frame.length, frame.captured, frame.endUs)
        return
      }
      case Letter.S: {
        this.sync()
        return
      }
      case Letter.X: {
        const message = this.compose(frame, "X")
        message.isAsync = true
        this.stats.requests++
        this.sink.message(message)
        return
      }
      default:
      // Passwords, COPY data and Flush belong to the exchange under way.
    }
  }

  private parse(frame: Frame, at: number): void {
    const { bytes, end } = frame
    const textAt = nulAt(bytes, at, end) + 1
    // Most statements say no types of parameters: behind the text stands their number, 0.
    this.readStatement(bytes, textAt, end - 3, end)
    const statement = this.reader.statement
    this.statements.set(this.name(bytes, at, end), statement)
    if (this.pending === null) this.begin(frame)
    const message = this.gather("P", statement, frame.length, frame.captured, frame.endUs)
    this.reader.readTrace(message)
  }

  /** A part of an extended query other than Parse: bytes[start, end) of a message of `length`. */
  private readPart(
    bytes: Uint8Array,
    start: number,
    end: number,
    length: number,
    captured: number,
    endUs: number,
  ): void {
    const at = start + typedHeader
    switch (bytes[start]) {
      case Letter.B: {
        const portalEnd = nulAt(bytes, at, end)
        const statement = this.statements.get(this.name(bytes, portalEnd + 1, end)) ?? noStatement
        this.portals.set(this.name(bytes, at, end), statement)
        this.gather("B", statement, length, captured, endUs)
        return
      }
      case Letter.D: {
        const names = bytes[at] === Letter.S ? this.statements : this.portals
        const statement = names.get(this.name(bytes, at + 1, end)) ?? noStatement
        this.gather("D", statement, length, captured, endUs)
        return
      }
      case Letter.C: {
        const names = bytes[at] === Letter.S ? this.statements : this.portals
        names.delete(this.name(bytes, at + 1, end))
        this.gather("C", noStatement, length, captured, endUs)
        return
      }
      case Letter.E: {
        const statement = this.portals.get(this.name(bytes, at, end)) ?? noStatement
        const message = this.gather("E", statement, length, captured, endUs)
        this.executes++
        this.pending = null
        this.send(message, Kind.execute)
        return
      }
      default:
    }
  }

  /** Reads the statement from `at` up to the first NUL, which is likely to be at `likelyEnd`: what is known ends there. */
  private readStatement(bytes: Uint8Array, at: number, likelyEnd: number, end: number): void {
    const isLikely = likelyEnd > at && bytes[likelyEnd] === 0
    if (!isLikely || !this.reader.recognise(bytes, at, likelyEnd))
      this.reader.read(bytes, at, nulAt(bytes, at, end))
  }

  /** The end of a pipeline: what was prepared without being executed is a message of its own. */
  private sync(): void {
    const message = this.pending
    this.pending = null
    if (message !== null && this.executes === 0) this.send(message, Kind.prepare)
    else this.exchange.add(Kind.sync, "")
    this.executes = 0
  }

  private name(bytes: Uint8Array, at: number, end: number): string {
    const stop = nulAt(bytes, at, Math.min(end, at + maxName))
    return stop <= at ? "" : latin1Text(bytes, at, stop)
  }

  private compose(frame: Frame, type: string): L7Message {
    const message = this.messageOf(frame, RecordType.request, L7Protocol.postgresql)
    message.version = this.version
    message.requestType = type
    message.requestDomain = this.database
    message.length = frame.length
    return message
  }

  /** A request that is put together begins with this part, which is still to be added. */
  private begin(frame: Frame): void {
    const message = this.compose(frame, "")
    message.length = message.capturedBytes = 0
    this.pending = message
    this.pendingStatement = noStatement
  }

  /** Adds a part of an extended query to the request being put together. */
  private gather(
    type: string,
    statement: PreparedStatement,
    length: number,
    captured: number,
    endUs: number,
  ): L7Message {
    const message = this.pending as L7Message
    message.endUs = endUs
    message.capturedBytes += captured
    message.length += length
    // The type is the statement's way: P with its text, else E.
    if (message.requestType === "") message.requestType = type
    else if (message.requestType !== "P" && (type === "P" || type === "E")) message.requestType = type
    if (statement !== noStatement && statement !== this.pendingStatement) {
      this.pendingStatement = statement
      this.describe(message, statement)
    }
    return message
  }

  private describe(message: L7Message, statement: PreparedStatement): void {
    message.requestResource = statement.text
    message.endpoint = statement.endpoint
  }

  private send(message: L7Message, kind: Kind): void {
    this.exchange.add(kind, message.endpoint)
    this.stats.overflows += this.exchange.overflows
    this.exchange.overflows = 0
    this.stats.requests++
    this.sink.message(message)
  }

  private fromServer(frame: Frame): void {
    const { bytes, start, end } = frame
    const at = start + typedHeader
    const type = bytes[start]
    if (type === Letter.N || (type === Letter.S && !this.awaitsStartup())) return
    if (type === Letter.A) {
      this.notify(frame, at)
      return
    }
    const { response } = this
    if (type === Letter.Z) {
      this.ready(frame)
      return
    }
    if (!response.isOpen) response.open(frame.startUs, frame.tcpSeq)
    response.count(frame.captured, frame.length, frame.endUs)
    switch (type) {
      case Letter.E: {
        response.error(bytes, at, end)
        this.isFailed = true
        if (response.isFatal) this.finish(Kind.simple, Kind.prepare)
        this.finish(Kind.execute, Kind.startup)
        return
      }
      case Letter.C: {
        response.tag(bytes, at, end)
        this.finish(Kind.execute)
        return
      }
      case Letter.I:
      case Letter.s: {
        this.finish(Kind.execute)
        return
      }
      case Letter.W: {
        // Replication: a stream of both sides without an end.
        this.finish(Kind.simple, Kind.execute)
        this.leave()
        return
      }
      default:
    }
  }

  private awaitsStartup(): boolean {
    return this.exchange.head === Kind.startup
  }

  /** Ends the response under way when the oldest exchange is of one of these kinds, or none was seen. */
  private finish(kind: Kind, other: Kind = kind): void {
    const head = this.exchange.head
    if (!this.response.isOpen) return
    if (head === noKind) {
      // Joined in the middle: the request was not seen. A simple query's end comes with ReadyForQuery, an Execute's is here.
      this.respond("", false)
    } else if (head === kind || head === other) {
      this.exchange.shift()
      this.respond(this.exchange.endpoint, false)
    }
  }

  private ready(frame: Frame): void {
    const { response } = this
    const wasFailed = this.isFailed
    this.isFailed = false
    const { exchange } = this
    for (;;) {
      const kind = exchange.shift()
      if (kind === noKind || kind === Kind.sync) break
      if (kind === Kind.execute) {
        // The server passed over it because of an error before it.
        this.abort(exchange.endpoint, frame, wasFailed)
        continue
      }
      if (!response.isOpen) response.open(frame.startUs, frame.tcpSeq)
      response.count(frame.captured, frame.length, frame.endUs)
      this.respond(exchange.endpoint, false)
      break
    }
    response.isOpen = false
  }

  /** The answer to a Sync behind Executes: of it alone there is no message. */
  private endPipeline(): void {
    this.exchange.shift()
    this.isFailed = false
    this.response.isOpen = false
  }

  private abort(endpoint: string, frame: Frame, wasFailed: boolean): void {
    const { response } = this
    if (!response.isOpen) response.open(frame.startUs, frame.tcpSeq)
    const message = this.responseMessage(endpoint)
    message.status = ResponseStatus.unknown
    if (wasFailed) message.attributes = ["aborted", "true"]
    this.stats.responses++
    this.sink.message(message)
  }

  private responseMessage(endpoint: string): L7Message {
    const { captured, endUs, startUs, tcpSeq } = this.response
    const message = emptyMessage(RecordType.response, L7Protocol.postgresql, startUs, tcpSeq)
    message.endUs = endUs
    message.capturedBytes = captured
    message.version = this.version
    message.endpoint = endpoint
    return message
  }

  private respond(endpoint: string, isPart: boolean): void {
    const { response } = this
    const message = this.responseMessage(endpoint)
    if (isPart) this.stats.truncated++
    else message.length = response.length
    response.fill(message, this.masksLiterals)
    response.isOpen = false
    this.stats.responses++
    this.sink.message(message)
  }

  /** NOTIFY of another session. */
  private notify(frame: Frame, at: number): void {
    const message = this.messageOf(frame, RecordType.response, L7Protocol.postgresql)
    message.isAsync = true
    message.requestType = "A"
    message.requestResource = message.endpoint = this.name(frame.bytes, at + 4, frame.end)
    message.length = frame.length
    this.stats.responses++
    this.sink.message(message)
  }
}
