// The MQTT parser of one connection. What the client asks is paired with the server's answer by packet id (CONNECT and PINGREQ
// by order); what the server publishes, and its acknowledgement, are one-way messages. Bound: 4 KiB of one packet for each
// direction, 64 topic aliases for each direction.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { ByteReader } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { mayBeginPacket } from "./detect.ts"
import { bodyStart, packetLength, packetName, PacketType, version5 } from "./packets.ts"
import { Properties } from "./Properties.ts"
import { connectName, connectStatus, reasonName, reasonStatus } from "./reasonCodes.ts"

const maxKept = 4096
const maxAliases = 64
const maxFilters = 32
/** Text of several topic filters. */
const maxResource = 512

const reader = new ByteReader()
const properties = new Properties()
const versions = ["", "", "", "3", "4", "5"]

export class MqttConnection extends FramedConnection {
  private clientId = ""
  /** Protocol level, 0 while no CONNECT was seen. */
  private version = 0
  /** Topics by alias, of each direction. */
  private readonly aliases: readonly [Map<number, string>, Map<number, string>] = [new Map(), new Map()]
  /** Requests without a packet id that await an answer. */
  private unnumbered = 0

  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    return packetLength(bytes, at, end)
  }

  protected override mayBegin(_direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    return mayBeginPacket(bytes, start, end)
  }

  protected override lost(direction: Direction): void {
    if (this.unnumbered === 0 && direction === Direction.toClient) return
    this.unnumbered = 0
    this.sink.desync(direction)
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start } = frame
    const first = bytes[start]
    const isFromClient = frame.direction === Direction.toServer
    const type = first >> 4
    if (!isSentBy(type, isFromClient)) return false
    const body = bodyStart(bytes, start)
    reader.reset(bytes, body, frame.end)
    const message = this.messageOf(
      frame,
      isFromClient ? RecordType.request : RecordType.response,
      L7Protocol.mqtt,
    )
    message.length = frame.length - (body - start)
    message.requestType = packetName(type)
    switch (type) {
      case PacketType.connect:
        if (!this.readConnect()) return false
        this.unnumbered++
        break
      case PacketType.connack:
        this.readConnack(message)
        break
      case PacketType.publish:
        this.readPublish(message, first, isFromClient)
        break
      case PacketType.puback:
      case PacketType.pubrec:
      case PacketType.pubcomp:
        this.readAcknowledgement(message, isFromClient)
        break
      case PacketType.pubrel:
        this.readAcknowledgement(message, isFromClient)
        // The client's release is a request of its own, which PUBCOMP answers.
        message.isAsync = !isFromClient
        if (isFromClient && message.status === ResponseStatus.ok) message.status = ResponseStatus.unknown
        break
      case PacketType.subscribe:
      case PacketType.unsubscribe:
        this.readFilters(message, frame, type === PacketType.subscribe)
        break
      case PacketType.suback:
      case PacketType.unsuback:
        this.readSuback(message, frame, type === PacketType.unsuback)
        break
      case PacketType.pingreq:
        this.unnumbered++
        break
      case PacketType.pingresp:
        this.answerUnnumbered(message)
        break
      case PacketType.disconnect:
      case PacketType.auth:
        this.readDisconnect(message)
        break
    }
    // A whole packet that ends within one of its values is none.
    if (reader.isShort && !frame.isCut && frame.end - start === frame.length) return false
    message.requestDomain = this.clientId
    message.version = versions[this.version]
    if (isFromClient) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
    return true
  }

  private readConnect(): boolean {
    reader.skip(reader.u16())
    const level = reader.u8() & 0x7f
    reader.skip(3)
    if (level < 3 || level > version5) return false
    this.version = level
    if (level === version5) reader.skip(reader.varint())
    this.clientId = reader.text(reader.u16())
    this.aliases[0].clear()
    this.aliases[1].clear()
    return true
  }

  private readConnack(message: L7Message): void {
    this.answerUnnumbered(message)
    reader.skip(1)
    const code = reader.u8()
    if (reader.isShort) return
    if (this.version === 0 && reader.left > 0) this.version = version5
    const is5 = this.version === version5
    message.code = code
    message.status = is5 ? reasonStatus(code) : connectStatus(code)
    if (message.status !== ResponseStatus.ok) message.exception = is5 ? reasonName(code) : connectName(code)
  }

  private answerUnnumbered(message: L7Message): void {
    message.status = ResponseStatus.ok
    if (this.unnumbered > 0) this.unnumbered--
  }

  private readPublish(message: L7Message, first: number, isFromClient: boolean): void {
    let topic = reader.text(reader.u16())
    const quality = (first >> 1) & 3
    const id = quality > 0 ? reader.u16() : 0
    if (this.version === version5) {
      properties.read(reader, message)
      topic = this.aliased(topic, isFromClient ? 0 : 1)
      if (properties.responseTopic !== "") message.attributes = ["response_topic", properties.responseTopic]
    }
    message.requestResource = message.endpoint = topic
    if (quality > 0) message.requestId = id
    message.isAsync = quality === 0 || !isFromClient
  }

  /** The topic that an alias stands for, or remembers which one it is to stand for. */
  private aliased(topic: string, direction: 0 | 1): string {
    const { alias } = properties
    if (alias === 0) return topic
    const aliases = this.aliases[direction]
    if (topic === "") return aliases.get(alias) ?? ""
    if (aliases.size < maxAliases || aliases.has(alias)) aliases.set(alias, topic)
    return topic
  }

  /** PUBACK, PUBREC, PUBREL, PUBCOMP: an id and, in version 5 where it is not success, a reason. */
  private readAcknowledgement(message: L7Message, isFromClient: boolean): void {
    message.requestId = reader.u16()
    message.isAsync = isFromClient
    if (reader.isShort) return
    if (reader.left === 0) {
      message.status = ResponseStatus.ok
      return
    }
    const code = reader.u8()
    this.describeReason(message, code)
    if (reader.left > 0 && properties.read(reader, message)) this.addReason(message)
  }

  private describeReason(message: L7Message, code: number): void {
    if (reader.isShort) return
    message.code = code
    message.status = reasonStatus(code)
    message.exception = reasonName(code)
  }

  private addReason(message: L7Message): void {
    if (message.exception !== "" && properties.reason !== "")
      message.exception = `${message.exception}: ${properties.reason}`
  }

  private readFilters(message: L7Message, frame: Frame, hasOptions: boolean): void {
    message.requestId = reader.u16()
    if (this.version === version5) properties.read(reader, message)
    const { at } = reader
    let filters = this.filters(hasOptions)
    if (filters === "" && this.version === 0 && !frame.isCut) {
      // The version is not known: with properties then.
      reader.reset(frame.bytes, at, frame.end)
      if (properties.read(reader, message)) filters = this.filters(hasOptions)
    }
    message.requestResource = message.endpoint = filters
  }

  /** The topic filters up to the packet's end, joined; empty when they do not fill it. */
  private filters(hasOptions: boolean): string {
    let all = ""
    for (let i = 0; i < maxFilters && reader.left > 0; i++) {
      const filter = reader.text(reader.u16())
      if (hasOptions) reader.u8()
      if (reader.isShort) return this.version === 0 ? "" : all
      if (all.length + filter.length < maxResource) all = i === 0 ? filter : `${all},${filter}`
    }
    return all
  }

  /** A code for each filter: the first that failed counts. UNSUBACK has none before version 5. */
  private readSuback(message: L7Message, frame: Frame, isUnsuback: boolean): void {
    message.requestId = reader.u16()
    if (this.version === version5 && !properties.read(reader, message)) return
    let worst = 0
    while (reader.left > 0) {
      const code = reader.u8()
      if (worst < 0x80) worst = code
    }
    if (reader.isShort || (frame.isCut && worst < 0x80)) return
    message.status = ResponseStatus.ok
    // Without a known version bytes of an UNSUBACK may be properties.
    if (worst < 0x80 || (isUnsuback && this.version !== version5)) return
    this.describeReason(message, worst)
    if (this.version === version5) this.addReason(message)
  }

  private readDisconnect(message: L7Message): void {
    message.isAsync = true
    if (reader.left === 0) return
    const code = reader.u8()
    this.describeReason(message, code)
    if (code < 0x80) message.status = ResponseStatus.unknown
    if (reader.left > 0 && properties.read(reader, message)) this.addReason(message)
  }
}

const isSentBy = (type: number, isFromClient: boolean): boolean => {
  switch (type) {
    case PacketType.connect:
    case PacketType.subscribe:
    case PacketType.unsubscribe:
    case PacketType.pingreq:
      return isFromClient
    case PacketType.connack:
    case PacketType.suback:
    case PacketType.unsuback:
    case PacketType.pingresp:
      return !isFromClient
    default:
      return true
  }
}
