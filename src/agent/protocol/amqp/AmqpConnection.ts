// The AMQP 0-9-1 parser of one connection. Methods that are answered are paired by channel: on each only one waits at a time.
// A message with content (publish, deliver, return, get) is one message: method, header and body. A close by the broker is the
// answer to what waited on its channel. Bound: 4 KiB of one frame for each direction, 256 channels.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { ByteReader, u16At } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { type Arguments, describeReply, readArguments } from "./arguments.ts"
import { readContentHeader } from "./content.ts"
import { detectAmqp } from "./detect.ts"
import { amqpFrameLength, frameHead, FrameType, isProtocolHeader } from "./frames.ts"
import { type Method, MethodKey, methodKey, methodOf, Role, Sender } from "./methods.ts"

const maxKept = 4096
const maxChannels = 256

/** A method that waits for its answer. */
interface Waiting {
  readonly key: number
  readonly resource: string
}

/** A message of which the content is not complete. */
interface Content {
  readonly message: L7Message
  /** Bytes of the body still to come, -1 before the header. */
  remaining: number
}

const reader = new ByteReader()
const args: Arguments = { vhost: "", resource: "", isNoWait: false, code: 0, text: "", blamed: 0 }

export class AmqpConnection extends FramedConnection {
  private vhost = ""
  private readonly waiting = new Map<number, Waiting>()
  /** By direction and channel. */
  private readonly contents: readonly [Map<number, Content>, Map<number, Content>] = [new Map(), new Map()]

  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    return amqpFrameLength(bytes, at, end)
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    const evidence = detectAmqp(bytes, start, end)
    if (evidence === Evidence.either) return true
    return evidence === (direction === Direction.toServer ? Evidence.request : Evidence.response)
  }

  protected override lost(direction: Direction): void {
    this.endContents(direction)
  }

  protected override ended(): void {
    this.endContents(Direction.toServer)
    this.endContents(Direction.toClient)
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start } = frame
    if (isProtocolHeader(bytes, start)) return true
    const channel = u16At(bytes, start + 1)
    reader.reset(bytes, start + frameHead, Math.min(frame.end, start + frame.length - 1))
    switch (bytes[start]) {
      case FrameType.method:
        return this.readMethod(frame, channel)
      case FrameType.header:
        this.readHeader(frame, channel)
        return true
      case FrameType.body:
        this.readBody(frame, channel)
        return true
      default:
        return true
    }
  }

  private readMethod(frame: Frame, channel: number): boolean {
    const classId = reader.u16()
    const key = methodKey(classId, reader.u16())
    if (reader.isShort) return frame.isCut
    const method = methodOf(key)
    const isFromClient = frame.direction === Direction.toServer
    if (method === undefined) return false
    if ((method.sender & (isFromClient ? Sender.client : Sender.server)) === 0) return false
    this.endContent(frame.direction, channel)
    readArguments(reader, key, args)
    if (args.vhost !== "") this.vhost = args.vhost
    if (key === MethodKey.connectionClose || key === MethodKey.channelClose) {
      if (!isFromClient) this.readBrokerClose(frame, channel, method)
      else this.readRequest(frame, channel, key, method, isFromClient)
    } else if (method.role === Role.request) this.readRequest(frame, channel, key, method, isFromClient)
    else if (method.role === Role.response) this.readResponse(frame, channel, key, method, isFromClient)
    else this.readOneWay(frame, channel, key, method, isFromClient)
    return true
  }

  private readRequest(
    frame: Frame,
    channel: number,
    key: number,
    method: Method,
    isFromClient: boolean,
  ): void {
    const message = this.methodMessage(frame, RecordType.request, method)
    message.requestId = channel
    message.isAsync = args.isNoWait
    if (!args.isNoWait) {
      if (this.waiting.size >= maxChannels) {
        this.waiting.clear()
        this.stats.overflows++
      }
      this.waiting.set(channel, { key, resource: args.resource })
    }
    this.emit(message, isFromClient)
  }

  private readResponse(
    frame: Frame,
    channel: number,
    key: number,
    method: Method,
    isFromClient: boolean,
  ): void {
    const waiting = this.waiting.get(channel)
    this.waiting.delete(channel)
    // Of a close by the broker its own message told all.
    const isCloseOk = key === MethodKey.connectionCloseOk || key === MethodKey.channelCloseOk
    if (isCloseOk && isFromClient) return
    const message = this.methodMessage(frame, RecordType.response, method)
    message.requestId = channel
    message.requestType = ""
    message.status = ResponseStatus.ok
    if (waiting !== undefined) message.requestResource = message.endpoint = waiting.resource
    if (method.hasContent) this.beginContent(frame, channel, message)
    else this.emit(message, isFromClient)
  }

  private readOneWay(
    frame: Frame,
    channel: number,
    key: number,
    method: Method,
    isFromClient: boolean,
  ): void {
    const message = this.methodMessage(frame, isFromClient ? RecordType.request : RecordType.response, method)
    message.isAsync = true
    if (key === MethodKey.return) describeReply(message, args)
    if (method.hasContent) this.beginContent(frame, channel, message)
    else this.emit(message, isFromClient)
  }

  /** The broker ends a channel or the connection: the answer to what waits there, or to the method that it blames. */
  private readBrokerClose(frame: Frame, channel: number, method: Method): void {
    const message = this.methodMessage(frame, RecordType.response, method)
    describeReply(message, args)
    let answered = this.waiting.has(channel) ? channel : -1
    if (answered < 0 && channel === 0 && args.blamed !== 0) {
      for (const [other, { key }] of this.waiting) {
        if (key !== args.blamed) continue
        answered = other
        break
      }
    }
    const waiting = this.waiting.get(answered)
    if (waiting === undefined) message.isAsync = true
    else {
      this.waiting.delete(answered)
      message.requestId = answered
      message.requestType = ""
      message.requestResource = message.endpoint = waiting.resource
    }
    this.emit(message, false)
  }

  private methodMessage(frame: Frame, type: L7Message["type"], method: Method): L7Message {
    const message = this.messageOf(frame, type, L7Protocol.amqp)
    message.length = frame.length
    message.version = "0-9-1"
    message.requestType = method.name
    message.requestDomain = this.vhost
    message.requestResource = message.endpoint = args.resource
    return message
  }

  private emit(message: L7Message, isFromClient: boolean): void {
    if (isFromClient) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
  }

  private beginContent(frame: Frame, channel: number, message: L7Message): void {
    const contents = this.contents[frame.direction]
    if (contents.size >= maxChannels) {
      this.endContents(frame.direction)
      this.stats.overflows++
    }
    contents.set(channel, { message, remaining: -1 })
  }

  private readHeader(frame: Frame, channel: number): void {
    const content = this.contents[frame.direction].get(channel)
    if (content === undefined) return
    const { message } = content
    message.endUs = frame.endUs
    message.capturedBytes += frame.captured
    const bodyBytes = readContentHeader(reader, message)
    if (bodyBytes >= 0) message.length = bodyBytes
    content.remaining = bodyBytes
    if (bodyBytes <= 0) this.endContent(frame.direction, channel)
  }

  private readBody(frame: Frame, channel: number): void {
    const content = this.contents[frame.direction].get(channel)
    if (content === undefined) return
    content.message.endUs = frame.endUs
    content.message.capturedBytes += frame.captured
    content.remaining -= frame.length - frameHead - 1
    if (content.remaining <= 0) this.endContent(frame.direction, channel)
  }

  private endContent(direction: Direction, channel: number): void {
    const contents = this.contents[direction]
    const content = contents.get(channel)
    if (content === undefined) return
    contents.delete(channel)
    if (content.remaining > 0) this.stats.truncated++
    this.emit(content.message, direction === Direction.toServer)
  }

  private endContents(direction: Direction): void {
    for (const channel of [...this.contents[direction].keys()]) this.endContent(direction, channel)
  }
}
