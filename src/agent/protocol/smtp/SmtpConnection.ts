// The SMTP parser of one connection: commands, replies of one or more lines, and mails, of which only the size is kept. After
// STARTTLS the connection is left. Keeps 512 bytes for each direction and what the last 256 commands were.

import { emptyMessage, type L7Message, RecordType } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { asUtf8 } from "../latin1.ts"
import { type ParserStats, resync } from "../ParserStats.ts"
import { type ConnectionParser, Direction, type MessageSink } from "../Protocol.ts"
import { readCommand } from "./commands.ts"
import { mayBeginLine } from "./detect.ts"
import { Lines } from "./Lines.ts"
import { readReply, replyCode } from "./replies.ts"

/** What the client's next bytes are. After DATA and AUTH it is known before the reply, which may take it back. */
const Mode = { command: 0, content: 1, secret: 2, chunk: 3, handshake: 4 } as const
type Mode = (typeof Mode)[keyof typeof Mode]

const maxAwaited = 256
const maxChunk = 2 ** 40

const codeContent = 354
const codeSecret = 334

export class SmtpConnection implements ConnectionParser {
  private readonly client = new Lines()
  private readonly server = new Lines()
  private mode: Mode = Mode.command
  private chunkRemaining = 0
  private chunk: L7Message | null = null
  /** Commands that await their reply, oldest first. */
  private awaited: Array<string> = []
  /** Of the reply at hand, when a line of it was read. */
  private reply: L7Message | null = null
  private hasLeft = false
  private readonly sink: MessageSink
  private readonly stats: ParserStats
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, stats: ParserStats, masksLiterals: boolean) {
    this.sink = sink
    this.stats = stats
    this.masksLiterals = masksLiterals
  }

  get bufferedBytes(): number {
    return this.client.kept.length + this.server.kept.length
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
    const lines = isRequest ? this.client : this.server
    let at = start
    if (lines.isLost && start < end) {
      at = resync(lines, mayBeginLine(bytes, start, end, isRequest), start, end, this.stats)
    }
    while (at < end && !this.hasLeft && !lines.isLost) {
      if (isRequest && this.mode === Mode.handshake) return
      if (!lines.isOpen) lines.begin(timeUs, tcpSeq === 0 ? 0 : (tcpSeq + at - start) >>> 0)
      at = isRequest ? this.takeRequest(bytes, at, end, timeUs) : this.takeReply(bytes, at, end, timeUs)
    }
    if (missing > 0 && !this.hasLeft) this.skipMissing(isRequest, lines, missing, timeUs)
  }

  close(_timeUs: number): void {
    if (this.chunk !== null) {
      this.stats.truncated++
      this.emitRequest(this.chunk, "BDAT")
      this.chunk = null
    } else if (this.mode === Mode.content && this.client.isOpen) {
      this.stats.truncated++
      this.endContent(this.client.startUs)
    }
    this.hasLeft = true
  }

  private takeRequest(bytes: Uint8Array, at: number, end: number, timeUs: number): number {
    const { client } = this
    if (this.mode === Mode.chunk) {
      const taken = Math.min(this.chunkRemaining, end - at)
      this.takeChunk(taken, taken, timeUs)
      return at + taken
    }
    if (this.mode === Mode.content) {
      const next = client.takeContent(bytes, at, end)
      if (client.isDone) this.endContent(timeUs)
      return next
    }
    const next = client.takeLine(bytes, at, end)
    if (client.isDone) this.takeCommand(timeUs)
    return next
  }

  private takeCommand(timeUs: number): void {
    const { client } = this
    const message = this.message(RecordType.request, client, timeUs)
    const { line } = client
    client.begin(0, 0)
    if (this.mode === Mode.secret) {
      message.requestType = "AUTH"
      message.endpoint = "AUTH"
      message.requestResource = "?"
      this.emitRequest(message, "AUTH")
      return
    }
    readCommand(asUtf8(line), message, this.masksLiterals)
    const verb = message.requestType
    if (verb === "BDAT") {
      const size = Number(/^\S+ +(\d{1,15})(?: |$)/.exec(line)?.[1] ?? 0)
      this.chunkRemaining = size <= maxChunk ? size : 0
      message.length = size
      if (this.chunkRemaining > 0) {
        this.chunk = message
        this.mode = Mode.chunk
        return
      }
    }
    if (verb === "DATA") this.mode = Mode.content
    else if (verb === "AUTH") this.mode = Mode.secret
    else if (verb === "STARTTLS") this.mode = Mode.handshake
    this.emitRequest(message, verb)
  }

  private takeChunk(length: number, captured: number, timeUs: number): void {
    this.chunkRemaining -= length
    const message = this.chunk as L7Message
    message.capturedBytes += captured
    message.endUs = timeUs
    if (this.chunkRemaining > 0) return
    this.chunk = null
    this.mode = Mode.command
    this.emitRequest(message, "BDAT")
  }

  private endContent(timeUs: number): void {
    const message = this.message(RecordType.request, this.client, timeUs)
    message.requestType = "MESSAGE"
    message.endpoint = "MESSAGE"
    this.client.begin(0, 0)
    this.mode = Mode.command
    this.emitRequest(message, "MESSAGE")
  }

  private emitRequest(message: L7Message, verb: string): void {
    if (this.awaited.length >= maxAwaited) {
      this.stats.overflows++
      this.awaited.shift()
    }
    this.awaited.push(verb)
    this.stats.requests++
    this.sink.message(message)
  }

  private takeReply(bytes: Uint8Array, at: number, end: number, timeUs: number): number {
    const { server } = this
    const next = server.takeLine(bytes, at, end)
    if (!server.isDone) return next
    const { line } = server
    const code = replyCode(line)
    if (code === 0) {
      this.stats.malformed++
      this.stats.skippedBytes += end - next
      this.lose(server, Direction.toClient)
      return next
    }
    if (this.reply === null) this.reply = this.message(RecordType.response, server, timeUs)
    else {
      this.reply.length += server.length
      this.reply.capturedBytes += server.captured
      this.reply.endUs = timeUs
    }
    server.begin(0, 0)
    if (line[3] === "-") return next
    const { reply } = this
    this.reply = null
    readReply(code, asUtf8(line.slice(4)), reply, this.masksLiterals)
    this.endReply(reply, code, timeUs)
    return next
  }

  private endReply(reply: L7Message, code: number, timeUs: number): void {
    // Whoever answers a mail has seen its end, which was lost here.
    if (
      this.mode === Mode.content &&
      this.awaited.length === 0 &&
      this.client.isOpen &&
      code !== codeContent
    ) {
      this.stats.truncated++
      this.endContent(timeUs)
    }
    const verb = this.awaited.shift()
    if (verb === undefined) {
      reply.isAsync = true
      reply.requestType = code === 220 || code === 554 ? "GREETING" : "NOTICE"
      reply.endpoint = reply.requestType
    }
    this.stats.responses++
    this.sink.message(reply)
    if (verb === "DATA" && code !== codeContent && this.mode === Mode.content) this.mode = Mode.command
    else if (verb === "AUTH" && code !== codeSecret && this.mode === Mode.secret) this.mode = Mode.command
    else if (verb === "STARTTLS") {
      this.mode = Mode.command
      if (code !== 220) return
      this.hasLeft = true
      this.sink.leave()
    }
  }

  private skipMissing(isRequest: boolean, lines: Lines, missing: number, timeUs: number): void {
    this.stats.skippedBytes += missing
    if (lines.isLost) return
    if (isRequest && this.mode === Mode.content) {
      if (!lines.isOpen) lines.begin(timeUs, 0)
      lines.skipContent(missing)
      return
    }
    if (isRequest && this.mode === Mode.chunk && missing <= this.chunkRemaining) {
      this.takeChunk(missing, 0, timeUs)
      return
    }
    this.lose(lines, isRequest ? Direction.toServer : Direction.toClient)
  }

  private lose(lines: Lines, direction: Direction): void {
    lines.isLost = true
    lines.begin(0, 0)
    if (direction === Direction.toServer) {
      if (this.chunk !== null) {
        this.stats.truncated++
        this.emitRequest(this.chunk, "BDAT")
        this.chunk = null
      }
      this.mode = Mode.command
    } else this.reply = null
    this.awaited = []
    this.sink.desync(direction)
  }

  private message(type: L7Message["type"], lines: Lines, timeUs: number): L7Message {
    const message = emptyMessage(type, L7Protocol.smtp, lines.startUs, lines.tcpSeq)
    message.endUs = timeUs
    message.length = lines.length
    message.capturedBytes = lines.captured
    return message
  }
}
