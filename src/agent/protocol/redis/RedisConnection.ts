// The Redis parser of one connection: commands in one direction, replies and pushes in the other, over any split of the bytes.
// Invariants: memory is constant (two readers); a malformed value ends in `lost`, which ends at the next feed that may begin
// a message; replies that nobody asked for (pub/sub, MONITOR, invalidations) are emitted as one-way messages.

import { emptyMessage, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { asUtf8, latin1Text } from "../latin1.ts"
import { type ParserStats, resync } from "../ParserStats.ts"
import { type ConnectionParser, Direction, type MessageSink } from "../Protocol.ts"
import type { CommandLine } from "./commandLine.ts"
import { mayBeginMessage } from "./detect.ts"
import { RespReader } from "./RespReader.ts"
import { RespType } from "./RespType.ts"

/** Subscriptions of which the confirmations are counted; beyond it they pair one to one. */
const maxConfirmations = 64

const resultNames: Record<number, string> = {
  [RespType.simple]: "SimpleString",
  [RespType.integer]: "Integer",
  [RespType.bulk]: "BulkString",
  [RespType.array]: "Array",
  [RespType.nothing]: "Null",
  [RespType.boolean]: "Boolean",
  [RespType.double]: "Double",
  [RespType.bigNumber]: "BigNumber",
  [RespType.verbatim]: "VerbatimString",
  [RespType.map]: "Map",
  [RespType.set]: "Set",
  [RespType.push]: "Push",
}

/** One direction: its reader and the message being read. */
class Half {
  readonly reader: RespReader
  isLost = false
  isOpen = false
  startUs = 0
  endUs = 0
  tcpSeq = 0
  captured = 0
  length = 0

  constructor(isRequest: boolean) {
    this.reader = new RespReader(isRequest)
  }
}

const isSubscription = (command: string): boolean => command.endsWith("SUBSCRIBE")

export class RedisConnection implements ConnectionParser {
  private readonly requests = new Half(true)
  private readonly responses = new Half(false)
  private hasLeft = false
  /** Requests that await a reply. */
  private awaiting = 0
  private isReplyOff = false
  private skipsReply = false
  private isMonitoring = false
  private subscriptions = 0
  /** For each SUBSCRIBE under way: how many confirmations it will get. */
  private readonly confirmations: Array<number> = []
  /** Confirmations still to come of the subscription that was answered last. */
  private furtherConfirmations = 0

  private readonly sink: MessageSink
  private readonly commandLine: CommandLine
  private readonly stats: ParserStats
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, commandLine: CommandLine, stats: ParserStats, masksLiterals: boolean) {
    this.sink = sink
    this.commandLine = commandLine
    this.stats = stats
    this.masksLiterals = masksLiterals
  }

  /** Bytes this parser holds, for tests of its bound. */
  get bufferedBytes(): number {
    return this.requests.reader.arena.length + this.responses.reader.arena.length
  }

  feed(
    direction: Direction,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void {
    if (this.hasLeft) return
    const isRequest = direction === Direction.toServer
    const half = isRequest ? this.requests : this.responses
    let at = start
    if (half.isLost && start < end) {
      at = resync(half, mayBeginMessage(bytes, start, end, isRequest), start, end, this.stats)
    }
    const reader = half.reader
    while (at < end && !half.isLost) {
      if (!half.isOpen) this.open(half, timeUs, tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0)
      const next = reader.scan(bytes, at, end)
      half.captured += next - at
      half.length += next - at
      half.endUs = timeUs
      at = next
      if (reader.isDone) this.complete(half, direction, false)
      else if (reader.isBroken) {
        this.stats.malformed++
        this.stats.skippedBytes += end - at
        this.lose(half, direction)
      }
      if (this.hasLeft) return
    }
    if (missing > 0) this.skipMissing(half, direction, missing, timeUs)
  }

  close(_timeUs: number): void {
    if (this.hasLeft) return
    if (this.requests.isOpen) this.completePart(this.requests, Direction.toServer)
    if (this.responses.isOpen) this.completePart(this.responses, Direction.toClient)
    this.hasLeft = true
  }

  private open(half: Half, timeUs: number, tcpSeq: number): void {
    half.reader.begin()
    half.isOpen = true
    half.startUs = timeUs
    half.tcpSeq = tcpSeq
    half.captured = 0
    half.length = 0
  }

  private skipMissing(half: Half, direction: Direction, missing: number, timeUs: number): void {
    if (half.isLost) {
      this.stats.skippedBytes += missing
      return
    }
    const left = half.isOpen ? half.reader.skip(missing) : missing
    half.length += missing - left
    half.endUs = timeUs
    if (half.isOpen && half.reader.isDone) this.complete(half, direction, false)
    if (left === 0 || this.hasLeft) return
    this.stats.skippedBytes += left
    if (half.isOpen) this.completePart(half, direction)
    this.lose(half, direction)
  }

  private lose(half: Half, direction: Direction): void {
    half.isLost = true
    half.isOpen = false
    // Lost replies of which none was awaited cannot confuse any pair.
    if (direction === Direction.toClient && this.awaiting === 0) return
    this.awaiting = 0
    this.confirmations.length = 0
    this.furtherConfirmations = 0
    this.sink.desync(direction)
  }

  /** Of the message only a part will be seen: hands over what is known when that is enough to name it. */
  private completePart(half: Half, direction: Direction): void {
    const { reader } = half
    const isNamed = direction === Direction.toServer ? reader.texts > 0 : reader.type !== RespType.none
    if (isNamed && reader.type !== RespType.inline) {
      this.stats.truncated++
      this.complete(half, direction, true)
    } else half.isOpen = false
  }

  private complete(half: Half, direction: Direction, isPart: boolean): void {
    half.isOpen = false
    if (direction === Direction.toServer) this.completeRequest(half, isPart)
    else this.completeResponse(half, isPart)
  }

  private message(half: Half, type: L7Message["type"], isPart: boolean): L7Message {
    const message = emptyMessage(type, L7Protocol.redis, half.startUs, half.tcpSeq)
    message.endUs = half.endUs
    message.capturedBytes = half.captured
    if (!isPart) message.length = half.length
    return message
  }

  private completeRequest(half: Half, isPart: boolean): void {
    const { reader } = half
    if (reader.type === RespType.inline) reader.splitInline()
    // `*0` and `*-1` are allowed and mean nothing.
    if (reader.texts === 0) return
    const count = reader.arity
    const { commandLine } = this
    commandLine.read(reader, count)
    const message = this.message(half, RecordType.request, isPart)
    message.requestType = commandLine.command
    message.requestResource = commandLine.line
    message.endpoint = commandLine.command
    message.isAsync = !this.isAnswered(commandLine.command, reader, count)
    if (!message.isAsync) this.awaiting++
    this.stats.requests++
    this.sink.message(message)
    if (commandLine.command === "PSYNC" || commandLine.command === "SYNC") {
      // The connection becomes a replication stream.
      this.hasLeft = true
      this.sink.leave()
    }
  }

  /** Whether the server replies to this command; follows what the client asked for with CLIENT REPLY. */
  private isAnswered(command: string, reader: RespReader, count: number): boolean {
    const wasSkipped = this.skipsReply
    this.skipsReply = false
    if (command === "CLIENT" && count === 3 && this.text(reader, 1) === "REPLY") {
      const mode = this.text(reader, 2)
      if (mode === "ON") this.isReplyOff = false
      else if (mode === "OFF") this.isReplyOff = true
      else if (mode === "SKIP") this.skipsReply = true
      return mode !== "OFF" && mode !== "SKIP" && !this.isReplyOff
    }
    if (this.isReplyOff || wasSkipped) return false
    if (command === "MONITOR") this.isMonitoring = true
    else if (command === "RESET") this.isMonitoring = false
    else if (isSubscription(command) && this.confirmations.length < maxConfirmations) {
      const confirmed = count > 1 ? count - 1 : Math.max(1, this.subscriptions)
      this.confirmations.push(confirmed)
    }
    return true
  }

  private text(reader: RespReader, index: number): string {
    return index < reader.texts
      ? latin1Text(reader.arena, reader.textStart(index), reader.ends[index]).toUpperCase()
      : ""
  }

  private completeResponse(half: Half, isPart: boolean): void {
    const { reader } = half
    const { type } = reader
    let pushed = ""
    if (type === RespType.push || (type === RespType.array && this.expectsPush(reader)))
      pushed = this.text(reader, 0)
    else if (type === RespType.simple && this.isMonitoring && this.isMonitorLine(reader)) pushed = "MONITOR"
    if (isSubscription(pushed)) {
      if (!this.confirm(reader)) return
      pushed = ""
    }
    const message = this.message(half, RecordType.response, isPart)
    message.result = reader.isNull ? "Null" : (resultNames[type] ?? "")
    message.status = ResponseStatus.ok
    if (type === RespType.error || type === RespType.bulkError) {
      message.status = ResponseStatus.serverError
      message.exception = this.exception(reader)
    }
    if (pushed !== "") this.describePush(message, reader, pushed)
    else if (this.awaiting > 0) this.awaiting--
    this.stats.responses++
    this.sink.message(message)
  }

  /** In RESP2 a push looks like any array: only the state of the connection tells. */
  private expectsPush(reader: RespReader): boolean {
    if (reader.arity < 3 || reader.arity > 4 || reader.texts === 0) return false
    if (this.subscriptions === 0 && this.confirmations.length === 0 && this.awaiting > 0) return false
    const length = reader.ends[0]
    if (length < 7 || length > 12) return false
    const kind = this.text(reader, 0)
    return isSubscription(kind) || kind === "MESSAGE" || kind === "PMESSAGE" || kind === "SMESSAGE"
  }

  /** `+1339518083.107412 [0 127.0.0.1:60866] "keys" "*"` */
  private isMonitorLine(reader: RespReader): boolean {
    const first = reader.arena[0]
    return reader.texts > 0 && reader.ends[0] > 17 && first >= 48 && first <= 57
  }

  /** Takes the confirmation of one channel; true when it is the first of its command and so its reply. */
  private confirm(reader: RespReader): boolean {
    const total = reader.texts > 2 ? Number(this.text(reader, 2)) : 0
    this.subscriptions = total >= 0 && total < 2 ** 31 ? total : 0
    if (this.furtherConfirmations > 0) {
      this.furtherConfirmations--
      return false
    }
    const expected = this.confirmations.shift()
    if (expected === undefined) return this.awaiting > 0
    this.furtherConfirmations = expected - 1
    return true
  }

  private describePush(message: L7Message, reader: RespReader, kind: string): void {
    message.isAsync = true
    message.requestType = kind
    message.endpoint = kind
    // The payload and MONITOR's lines are values; the channel names a thing.
    if (kind === "MONITOR" || reader.texts < 2) return
    const channel = asUtf8(latin1Text(reader.arena, reader.textStart(1), reader.ends[1]))
    message.requestResource = kind === "INVALIDATE" ? kind : `${kind} ${channel}`
  }

  /** Errors quote the arguments of commands that Redis does not know. */
  private exception(reader: RespReader): string {
    if (reader.texts === 0) return ""
    const text = asUtf8(latin1Text(reader.arena, 0, reader.ends[0]))
    const quoted = this.masksLiterals ? text.indexOf(", with args beginning with") : -1
    return quoted < 0 ? text : text.slice(0, quoted)
  }
}
