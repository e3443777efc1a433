// The NATS parser of one connection. A publication with a reply subject is answered by the message on that subject; PING is
// answered in order, and in verbose mode everything is. All else is one-way: publications, deliveries, subscriptions.
// Bound: 8 KiB of one message for each direction, 1,024 reply subjects that wait.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { type Frame, FramedConnection, noFrame, undecided } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { ControlLine, mayBeOp, Op, opName } from "./ControlLine.ts"
import { detectNats } from "./detect.ts"
import { type HeaderFacts, readHeaders } from "./headers.ts"
import { describeError, describeJetStream, describeServiceError, describeStatus } from "./outcome.ts"
import { endpointOf, isJetStreamCall, isPull, replyId } from "./subjects.ts"

const maxKept = 8192
const maxReplies = 1024
const LF = 10
const CR = 13

const line = new ControlLine()
const facts: HeaderFacts = { code: -1, text: "" }

/** Words only the one side says. */
const isSaidBy = (op: Op, isFromClient: boolean): boolean => {
  switch (op) {
    case Op.connect:
    case Op.pub:
    case Op.hpub:
    case Op.sub:
    case Op.unsub:
      return isFromClient
    case Op.info:
    case Op.msg:
    case Op.hmsg:
    case Op.ok:
    case Op.err:
      return !isFromClient
    default:
      return true
  }
}

