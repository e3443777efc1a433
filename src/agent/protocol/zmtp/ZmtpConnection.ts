// The ZMTP parser of one connection. A message is all its frames. What REQ sends is answered by REP, in order; everything else,
// commands too, is one-way. After the mechanism CURVE has begun only lengths are readable. Bound: 1 KiB of one frame for each
// direction, 64 subscriptions for each direction.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { ByteReader } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection } from "../framed/FramedConnection.ts"
import { latin1Text, utf8Text } from "../latin1.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { type CommandFacts, readCommand } from "./commands.ts"
import {
  bodyAt,
  Flag,
  greetingLength,
  isSignature,
  mechanismAt,
  mechanismLength,
  versionAt,
  zmtpFrameLength,
} from "./frames.ts"

const maxKept = 1024
const maxSubscriptions = 64
const signatureFirst = 0xff

const reader = new ByteReader()
const facts: CommandFacts = { name: "", text: "", socketType: "", identity: "" }

/** One direction. */
class Peer {
  hasGreeted = false
  socketType = ""
  /** A message of which frames are to come. */
  open: L7Message | null = null
  /** What this peer subscribed to. */
  readonly subscriptions = new Set<string>()
}

export class ZmtpConnection extends FramedConnection {
  private version = ""
  private mechanism = ""
  private readonly peers: readonly [Peer, Peer] = [new Peer(), new Peer()]
  private waiting = 0

  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (!this.peers[direction].hasGreeted && bytes[at] === signatureFirst)
      return isSignature(bytes, at, end) ? greetingLength : -1
    return zmtpFrameLength(bytes, at, end)
  }

  protected override mayBegin(_direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    // Frames that fill what is at hand exactly: a flag and a length alone may be anything.
    let at = start
    while (at < end) {
      const length = zmtpFrameLength(bytes, at, end)
      if (length <= 0) return false
      at += length
    }
    return at === end
  }

  protected override lost(direction: Direction): void {
    this.endMessage(direction)
    if (this.waiting === 0 && direction === Direction.toClient) return
    this.waiting = 0
    this.sink.desync(direction)
  }

  protected override ended(): void {
    this.endMessage(Direction.toServer)
    this.endMessage(Direction.toClient)
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start, direction } = frame
    const peer = this.peers[direction]
    if (!peer.hasGreeted && bytes[start] === signatureFirst) {
      this.readGreeting(frame, peer)
      return true
    }
    // Without a greeting the connection is older than the capture.
    peer.hasGreeted = true
    if ((bytes[start] & Flag.command) !== 0) {
      if (peer.open !== null) return false
      this.readCommand(frame, peer)
    } else this.readPart(frame, peer)
    return true
  }

  private readGreeting(frame: Frame, peer: Peer): void {
    const { bytes, start, end } = frame
    peer.hasGreeted = true
    if (end - start > versionAt + 1)
      this.version = `${bytes[start + versionAt]}.${bytes[start + versionAt + 1]}`
    if (end - start >= mechanismAt + mechanismLength) {
      const text = latin1Text(bytes, start + mechanismAt, start + mechanismAt + mechanismLength)
      const padding = text.indexOf("\0")
      this.mechanism = padding < 0 ? text : text.slice(0, padding)
    }
    const message = this.oneWay(frame, "Greeting")
    if (this.mechanism !== "") message.attributes = ["mechanism", this.mechanism]
    this.emit(message)
  }

  private readCommand(frame: Frame, peer: Peer): void {
    reader.reset(frame.bytes, bodyAt(frame.bytes, frame.start), frame.end)
    readCommand(reader, facts)
    const message = this.oneWay(frame, "Command")
    message.endpoint = facts.name
    if (facts.name === "SUBSCRIBE") this.subscribe(peer, facts.text)
    else if (facts.name === "CANCEL") peer.subscriptions.delete(facts.text)
    if (facts.name === "SUBSCRIBE" || facts.name === "CANCEL")
      message.requestDomain = message.requestResource = facts.text
    if (facts.name === "ERROR") {
      message.status = ResponseStatus.serverError
      message.exception = facts.text
    }
    if (facts.socketType !== "") {
      peer.socketType = facts.socketType
      message.attributes = ["socket_type", facts.socketType]
    }
    this.emit(message)
  }

  private subscribe(peer: Peer, prefix: string): void {
    if (peer.subscriptions.size < maxSubscriptions) peer.subscriptions.add(prefix)
  }

  private readPart(frame: Frame, peer: Peer): void {
    const { bytes, start } = frame
    const body = bodyAt(bytes, start)
    const bodyBytes = frame.length - (body - start)
    let message = peer.open
    if (message === null) {
      message = this.begin(frame)
      this.describeFirst(message, frame, peer, body)
      message.length = bodyBytes
    } else {
      message.length += bodyBytes
      message.endUs = frame.endUs
      message.capturedBytes += frame.captured
    }
    peer.open = (bytes[start] & Flag.more) === 0 ? null : message
    if (peer.open === null) this.emit(message)
  }

  private begin(frame: Frame): L7Message {
    const isRequest = this.isRole(frame.direction, "REQ", "REP")
    const isAnswer = this.isRole(frame.direction, "REP", "REQ")
    if (!isRequest && !isAnswer) return this.oneWay(frame, "Message")
    const message = this.messageOf(
      frame,
      isRequest ? RecordType.request : RecordType.response,
      L7Protocol.zmtp,
    )
    message.requestType = "Message"
    message.version = this.version
    if (isRequest) this.waiting++
    else {
      message.status = ResponseStatus.ok
      if (this.waiting > 0) this.waiting--
    }
    return message
  }

  /** Whether the sender is `own` and its peer `other`; where only one said so, it is believed. */
  private isRole(direction: Direction, own: string, other: string): boolean {
    const sender = this.peers[direction].socketType
    const receiver =
      this.peers[direction === Direction.toServer ? Direction.toClient : Direction.toServer].socketType
    if (sender === "" && receiver === "") return false
    return (sender === "" || sender === own) && (receiver === "" || receiver === other)
  }

  /** The first frame: of a publication the subscription that it matches, of a subscriber in version 3.0 a subscription. */
  private describeFirst(message: L7Message, frame: Frame, peer: Peer, body: number): void {
    const { bytes, end, direction } = frame
    if (peer.socketType === "SUB" || peer.socketType === "XSUB") {
      if (body < end && bytes[body] <= 1) {
        const prefix = utf8Text(bytes, body + 1, Math.min(end, body + 257))
        message.endpoint = bytes[body] === 1 ? "SUBSCRIBE" : "CANCEL"
        message.requestDomain = message.requestResource = prefix
        if (bytes[body] === 1) this.subscribe(peer, prefix)
        else peer.subscriptions.delete(prefix)
      }
      return
    }
    if (peer.socketType !== "PUB" && peer.socketType !== "XPUB") return
    const other = this.peers[direction === Direction.toServer ? Direction.toClient : Direction.toServer]
    const text = utf8Text(bytes, body, Math.min(end, body + 256))
    let longest = ""
    for (const prefix of other.subscriptions) {
      if (prefix.length > longest.length && text.startsWith(prefix)) longest = prefix
    }
    message.requestResource = message.endpoint = longest
  }

  private oneWay(frame: Frame, type: string): L7Message {
    const isFromClient = frame.direction === Direction.toServer
    const message = this.messageOf(
      frame,
      isFromClient ? RecordType.request : RecordType.response,
      L7Protocol.zmtp,
    )
    message.isAsync = true
    message.requestType = type
    message.version = this.version
    message.length = frame.length
    return message
  }

  private emit(message: L7Message): void {
    if (message.type === RecordType.request) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
  }

  private endMessage(direction: Direction): void {
    const peer = this.peers[direction]
    if (peer.open === null) return
    this.stats.truncated++
    this.emit(peer.open)
    peer.open = null
  }
}
