// The MySQL parser of one connection: greeting and login, commands, and the answers that belong to them.
// Bounds: 4 KiB of one packet for each direction, 64 unanswered commands, the prepared statements of StatementCache.
// Answers pair in order; sequence numbers tell where one begins, so that a loss costs no more than the answer it hit.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { type Frame, FramedConnection, makeFrame, undecided } from "../framed/FramedConnection.ts"
import { utf8Text } from "../latin1.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { maskQuoted } from "../sql/quotedValues.ts"
import { maxStatement, type SqlReader } from "../sql/SqlReader.ts"
import { type PreparedStatement, StatementCache } from "../sql/StatementCache.ts"
import { Command, commandName, fitsCommand, isText, isUnanswered } from "./commands.ts"
import {
  Compression,
  isGreeting,
  isLogin,
  type Login,
  loginLine,
  readChangeUser,
  readLogin,
  serverVersion,
} from "./login.ts"
import { MysqlResponse } from "./MysqlResponse.ts"
import { fullPayload, headerLength, nulAt, u16, u24, u32 } from "./packet.ts"
import { skipQueryAttributes } from "./queryAttributes.ts"

const maxKept = maxStatement + 64
const maxUnanswered = 64
const maxName = 128
/** MariaDB: the statement that was prepared last. */
const lastStatement = 0xffffffff

const Phase = { unknown: 0, greeted: 1, login: 2, commands: 3 } as const

/** Errors of the client library; all others are the server's. */
const isClientError = (code: number): boolean => code >= 2000 && code < 3000

/** Errors that quote values of the statement: duplicate key, syntax, wrong or truncated value. */
const quotingErrors = new Set([1062, 1064, 1149, 1292, 1366, 1411, 1525, 1586, 3140, 3903])

const changingWord = /^(?:INSERT|UPDATE|DELETE|REPLACE|LOAD)\b/
const letterS = 83

/** Most statements are SELECT, which the first letter tells. */
const isChanging = (endpoint: string): boolean =>
  endpoint.charCodeAt(0) !== letterS && changingWord.test(endpoint)

interface Unanswered {
  readonly code: number
  readonly statement: PreparedStatement
  readonly database: string
}

/** The times and sizes of an answer, which may be many packets. */
const shownFrame = makeFrame()

const noStatement: PreparedStatement = { text: "", endpoint: "" }
const unseen: Unanswered = { code: Command.unknown, statement: noStatement, database: "" }

