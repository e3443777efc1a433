// The MongoDB parser of one connection: OP_MSG, the operations before it, and compressed ones. Pairs by request id.
// Bound: 8 KiB of one message for each direction.

import { type L7Message, RecordType } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { type Frame, FramedConnection, noFrame, undecided } from "../framed/FramedConnection.ts"
import { inflate } from "../inflate.ts"
import { latin1Text, utf8Text } from "../latin1.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { i32, nulAt, u32 } from "./BsonReader.ts"
import { readCommand, readReply } from "./command.ts"
import { documentText } from "./documentText.ts"
import { headerLength, messageLength, Operation, operationName } from "./header.ts"

export const maxKept = 8192
const maxName = 256
const moreToCome = 2
const compressors = ["noop", "snappy", "zlib", "zstd"]
const maxSections = 64

export class MongodbConnection extends FramedConnection {
  /** Id of the last reply that said that more of its kind follow, without being asked for; -1 for none. */
  private streamId = -1
  private readonly masksLiterals: boolean

  constructor(sink: MessageSink, stats: ParserStats, masksLiterals: boolean) {
    super(sink, stats, maxKept)
    this.masksLiterals = masksLiterals
  }

  protected frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < headerLength) return undecided
    const length = messageLength(bytes, at)
    return length < 0 ? noFrame : length
  }

  protected mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < headerLength || messageLength(bytes, start) < 0) return false
    return direction === Direction.toClient || u32(bytes, start + 8) === 0
  }

  /** Ids pair what comes after a loss. */
  protected lost(_direction: Direction): void {}

  protected read(frame: Frame): boolean {
    const { bytes, start, end } = frame
    const isRequest = frame.direction === Direction.toServer
    const message = this.messageOf(
      frame,
      isRequest ? RecordType.request : RecordType.response,
      L7Protocol.mongodb,
    )
    const ownId = u32(bytes, start + 4)
    const answeredId = u32(bytes, start + 8)
    message.requestId = isRequest ? ownId : answeredId
    message.length = frame.length
    const operation = i32(bytes, start + 12)
    message.requestType = operationName(operation) ?? ""
    const flags = this.readBody(message, isRequest, operation, bytes, start + headerLength, end, frame.isCut)
    if (!isRequest) {
      // Replies of a stream answer the reply before them.
      if (this.streamId >= 0 && answeredId === this.streamId) message.isAsync = true
      this.streamId = (flags & moreToCome) !== 0 ? ownId : -1
    } else if ((flags & moreToCome) !== 0) message.isAsync = true
    if (isRequest) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
    return true
  }

  /** Reads bytes[at, end) behind the header; returns the flags of OP_MSG. */
  private readBody(
    message: L7Message,
    isRequest: boolean,
    operation: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    isCut: boolean,
  ): number {
    switch (operation) {
      case Operation.msg:
        return this.readMsg(message, isRequest, bytes, at, end)
      case Operation.query: {
        const nameEnd = nulAt(bytes, at + 4, end)
        this.readCollection(message, "query", bytes, at + 4, nameEnd)
        const documentAt = nameEnd + 9
        if (documentAt >= end) return 0
        const { endpoint, requestDomain } = message
        if (endpoint.endsWith(" $cmd")) {
          readCommand(message, bytes, documentAt, end, this.masksLiterals)
          message.requestDomain = requestDomain
        } else
          message.requestResource += ` ${documentText(bytes, documentAt, end, this.masksLiterals, false)}`
        return 0
      }
      case Operation.reply: {
        if (at + 24 < end) readReply(message, bytes, at + 20, end, this.masksLiterals)
        return 0
      }
      case Operation.compressed:
        return this.readCompressed(message, isRequest, bytes, at, end, isCut)
      case Operation.getMore: {
        this.readCollection(message, "getMore", bytes, at + 4, nulAt(bytes, at + 4, end))
        return 0
      }
      case Operation.insert:
      case Operation.update:
      case Operation.delete: {
        const name = message.requestType.slice(3).toLowerCase()
        this.readCollection(message, name, bytes, at + 4, nulAt(bytes, at + 4, end))
        message.isAsync = true
        return 0
      }
      default: {
        message.endpoint = "killCursors"
        message.isAsync = true
        return 0
      }
    }
  }

  /** `database.collection` of the operations before OP_MSG. */
  private readCollection(
    message: L7Message,
    name: string,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const text = utf8Text(bytes, start, Math.min(end, start + maxName))
    const dot = text.indexOf(".")
    message.requestDomain = dot < 0 ? text : text.slice(0, dot)
    message.requestResource = `${name} ${text}`
    message.endpoint = dot < 0 ? name : `${name} ${text.slice(dot + 1)}`
  }

  private readMsg(
    message: L7Message,
    isRequest: boolean,
    bytes: Uint8Array,
    at: number,
    end: number,
  ): number {
    if (at + 4 > end) return 0
    const flags = u32(bytes, at)
    const sequences: Array<string> = []
    let section = at + 4
    for (let i = 0; i < maxSections && section + 5 <= end; i++) {
      const kind = bytes[section]
      const length = u32(bytes, section + 1)
      if (length < 5 || kind > 1) break
      if (kind === 0 && isRequest) readCommand(message, bytes, section + 1, end, this.masksLiterals)
      else if (kind === 0) readReply(message, bytes, section + 1, end, this.masksLiterals)
      else this.countSequence(bytes, section + 1, length, end, sequences)
      section += 1 + length
    }
    if (sequences.length > 0) message.attributes = sequences
    return flags
  }

  /** A sequence of documents beside the command (`documents` of insert): its name and how many they are. */
  private countSequence(
    bytes: Uint8Array,
    start: number,
    length: number,
    end: number,
    into: Array<string>,
  ): void {
    const stop = start + length
    const nameEnd = nulAt(bytes, start + 4, Math.min(end, stop))
    let count = 0
    let at = nameEnd + 1
    while (at + 4 <= Math.min(end, stop)) {
      const size = u32(bytes, at)
      if (size < 5) break
      count++
      at += size
    }
    const name = latin1Text(bytes, start + 4, Math.min(nameEnd, start + 4 + 64))
    // Of a sequence that was cut the count is not known.
    if (at === stop) into.push(`${name}_count`, String(count))
  }

  private readCompressed(
    message: L7Message,
    isRequest: boolean,
    bytes: Uint8Array,
    at: number,
    end: number,
    isCut: boolean,
  ): number {
    if (at + 9 > end) return 0
    const operation = i32(bytes, at)
    const length = u32(bytes, at + 4)
    const compressor = bytes[at + 8]
    const name = operation === Operation.compressed ? undefined : operationName(operation)
    if (name === undefined) return 0
    if (compressor === 0)
      return this.readNamed(message, name, isRequest, operation, bytes, at + 9, end, isCut)
    if (compressor !== 2 && compressor !== 3) {
      message.attributes = ["compressor", compressors[compressor] ?? String(compressor)]
      return 0
    }
    const text = inflate(compressor === 3, bytes, at + 9, end, length)
    return this.readNamed(message, name, isRequest, operation, text, 0, Math.min(text.length, maxKept), isCut)
  }

  private readNamed(
    message: L7Message,
    name: string,
    isRequest: boolean,
    operation: number,
    bytes: Uint8Array,
    at: number,
    end: number,
    isCut: boolean,
  ): number {
    if (at === end) return 0
    message.requestType = name
    return this.readBody(message, isRequest, operation, bytes, at, end, isCut)
  }
}
