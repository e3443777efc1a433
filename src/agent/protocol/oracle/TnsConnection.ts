// The Oracle parser of one connection: CONNECT and its answer, logins, calls and their outcomes. A client makes one call at a time,
// so order pairs; an answer ends with the packet that is shorter than the data unit both sides agreed on, or says that it ends.
// Bound: 16 KiB of one packet for each direction, 64 calls under way, the statements of StatementCache by cursor.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { ByteReader, u16At, u32At } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection, makeFrame, noFrame, undecided } from "../framed/FramedConnection.ts"
import { latin1Text } from "../latin1.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { maskQuoted } from "../sql/quotedValues.ts"
import type { SqlReader } from "../sql/SqlReader.ts"
import { type PreparedStatement, StatementCache } from "../sql/StatementCache.ts"
import { Call, callAt, callName, Kind } from "./calls.ts"
import { readConnectData, refusalCode } from "./connectData.ts"
import { type ErrorInfo, readErrorInfo } from "./errorInfo.ts"
import { statusOf } from "./errors.ts"
import { DataFlag, headerLength, isVersion, packetLength, PacketType, wideVersion } from "./packets.ts"
import { statementText } from "./statementText.ts"

const maxKept = 16 * 1024
const maxCalls = 64
const maxConnectText = 4096
const maxUser = 128
/** Of connections that were joined later. */
const usualDataUnit = 8192
const dataAt = headerLength + 2

interface Waiting {
  readonly code: number
  readonly statement: PreparedStatement
}

const noStatement: PreparedStatement = { text: "", endpoint: "" }
const connecting: Waiting = { code: -1, statement: noStatement }

const reader = new ByteReader()
/** The times and sizes of an answer, which may be many packets. */
const shown = makeFrame()

/** A number: its length and as many bytes. */
const number = (): number => {
  let value = 0
  for (let count = Math.min(8, reader.u8()); count > 0; count--) value = value * 256 + reader.u8()
  return value
}