export class NatsConnection extends FramedConnection {
  private serverName = ""
  private version = ""
  private isVerbose = false
  /** Requests that are answered in order and were not yet. */
  private inOrder = 0
  /** Reply subjects that were published and not answered, with whether JetStream was asked. */
  private readonly replies = new Map<string, boolean>()

  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (!mayBeOp(bytes, at, end)) return noFrame
    const limit = Math.min(end, at + maxKept)
    let found = at
    while (found < limit && bytes[found] !== LF) found++
    if (found === limit) return end - at >= maxKept ? noFrame : undecided
    if (found === at || bytes[found - 1] !== CR || !line.read(bytes, at, found - 1)) return noFrame
    if (!isSaidBy(line.op, direction === Direction.toServer)) return noFrame
    const length = found + 1 - at + line.payloadBytes
    if (line.payloadBytes > 0 && at + length <= end) {
      if (bytes[at + length - 2] !== CR || bytes[at + length - 1] !== LF) return noFrame
    }
    return length
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    const evidence = detectNats(bytes, start, end)
    if (evidence === Evidence.none) return false
    const length = this.frameLength(direction, bytes, start, end)
    if (evidence === Evidence.unclear) return length > 0 && start + length <= end
    return length !== noFrame
  }

  protected override lost(direction: Direction): void {
    if (direction === Direction.toClient && this.inOrder === 0) return
    this.inOrder = 0
    this.sink.desync(direction)
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start, end } = frame
    let lineEnd = start
    while (lineEnd < end && bytes[lineEnd] !== LF) lineEnd++
    if (lineEnd === end) return false
    // For a message that came whole its length has just been found.
    if (!line.isAt(bytes, start) && !line.read(bytes, start, lineEnd - 1)) return false
    const isFromClient = frame.direction === Direction.toServer
    const message = this.messageOf(
      frame,
      isFromClient ? RecordType.request : RecordType.response,
      L7Protocol.nats,
    )
    message.requestType = opName(line.op)
    message.length = frame.length
    if (isFromClient) this.readClient(frame, message, lineEnd + 1)
    else this.readServer(frame, message, lineEnd + 1)
    message.requestDomain = this.serverName
    message.version = this.version
    if (isFromClient) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
    return true
  }

  private readClient(frame: Frame, message: L7Message, payloadAt: number): void {
    const { op } = line
    switch (op) {
      case Op.connect:
        this.isVerbose = /"verbose": *true/.test(line.rest)
        this.beAnswered(message)
        return
      case Op.ping:
        this.inOrder++
        return
      case Op.pong:
        message.isAsync = true
        return
      case Op.sub:
        this.showSubject(message, line.word(0))
        if (line.count === 3) message.attributes = ["queue_group", line.word(1)]
        this.beAnswered(message)
        return
      case Op.unsub:
        this.beAnswered(message)
        return
    }
    const subject = line.word(0)
    const reply = line.count - (op === Op.hpub ? 3 : 2) > 0 ? line.word(1) : ""
    this.showSubject(message, subject)
    this.readPayloadHeaders(frame, message, payloadAt)
    facts.code = -1
    if (reply !== "") message.xRequestId = reply
    else if (message.xRequestId === "" && subject.startsWith("_INBOX.")) message.xRequestId = subject
    if (this.isVerbose) this.inOrder++
    else if (reply === "" || isPull(subject)) message.isAsync = true
    else {
      message.requestId = replyId(reply)
      this.expectReply(reply, isJetStreamCall(subject))
    }
  }

  private readServer(frame: Frame, message: L7Message, payloadAt: number): void {
    switch (line.op) {
      case Op.info:
        this.readInfo(line.rest)
        message.isAsync = true
        return
      case Op.ping:
        message.isAsync = true
        return
      case Op.pong:
      case Op.ok:
        this.answer(message)
        message.status = ResponseStatus.ok
        return
      case Op.err:
        if (this.isVerbose) this.answer(message)
        else message.isAsync = true
        describeError(message, line.rest)
        return
    }
    this.readDelivery(frame, message, payloadAt)
  }

  private readDelivery(frame: Frame, message: L7Message, payloadAt: number): void {
    const subject = line.word(0)
    const { headerBytes } = line
    const reply = line.count - (line.op === Op.hmsg ? 4 : 3) > 0 ? line.word(2) : ""
    this.showSubject(message, subject)
    const isStatus = this.readPayloadHeaders(frame, message, payloadAt)
    const isJetStream = this.replies.get(subject)
    if (isJetStream === undefined) message.isAsync = true
    else {
      this.replies.delete(subject)
      message.requestId = replyId(subject)
      message.status = ResponseStatus.ok
      if (isJetStream) describeJetStream(message, frame.bytes, payloadAt + headerBytes, frame.end)
    }
    if (isJetStream !== undefined || subject.startsWith("_INBOX.")) message.xRequestId = subject
    else if (reply !== "" && !reply.startsWith("$JS.ACK")) message.xRequestId = reply
    if (facts.code < 0) return
    if (isStatus) describeStatus(message, facts.code, facts.text)
    else describeServiceError(message, facts.code, facts.text)
  }

  /** Returns whether the headers began with a status. */
  private readPayloadHeaders(frame: Frame, message: L7Message, payloadAt: number): boolean {
    const { headerBytes } = line
    facts.code = -1
    if (headerBytes === 0) return false
    const { bytes } = frame
    readHeaders(bytes, payloadAt, Math.min(frame.end, payloadAt + headerBytes), message, facts)
    // "NATS/1.0" and then a blank.
    return bytes[payloadAt + 8] === 32
  }

  private showSubject(message: L7Message, subject: string): void {
    message.requestResource = subject
    message.endpoint = endpointOf(subject)
  }

  /** In verbose mode the server says +OK to it. */
  private beAnswered(message: L7Message): void {
    if (this.isVerbose) this.inOrder++
    else message.isAsync = true
  }

  private answer(message: L7Message): void {
    if (this.inOrder > 0) this.inOrder--
    else message.isAsync = true
  }

  private expectReply(reply: string, isJetStream: boolean): void {
    if (this.replies.size >= maxReplies) {
      const oldest = this.replies.keys().next()
      if (oldest.done !== true) this.replies.delete(oldest.value)
      this.stats.overflows++
    }
    this.replies.set(reply, isJetStream)
  }

  private readInfo(json: string): void {
    this.serverName = fieldOf(json, "server_name") || this.serverName
    this.version = fieldOf(json, "version") || this.version
  }
}

/** A text of INFO's JSON, which may be cut off. */
const fieldOf = (json: string, name: string): string => {
  const key = `"${name}":"`
  const at = json.indexOf(key)
  if (at < 0) return ""
  const end = json.indexOf('"', at + key.length)
  return end < 0 ? "" : json.slice(at + key.length, Math.min(end, at + key.length + 128))
}
