// The ClickHouse parser of one connection: hellos, queries with what the server sends of their answer up to its end, pings.
// A connection does one thing at a time, so order pairs. Rows are passed over, as are compressed blocks.
// Bound: 4 KiB of a statement, 64 KiB of the name of a type, for each direction.

import { Buffer } from "node:buffer"
import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { utf8Text } from "../latin1.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { maskQuoted } from "../sql/quotedValues.ts"
import type { SqlReader } from "../sql/SqlReader.ts"
import type { ByteStream, Reading } from "../streamed/ByteStream.ts"
import { StreamedConnection } from "../streamed/StreamedConnection.ts"
import { Answer } from "./Answer.ts"
import { mayBeBlock, passBlock, passCompressed } from "./blocks.ts"
import { isAddendum, isQuery } from "./detect.ts"
import { statusOf } from "./errors.ts"
import { ClientPacket, ServerPacket } from "./packets.ts"
import { passParameters, passText, type Query, readQuery, shortText } from "./query.ts"
import { maxRevision, minRevision, Revision } from "./revisions.ts"

const maxExceptionText = 2048
/** A text, or a list of tables or rules, that is longer is none. */
const maxText = 2 ** 31
const maxShownText = 512
const maxNested = 8
const maxRules = 1024
const maxTables = 65_536
const maxServerSettings = 4096

const secretSetting = /password|secret|token|key/i
const plainSetting = /^[\w.-]{0,32}$/

/** Packets that end an answer which is no error. */
const endings = new Set<number>([
  ServerPacket.hello,
  ServerPacket.pong,
  ServerPacket.endOfStream,
  ServerPacket.tablesStatus,
])