export class TnsConnection extends FramedConnection {
  private version = ""
  private service = ""
  private dataUnit = usualDataUnit
  private readonly calls: Array<Waiting> = []
  private readonly statements = new StatementCache()
  /** The text of CONNECT comes in a packet of its own. */
  private connect: L7Message | null = null
  private isResent = false
  /** The last packet of the client was full: the next one goes on with its call. */
  private isLongCall = false
  /** Of the answer under way. */
  private isAnswering = false
  private isPart = false
  private startUs = 0
  private endUs = 0
  private tcpSeq = 0
  private length = 0
  private captured = 0
  private readonly sql: SqlReader
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, stats: ParserStats, sql: SqlReader, masksLiterals: boolean) {
    super(sink, stats, maxKept)
    this.sql = sql
    this.masksLiterals = masksLiterals
  }

  protected override frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < headerLength) return undecided
    const length = packetLength(bytes, at, direction === Direction.toServer)
    return length < 0 ? noFrame : length
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < headerLength + 2) return false
    const length = packetLength(bytes, start, direction === Direction.toServer)
    return length > 0 && start + length <= end + this.dataUnit && bytes[start + 5] === 0
  }

  protected override lost(direction: Direction): void {
    if (direction === Direction.toClient) {
      this.isPart = true
      return
    }
    this.calls.length = 0
    this.isLongCall = false
    this.sink.desync(direction)
  }

  protected override ended(): void {
    if (this.isAnswering) this.finish(undefined)
  }

  protected override read(frame: Frame): boolean {
    const type = frame.bytes[frame.start + 4]
    if (frame.direction === Direction.toServer) {
      if (type === PacketType.connect) return this.connectPacket(frame)
      if (type === PacketType.data) this.clientData(frame)
      return true
    }
    if (type === PacketType.data) this.serverData(frame)
    else if (type === PacketType.resend) this.isResent = true
    else if (type === PacketType.accept || type === PacketType.refuse || type === PacketType.redirect)
      this.connectAnswer(frame, type)
    return true
  }

  private connectPacket(frame: Frame): boolean {
    const { bytes, start } = frame
    const at = start + headerLength
    if (frame.length < 58 || !isVersion(u16At(bytes, at))) return false
    if (this.isResent) {
      this.isResent = false
      return true
    }
    const textLength = u16At(bytes, start + 24)
    const textAt = u16At(bytes, start + 26)
    const message = this.messageOf(frame, RecordType.request, L7Protocol.oracle)
    message.requestType = "CONNECT"
    message.length = frame.length
    if (textLength > 0 && textAt + textLength > frame.length) this.connect = message
    else {
      const from = Math.min(frame.end, start + textAt)
      this.connectText(message, latin1Text(bytes, from, Math.min(frame.end, from + textLength)))
    }
    return true
  }

  private connectText(message: L7Message, text: string): void {
    const { attributes, service } = readConnectData(text.slice(0, maxConnectText))
    this.connect = null
    this.service = service
    message.requestDomain = message.requestResource = message.endpoint = service
    message.attributes = attributes
    this.ask(message, { code: connecting.code, statement: { text: service, endpoint: service } })
  }

  private connectAnswer(frame: Frame, type: number): void {
    const { bytes, start } = frame
    const at = start + headerLength
    const message = this.messageOf(frame, RecordType.response, L7Protocol.oracle)
    message.length = frame.length
    message.status = ResponseStatus.ok
    if (type === PacketType.accept && at + 6 <= frame.end) {
      const version = u16At(bytes, at)
      const isWide = version >= wideVersion && start + 36 <= frame.end
      this.version = message.version = `${version}`
      this.dataUnit = Math.max(512, isWide ? u32At(bytes, start + 32) : u16At(bytes, at + 4))
    } else if (type === PacketType.refuse) {
      const code = refusalCode(latin1Text(bytes, at, Math.min(frame.end, at + maxConnectText)))
      message.status = code === 0 ? ResponseStatus.serverError : statusOf(code)
      if (code !== 0) message.code = code
      message.exception = code === 0 ? "refused" : `ORA-${`${code}`.padStart(5, "0")}`
    } else message.result = "redirect"
    message.endpoint = (this.calls.shift() ?? connecting).statement.endpoint
    this.stats.responses++
    this.sink.message(message)
  }

  private clientData(frame: Frame): void {
    const { bytes, start } = frame
    const at = start + dataAt
    const end = Math.min(frame.end, start + frame.length)
    const goesOn = this.isLongCall
    this.isLongCall = frame.length >= this.dataUnit
    if (this.connect !== null) {
      this.connectText(this.connect, latin1Text(bytes, Math.min(at, end), end))
      return
    }
    // What client and server agree on before the login is no call of anybody's.
    if (goesOn || at >= end || bytes[at] === Kind.protocol || bytes[at] === Kind.dataTypes) return
    if (bytes[at] === Kind.fastAuthentication) {
      this.login(frame, "FAST_AUTHENTICATION", end)
      return
    }
    const call = callAt(bytes, at, end)
    if (call < 0) {
      this.stats.skippedBytes += frame.length
      return
    }
    const code = bytes[call + 1]
    if (code === Call.authPhaseOne || code === Call.authPhaseTwo) {
      this.login(frame, callName(code) ?? "", end)
      return
    }
    const message = this.request(frame, callName(code) ?? `function ${code}`)
    message.isAsync = bytes[call] === Kind.oneWay
    const statement = this.statementOf(message, code, bytes, call + 3, end)
    message.requestResource = statement.text
    message.endpoint = statement.endpoint
    this.ask(message, { code, statement })
  }

  private request(frame: Frame, type: string): L7Message {
    const message = this.messageOf(frame, RecordType.request, L7Protocol.oracle)
    message.version = this.version
    message.requestType = type
    message.requestDomain = this.service
    message.length = frame.length
    return message
  }

  /** The text of a call to execute, or that of the cursor which is named. */
  private statementOf(
    message: L7Message,
    code: number,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): PreparedStatement {
    const isExecute = code === Call.execute
    if (!isExecute && code !== Call.reexecute && code !== Call.reexecuteAndFetch && code !== Call.fetch)
      return noStatement
    if (isExecute) {
      const text = statementText(bytes, at, end)
      if (text.length > 0) {
        this.sql.read(text, 0, text.length)
        this.sql.readTrace(message)
        return { text: this.sql.text, endpoint: this.sql.endpoint }
      }
    }
    reader.reset(bytes, at, end)
    // Since version 23 a token, which is 0, stands first.
    let value = number()
    if (value === 0) value = number()
    const cursor = isExecute ? number() : value
    return reader.isShort ? noStatement : (this.statements.get(cursor) ?? noStatement)
  }

  private login(frame: Frame, type: string, end: number): void {
    const message = this.request(frame, type)
    const user = readUser(frame.bytes, frame.start + dataAt, end)
    if (user !== "") message.requestResource = message.endpoint = `Login username: ${user}`
    this.ask(message, { code: Call.authPhaseOne, statement: { text: "", endpoint: message.endpoint } })
  }

  private ask(message: L7Message, waiting: Waiting): void {
    // The end of the answer before was lost, or not seen as such.
    if (this.isAnswering) this.finish(undefined)
    else if (this.isPart && this.calls.length > 0) {
      this.calls.length = 0
      this.sink.desync(Direction.toClient)
    }
    this.isPart = false
    if (!message.isAsync) {
      if (this.calls.length >= maxCalls) {
        this.calls.shift()
        this.stats.overflows++
      }
      this.calls.push(waiting)
    }
    this.stats.requests++
    this.sink.message(message)
  }

  private serverData(frame: Frame): void {
    const { bytes, start } = frame
    const at = start + dataAt
    if (this.calls.length === 0 || at > frame.end) {
      this.stats.skippedBytes += frame.length
      return
    }
    if (!this.isAnswering) {
      this.isAnswering = true
      this.startUs = frame.startUs
      this.tcpSeq = frame.tcpSeq
      this.length = this.captured = 0
    }
    this.endUs = frame.endUs
    this.length += frame.length
    this.captured += frame.captured
    const saysEnd = (u16At(bytes, start + headerLength) & DataFlag.endOfResponse) !== 0
    if (!saysEnd && frame.length >= this.dataUnit) return
    const isWhole = frame.end >= start + frame.length
    if (!isWhole) this.isPart = true
    this.finish(isWhole ? (readErrorInfo(bytes, at, frame.end) ?? plain) : undefined)
  }

  /** `info`: the outcome, `plain` for one that says nothing of errors; undefined when the end of the answer was not seen. */
  private finish(info: ErrorInfo | undefined): void {
    const { code, statement } = this.calls.shift() ?? connecting
    shown.startUs = this.startUs
    shown.endUs = this.endUs
    shown.tcpSeq = this.tcpSeq
    shown.captured = this.captured
    const message = this.messageOf(shown, RecordType.response, L7Protocol.oracle)
    this.isAnswering = false
    message.version = this.version
    message.endpoint = statement.endpoint
    if (info === undefined || this.isPart) this.stats.truncated++
    else message.length = this.length
    this.isPart = false
    if (info !== undefined) this.describeOutcome(message, code, statement, info)
    this.stats.responses++
    this.sink.message(message)
  }

  private describeOutcome(
    message: L7Message,
    code: number,
    statement: PreparedStatement,
    info: ErrorInfo,
  ): void {
    message.status = statusOf(info.code)
    if (message.status !== ResponseStatus.ok) {
      message.code = info.code
      // Further lines tell details, values among them.
      const text = this.masksLiterals ? maskQuoted(info.text.split("\n", 1)[0], "'") : info.text
      message.exception = text === "" ? `ORA-${`${info.code}`.padStart(5, "0")}` : text
      return
    }
    if (info.cursor > 0 && statement.text !== "") this.statements.set(info.cursor, statement)
    const isStatement = code === Call.execute || code === Call.reexecute || code === Call.reexecuteAndFetch
    if (info.rows < 0 || !(isStatement || code === Call.fetch)) return
    const isChange = /^(?:INSERT|UPDATE|DELETE|MERGE)\b/.test(statement.endpoint)
    message.attributes = [isChange ? "sql_affected_rows" : "rows", `${info.rows}`]
  }
}

const plain: ErrorInfo = { code: 0, rows: -1, cursor: 0, text: "" }

/** The name before the first of the named values of a login, with its length before it. */
const readUser = (bytes: Uint8Array, at: number, end: number): string => {
  const text = latin1Text(bytes, at, Math.min(end, at + maxKept))
  const found = /AUTH_(?:TERMINAL|SESSKEY|PROGRAM_NM|PASSWORD)|PROXY_CLIENT_NAME/.exec(text)
  if (found === null) return ""
  // Before the key: its length as a number, and again in one byte.
  const nameEnd = found.index - 3
  for (let length = 1; length <= Math.min(maxUser, nameEnd); length++) {
    if (text.charCodeAt(nameEnd - length - 1) === length) return text.slice(nameEnd - length, nameEnd)
  }
  return ""
}