export class MysqlConnection extends FramedConnection {
  /** Packets come out of compressed ones: those are numbered, and the numbers inside mean little. */
  isCompressed = false
  /** What client and server agreed on; it holds from the end of the login. */
  compression: Compression = Compression.none
  private readonly statements = new StatementCache()
  private readonly unanswered: Array<Unanswered> = []
  private readonly response = new MysqlResponse()
  private answering: Unanswered = unseen
  private phase: number = Phase.unknown
  private wanted: Compression = Compression.none
  private awaitsTls = false
  private version = ""
  private database = ""
  private isLongRequest = false
  /** The command took more than one packet: its answer does not begin with number 1. */
  private hasLongRequest = false
  private nextSequence = 0
  private last: PreparedStatement = noStatement
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
    if (this.awaitsTls && direction === Direction.toServer && start < end) {
      this.awaitsTls = false
      // A handshake record of TLS: what follows is unreadable here.
      if (bytes[start] === 0x16 && (start + 1 === end || bytes[start + 1] === 3)) {
        this.leave()
        return
      }
    }
    super.feed(direction, bytes, start, end, missing, timeUs, tcpSeq)
  }

  protected frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    return end - at < headerLength ? undecided : headerLength + u24(bytes, at)
  }

  protected mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < headerLength + 1) return false
    const length = u24(bytes, start)
    const sequence = bytes[start + 3]
    const first = bytes[start + 4]
    if (direction === Direction.toServer) {
      if (sequence !== 0 || length === 0 || commandName(first) === undefined || !fitsCommand(first, length))
        return false
      return !isText(first) || start + 6 > end || bytes[start + 5] >= 0x20 || bytes[start + 5] < 0x0e
    }
    if (sequence !== 1) return false
    if (first === 0) return length >= 7 && length < 0x10000
    if (first === 0xff) return length >= 9 && start + 7 <= end && u16(bytes, start + 5) >= 1000
    return first === 0xfe ? length < 9 : length <= 4
  }

  protected lost(direction: Direction): void {
    this.phase = Phase.commands
    if (direction === Direction.toServer) {
      this.isLongRequest = false
      this.unanswered.length = 0
      this.sink.desync(direction)
      return
    }
    // What was lost belongs to the answer under way, unless more commands are outstanding.
    if (this.response.isOpen) this.answer(true)
    if (this.unanswered.length === 0) return
    this.unanswered.length = 0
    this.sink.desync(direction)
  }

  protected override ended(): void {
    if (this.response.isOpen) this.answer(true)
  }

  protected read(frame: Frame): boolean {
    const length = frame.length - headerLength
    const sequence = frame.bytes[frame.start + 3]
    return frame.direction === Direction.toServer
      ? this.fromClient(frame, frame.start + headerLength, length, sequence)
      : this.fromServer(frame, frame.start + headerLength, length, sequence)
  }

  protected override passOver(
    direction: Direction,
    bytes: Uint8Array,
    at: number,
    end: number,
    timeUs: number,
  ): number {
    const { response } = this
    if (direction === Direction.toServer || !response.isOpen || this.phase !== Phase.commands) return at
    let next = at
    while (end - next > headerLength) {
      const length = u24(bytes, next)
      const sequence = bytes[next + 3]
      // Number 0 may also begin something else.
      if (sequence === 0 || sequence !== this.nextSequence || end - next < headerLength + length) break
      if (!response.passes(bytes, next + headerLength, length)) break
      this.nextSequence = (sequence + 1) & 0xff
      next += headerLength + length
    }
    if (next > at) response.count(next - at, next - at, timeUs)
    return next
  }

  private fromClient(frame: Frame, at: number, length: number, sequence: number): boolean {
    if (this.isLongRequest) {
      this.isLongRequest = length === fullPayload
      return true
    }
    if (sequence === 0) {
      this.phase = Phase.commands
      return length > 0 && at < frame.end && this.command(frame, at, length)
    }
    if (this.phase <= Phase.greeted && isLogin(frame.bytes, at, frame.end, length)) {
      const login = readLogin(frame.bytes, at, frame.end, length)
      this.wanted = login.compression
      if (login.isTlsRequest) this.awaitsTls = true
      else this.login(frame, login, "Login", Command.login)
      return true
    }
    // Further steps of the login, or a file for LOAD DATA LOCAL.
    return this.phase !== Phase.unknown
  }

  private command(frame: Frame, at: number, length: number): boolean {
    const { bytes, end } = frame
    const code = bytes[at]
    const name = commandName(code)
    if (name === undefined || !fitsCommand(code, length)) return false
    if (code === Command.changeUser) {
      this.statements.clear()
      this.login(frame, readChangeUser(bytes, at + 1, end), name, code)
      return true
    }
    const message = this.request(frame, name)
    let statement = noStatement
    let database = ""
    const hasId = code >= Command.execute && code <= Command.fetch && code !== Command.setOption
    if (code === Command.query || code === Command.prepare) {
      const textAt = code === Command.query ? skipQueryAttributes(bytes, at + 1, end, message) : at + 1
      this.reader.read(bytes, textAt, end)
      statement = this.reader.statement
      this.reader.readTrace(message)
      if (code === Command.query && this.reader.keyword === "USE") database = this.reader.table
    } else if (hasId || code === Command.bulkExecute) {
      const id = at + 5 <= end ? u32(bytes, at + 1) : -1
      statement = (id === lastStatement ? this.last : this.statements.get(id)) ?? noStatement
      message.attributes = ["statement_id", String(id)]
      if (code === Command.close) this.statements.delete(id)
    } else if (isText(code) || code === Command.fieldList) {
      const stop = nulAt(bytes, at + 1, Math.min(end, at + 1 + maxName))
      const text = utf8Text(bytes, at + 1, stop)
      statement = { text, endpoint: "" }
      if (code === Command.initDb) database = text
    }
    message.requestResource = statement.text
    message.endpoint = statement.endpoint
    message.isAsync = isUnanswered(code)
    this.isLongRequest = length === fullPayload
    if (!message.isAsync) this.await({ code, statement, database })
    this.hasLongRequest = this.isLongRequest
    this.stats.requests++
    this.sink.message(message)
    if (code === Command.binlogDump || code === Command.binlogDumpGtid) this.leave()
    return true
  }

  private login(frame: Frame, login: Login, type: string, code: number): void {
    const line = loginLine(login)
    const message = this.request(frame, type)
    message.requestResource = message.endpoint = line
    message.requestDomain = login.database
    this.phase = Phase.login
    this.await({ code, statement: { text: line, endpoint: line }, database: login.database })
    this.stats.requests++
    this.sink.message(message)
  }

  private request(frame: Frame, type: string): L7Message {
    const message = this.messageOf(frame, RecordType.request, L7Protocol.mysql)
    message.version = this.version
    message.requestType = type
    message.requestDomain = this.database
    message.length = frame.length
    return message
  }

  private await(command: Unanswered): void {
    if (this.unanswered.length === maxUnanswered) {
      this.unanswered.shift()
      this.stats.overflows++
    }
    this.unanswered.push(command)
  }

  private fromServer(frame: Frame, at: number, length: number, sequence: number): boolean {
    const { bytes, end } = frame
    const kind = at < end ? bytes[at] : -1
    if (sequence === 0 && isGreeting(bytes, at, end, length)) {
      this.version = serverVersion(bytes, at, end)
      this.phase = Phase.greeted
      return true
    }
    // An error that nobody asked for: too many connections, or the server closes an idle one.
    if (sequence === 0 && kind === 0xff && !this.response.isOpen) return this.unasked(frame, at, length)
    if (this.phase === Phase.greeted) return true
    if (this.phase === Phase.login) {
      if (kind !== 0 && kind !== 0xff) return true
      this.start(frame, Command.login)
      this.phase = kind === 0 ? Phase.commands : Phase.greeted
      if (kind === 0 && this.wanted !== Compression.none) this.compression = this.wanted
    } else if (this.response.isOpen) {
      if (sequence !== this.nextSequence && !this.response.isLocal && !this.isCompressed) {
        this.stats.malformed++
        this.answer(true)
        if (sequence !== 1) return false
        this.start(frame, Command.unknown)
      }
    } else if (sequence === 1 || this.hasLongRequest) this.start(frame, Command.unknown)
    else {
      // The EOF packet behind the definitions of a prepared statement.
      this.stats.skippedBytes += frame.length
      return true
    }
    this.take(frame, at, length, sequence)
    return true
  }

  /** An answer begins: to the oldest command, or to one that was not seen. */
  private start(frame: Frame, code: number): void {
    const { unanswered } = this
    // Most often there is one, and taking the last costs less than the first.
    const oldest = unanswered.length === 1 ? unanswered.pop() : unanswered.shift()
    this.answering = oldest ?? (code === Command.login ? { ...unseen, code } : unseen)
    this.response.begin(this.answering.code, frame.startUs, frame.tcpSeq)
  }

  private take(frame: Frame, at: number, length: number, sequence: number): void {
    const { response } = this
    response.count(frame.captured, frame.length, frame.endUs)
    this.nextSequence = (sequence + 1) & 0xff
    response.packet(frame.bytes, at, frame.end, length)
    if (response.isDone) this.answer(false)
  }

  private unasked(frame: Frame, at: number, length: number): boolean {
    if (length < 3 || (at + 3 <= frame.end && u16(frame.bytes, at + 1) < 1000)) return false
    const { response } = this
    response.begin(Command.unknown, frame.startUs, frame.tcpSeq)
    response.captured = frame.captured
    response.length = frame.length
    response.endUs = frame.endUs
    response.packet(frame.bytes, at, frame.end, length)
    this.answering = unseen
    this.answer(false, true)
    return true
  }

  private answer(isPart: boolean, isAsync = false): void {
    const { response, answering } = this
    response.isOpen = false
    const message = this.responseMessage(response)
    message.isAsync = isAsync
    message.endpoint = answering.statement.endpoint
    if (!isPart) message.length = response.length
    else this.stats.truncated++
    if (response.errorCode !== 0) {
      message.status = isClientError(response.errorCode)
        ? ResponseStatus.clientError
        : ResponseStatus.serverError
      message.code = response.errorCode
      message.exception = this.exception(response)
      if (response.sqlState !== "") message.attributes = ["sqlstate", response.sqlState]
    } else {
      message.status = ResponseStatus.ok
      if (answering.database !== "") this.database = answering.database
      if (!isPart) this.describe(message, response, answering)
    }
    this.hasLongRequest = false
    this.answering = unseen
    this.stats.responses++
    this.sink.message(message)
  }

  /** What a whole answer counts. */
  private describe(message: L7Message, response: MysqlResponse, answering: Unanswered): void {
    const { affectedRows, rows, statementId } = response
    let attributes = rows >= 0 ? ["rows", String(rows)] : message.attributes
    if (answering.code !== Command.prepare && isChanging(answering.statement.endpoint))
      attributes = [...attributes, "sql_affected_rows", String(affectedRows)]
    if (statementId >= 0) {
      attributes = [...attributes, "statement_id", String(statementId)]
      this.last = answering.statement
      this.statements.set(statementId, answering.statement)
    }
    message.attributes = attributes
  }

  private responseMessage(response: MysqlResponse): L7Message {
    const frame = shownFrame
    frame.startUs = response.startUs
    frame.endUs = response.endUs
    frame.tcpSeq = response.tcpSeq
    frame.captured = response.captured
    const message = this.messageOf(frame, RecordType.response, L7Protocol.mysql)
    message.version = this.version
    return message
  }

  private exception(response: MysqlResponse): string {
    return this.masksLiterals && quotingErrors.has(response.errorCode)
      ? maskQuoted(response.message, "'")
      : response.message
  }
}