export class ClickHouseConnection extends StreamedConnection {
  private clientRevision = 0
  private serverRevision = 0
  /** The lower one of both sides; 0 when their hellos were not seen. */
  private revision = 0
  private version = ""
  private database = ""
  private isCompressed = false
  private isAnswering = false
  private readonly answer = new Answer()
  private readonly reader: SqlReader
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, reader: SqlReader, stats: ParserStats, masksLiterals: boolean) {
    super(sink, stats)
    this.reader = reader
    this.masksLiterals = masksLiterals
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    if (direction === Direction.toServer)
      return isQuery(bytes, start, end) || (end - start === 1 && bytes[start] === ClientPacket.ping)
    const type = bytes[start]
    if (end - start === 1) return type === ServerPacket.endOfStream || type === ServerPacket.pong
    if (type === ServerPacket.exception)
      return end - start > 20 && utf8Text(bytes, start + 6, start + 17).startsWith("DB::")
    const isBlock = type === ServerPacket.data || type === ServerPacket.profileEvents
    return isBlock && bytes[start + 1] === 0 && mayBeBlock(bytes, start + 2, end)
  }

  /** What is outstanding may still be answered: an answer says where it ends. */
  protected override lost(direction: Direction): void {
    if (direction === Direction.toServer) return
    const { answer } = this
    answer.isPart = true
    if (answer.code !== 0) this.finish(statusOf(answer.code))
  }

  protected override *messages(direction: Direction, stream: ByteStream): Reading<void> {
    for (;;) {
      yield* stream.begin()
      // Joined between the client's hello and its first query.
      const isJoined = direction === Direction.toServer && this.clientRevision === 0
      if (isJoined && isAddendum(stream.bytes, stream.at, stream.end)) yield* stream.u8()
      const type = yield* stream.varint()
      const isRead =
        direction === Direction.toServer
          ? yield* this.fromClient(stream, type)
          : yield* this.fromServer(stream, type)
      if (!isRead || this.hasLeft) return
    }
  }

  private *fromClient(stream: ByteStream, type: number): Reading<boolean> {
    switch (type) {
      case ClientPacket.hello:
        return yield* this.clientHello(stream)
      case ClientPacket.query:
        return yield* this.query(stream)
      case ClientPacket.data:
      case ClientPacket.scalar:
        return (yield* passText(stream)) && (yield* this.passRows(stream, this.isCompressed))
      case ClientPacket.tablesStatus: {
        this.expect()
        const message = this.request(stream, "TablesStatus")
        if (!(yield* this.passTables(stream, 0))) return false
        this.sink.message(message)
        return true
      }
      case ClientPacket.cancel: {
        const message = this.request(stream, "Cancel")
        message.isAsync = true
        this.sink.message(message)
        return true
      }
      case ClientPacket.ping: {
        this.expect()
        this.sink.message(this.request(stream, "Ping"))
        return true
      }
      default:
        return type === ClientPacket.keepAlive
    }
  }

  private *clientHello(stream: ByteStream): Reading<boolean> {
    const name = (yield* shortText(stream)) ?? ""
    yield* stream.varint()
    yield* stream.varint()
    const revision = yield* stream.varint()
    if (revision < minRevision || revision > maxRevision) return false
    this.clientRevision = revision
    const database = (yield* shortText(stream)) ?? ""
    const user = (yield* shortText(stream)) ?? ""
    if (!(yield* passText(stream))) return false
    this.expect()
    const message = this.request(stream, "Hello")
    this.database = message.requestDomain = database
    message.requestResource = `Login username: ${user}${database === "" ? "" : ` db: ${database}`}`
    message.endpoint = message.requestResource
    message.attributes = ["client_name", name]
    this.answer.endpoint = message.endpoint
    this.sink.message(message)
    // The addendum comes when the server has told its revision.
    while (stream.at === stream.end) yield
    const agreed = this.revision === 0 ? revision : this.revision
    if (agreed < Revision.addendum || (this.revision === 0 && isQuery(stream.bytes, stream.at, stream.end)))
      return true
    if (!(yield* passText(stream))) return false
    if (agreed >= Revision.chunked) {
      const sends = yield* shortText(stream)
      const takes = yield* shortText(stream)
      if (sends === "chunked" || takes === "chunked") {
        this.leave()
        return true
      }
    }
    if (agreed >= Revision.replicasVersion) yield* stream.varint()
    return true
  }

  private *query(stream: ByteStream): Reading<boolean> {
    const query: Query = {
      id: "",
      user: "",
      clientName: "",
      traceId: "",
      spanId: "",
      isCompressed: false,
      settings: [],
      statement: new Uint8Array(0),
      isStatementCut: false,
    }
    const revision = yield* readQuery(stream, this.revision, this.serverRevision, query)
    if (revision < 0) return false
    this.revision = revision
    this.isCompressed = query.isCompressed
    this.expect()
    const message = this.request(stream, "Query")
    const { reader } = this
    reader.read(query.statement, 0, query.statement.length)
    message.requestResource = reader.text
    message.endpoint = reader.endpoint
    message.traceId = query.traceId
    message.spanId = query.spanId
    if (query.traceId === "") reader.readTrace(message)
    this.answer.endpoint = reader.endpoint
    this.answer.database = reader.keyword === "USE" ? reader.table : ""
    this.describe(message, query)
    if (query.isStatementCut) this.stats.truncated++
    this.sink.message(message)
    return yield* passParameters(stream, revision)
  }

  private describe(message: L7Message, query: Query): void {
    const attributes: Array<string> = []
    if (query.id !== "") attributes.push("query_id", query.id)
    if (query.clientName !== "") attributes.push("client_name", query.clientName)
    if (query.user !== "") attributes.push("user", query.user)
    const shown: Array<string> = []
    for (let i = 0; i < query.settings.length; i += 2) {
      const name = query.settings[i]
      const value = query.settings[i + 1]
      const isShown = !secretSetting.test(name) && (!this.masksLiterals || plainSetting.test(value))
      shown.push(`${name}=${isShown ? value : "?"}`)
    }
    if (shown.length > 0) attributes.push("settings", shown.join(" "))
    message.attributes = attributes
  }

  private request(stream: ByteStream, type: string): L7Message {
    const message = this.messageOf(stream, RecordType.request, L7Protocol.clickHouse)
    message.requestType = type
    message.version = this.version
    message.requestDomain = this.database
    this.stats.requests++
    return message
  }

  /** A request begins: the end of an answer before it was lost. */
  private expect(): void {
    if (this.isAnswering) this.sink.desync(Direction.toClient)
    this.isAnswering = true
    this.answer.reset()
  }

  private *passRows(stream: ByteStream, isCompressed: boolean): Reading<boolean> {
    if (isCompressed) return yield* passCompressed(stream)
    return yield* passBlock(stream, this.revision)
  }

  /** Names of tables, and of a server of this revision the state of each. */
  private *passTables(stream: ByteStream, revision: number): Reading<boolean> {
    const count = yield* stream.varint()
    if (count > maxTables) return false
    for (let i = 0; i < count; i++) {
      if (!(yield* passText(stream)) || !(yield* passText(stream))) return false
      if (revision === 0 || (yield* stream.u8()) === 0) continue
      yield* stream.varint()
      if (revision >= Revision.readOnlyCheck) yield* stream.varint()
    }
    return true
  }

  private *fromServer(stream: ByteStream, type: number): Reading<boolean> {
    const { answer } = this
    if (!answer.isOpen) answer.begin(stream)
    const isRead = yield* this.serverPacket(stream, type)
    answer.take(stream)
    if (!isRead) return false
    if (endings.has(type)) this.finish(ResponseStatus.ok)
    else if (type === ServerPacket.exception) this.finish(statusOf(answer.code))
    return true
  }

  private *serverPacket(stream: ByteStream, type: number): Reading<boolean> {
    switch (type) {
      case ServerPacket.hello:
        return yield* this.serverHello(stream)
      case ServerPacket.exception:
        return yield* this.exception(stream)
      case ServerPacket.progress:
        return yield* this.answer.progress(stream, this.revision)
      case ServerPacket.profileInfo:
        return yield* this.answer.profileInfo(stream, this.revision)
      case ServerPacket.data:
      case ServerPacket.totals:
      case ServerPacket.extremes:
        return (yield* passText(stream)) && (yield* this.passRows(stream, this.isCompressed))
      case ServerPacket.log:
      case ServerPacket.profileEvents: {
        const isCompressed = this.isCompressed && this.revision >= Revision.compressedEvents
        return (yield* passText(stream)) && (yield* this.passRows(stream, isCompressed))
      }
      case ServerPacket.tableColumns:
        if (this.isCompressed && this.revision >= Revision.compressedEvents)
          return yield* passCompressed(stream)
        return (yield* passText(stream)) && (yield* passText(stream))
      case ServerPacket.tablesStatus:
        return yield* this.passTables(stream, this.revision)
      case ServerPacket.timezoneUpdate:
        return yield* passText(stream)
      default:
        return (
          type === ServerPacket.endOfStream ||
          type === ServerPacket.pong ||
          type === ServerPacket.readTaskRequest
        )
    }
  }

  private *serverHello(stream: ByteStream): Reading<boolean> {
    if (!(yield* passText(stream))) return false
    const major = yield* stream.varint()
    const minor = yield* stream.varint()
    const own = yield* stream.varint()
    if (own < minRevision || own > maxRevision) return false
    this.serverRevision = own
    this.version = `${major}.${minor}`
    // What follows depends on the revision of a client whose hello was not seen.
    if (this.clientRevision === 0) return false
    const revision = Math.min(own, this.clientRevision)
    if (revision >= Revision.replicasVersion) yield* stream.varint()
    if (revision >= Revision.serverTimezone && !(yield* passText(stream))) return false
    if (revision >= Revision.displayName && !(yield* passText(stream))) return false
    if (revision >= Revision.versionPatch) this.version += `.${yield* stream.varint()}`
    if (revision >= Revision.chunked && !((yield* passText(stream)) && (yield* passText(stream))))
      return false
    if (revision >= Revision.passwordRules) {
      const rules = yield* stream.varint()
      if (rules > maxRules) return false
      for (let i = 0; i < rules * 2; i++) if (!(yield* passText(stream))) return false
    }
    if (revision >= Revision.nonce) yield* stream.pass(8)
    if (revision >= Revision.serverSettings && !(yield* this.passServerSettings(stream))) return false
    if (revision >= Revision.queryPlan) yield* stream.varint()
    if (revision >= Revision.clusterFunctions) yield* stream.varint()
    this.revision = revision
    return true
  }

  private *passServerSettings(stream: ByteStream): Reading<boolean> {
    for (let i = 0; i < maxServerSettings; i++) {
      const name = yield* shortText(stream)
      if (name === undefined) return false
      if (name === "") return true
      yield* stream.varint()
      if (!(yield* passText(stream))) return false
    }
    return false
  }

  private *exception(stream: ByteStream): Reading<boolean> {
    const { answer } = this
    for (let i = 0; i < maxNested; i++) {
      const code = (yield* stream.little(4)) | 0
      if (!(yield* passText(stream))) return false
      const length = yield* stream.varint()
      if (length > maxText) return false
      const bytes = yield* stream.take(length, maxExceptionText)
      if (i === 0) {
        answer.code = code
        answer.text = this.exceptionText(bytes)
      }
      if (!(yield* passText(stream))) return false
      if ((yield* stream.u8()) === 0) return true
    }
    return false
  }

  /** Texts quote the statement and values of rows. */
  private exceptionText(bytes: Uint8Array): string {
    const text = utf8Text(bytes, 0, bytes.length).replace(/^DB::Exception: /, "")
    if (!this.masksLiterals) return text.slice(0, maxShownText)
    const plain = Buffer.from(maskQuoted(text, "'"))
    this.reader.read(plain, 0, plain.length)
    return this.reader.text.slice(0, maxShownText)
  }

  private finish(status: ResponseStatus): void {
    const { answer } = this
    answer.isOpen = false
    this.isAnswering = false
    if (status === ResponseStatus.ok && answer.database !== "") this.database = answer.database
    if (answer.isPart) this.stats.truncated++
    this.stats.responses++
    this.sink.message(answer.message(status, this.version))
    answer.reset()
  }
}
