// The OpenWire parser of one connection. Commands that want an answer are paired by command id; all others, and what the broker
// dispatches, are one-way. Bound: 4 KiB of one command for each direction, 2,048 names of destinations for each direction.

import { RecordType, ResponseStatus, type L7Message } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { u32At } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection, noFrame, undecided } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { readTraceField } from "../traceField.ts"
import { commandName, DataType, isResponse } from "./dataTypes.ts"
import { detectOpenWire, frameHead, isCommandHead } from "./detect.ts"
import { ObjectReader, type WireFormat } from "./ObjectReader.ts"
import { readPrimitiveMap } from "./primitiveMap.ts"

const maxKept = 4096
const maxWaiting = 1024
/** Commands of the broker are counted by the broker. */
const ofBroker = 2 ** 32
/** Where the peers' agreement was not seen. */
const newestVersion = 12

const reader = new ObjectReader()

/** What a peer proposed; an agreement needs both. */
interface Proposal {
  version: number
  isTight: boolean
  isCacheEnabled: boolean
  hasStackTraces: boolean
}

export class OpenWireConnection extends FramedConnection {
  private readonly proposals: [Proposal | null, Proposal | null] = [null, null]
  private format: WireFormat | null = null
  private readonly names: readonly [Map<number, string>, Map<number, string>] = [new Map(), new Map()]
  /** Destinations of requests that wait. */
  private readonly waiting = new Map<number, string>()
  private brokerUrl = ""

  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < frameHead) return undecided
    return isCommandHead(bytes, at) ? u32At(bytes, at) + 4 : noFrame
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    const evidence = detectOpenWire(bytes, start, end)
    if (evidence === Evidence.either) return true
    if (evidence === (direction === Direction.toServer ? Evidence.request : Evidence.response)) return true
    // Any command that is all there is.
    return end - start > frameHead && isCommandHead(bytes, start) && u32At(bytes, start) + 4 === end - start
  }

  protected override lost(direction: Direction): void {
    // Names that were sent meanwhile have numbers that meant others before.
    this.names[direction].clear()
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start } = frame
    const type = bytes[start + 4]
    if (type === 0) return true
    const isFromClient = frame.direction === Direction.toServer
    reader.reset(bytes, start + frameHead, Math.min(frame.end, start + frame.length))
    const message = this.messageOf(
      frame,
      isResponse(type) || !isFromClient ? RecordType.response : RecordType.request,
      L7Protocol.openWire,
    )
    message.length = frame.length - 4
    message.requestType = commandName(type)
    message.isAsync = true
    if (type === DataType.wireFormatInfo) this.readWireFormat(frame.direction)
    else this.readCommand(frame, type, message, isFromClient)
    message.requestDomain = this.brokerUrl
    message.version = this.format === null ? "" : `${this.format.version}`
    if (message.type === RecordType.request) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
    return true
  }

  private readWireFormat(direction: Direction): void {
    reader.skip(8)
    const version = reader.u32()
    const proposal = { version, isTight: false, isCacheEnabled: false, hasStackTraces: false }
    if (reader.u8() !== 0) {
      reader.skip(4)
      readPrimitiveMap(reader, (name, value) => {
        if (value !== "true") return
        if (name === "TightEncodingEnabled") proposal.isTight = true
        else if (name === "CacheEnabled") proposal.isCacheEnabled = true
        else if (name === "StackTraceEnabled") proposal.hasStackTraces = true
      })
    }
    this.proposals[direction] = proposal
    const [a, b] = this.proposals
    if (a === null || b === null) return
    this.format = {
      version: Math.min(a.version, b.version),
      isTight: a.isTight && b.isTight,
      isCacheEnabled: a.isCacheEnabled && b.isCacheEnabled,
      hasStackTraces: a.hasStackTraces && b.hasStackTraces,
    }
  }

  private readCommand(frame: Frame, type: number, message: L7Message, isFromClient: boolean): void {
    const { direction } = frame
    reader.start(this.format ?? guessed(frame), this.names[direction])
    const commandId = reader.u32()
    const wantsAnswer = reader.boolean()
    if (reader.isShort) return
    reader.readFields(type)
    if (reader.brokerUrl !== "") this.brokerUrl = reader.brokerUrl
    message.requestResource = message.endpoint = reader.destination
    message.xRequestId = reader.correlationText
    if (reader.clientId !== "") message.attributes = ["client_id", reader.clientId]
    if (reader.propertiesLength > 0) readProperties(message)
    if (isResponse(type)) {
      this.describeResponse(message, type, isFromClient)
      return
    }
    message.requestId = commandId
    if (type === DataType.connectionError) describeError(message, isFromClient)
    if (isFromClient && wantsAnswer) {
      message.isAsync = false
      this.expect(message.requestId, reader.destination)
    } else if (reader.messageCommand >= 0) message.requestId = reader.messageCommand
  }

  private describeResponse(message: L7Message, type: number, isFromClient: boolean): void {
    if (reader.correlation < 0) return
    message.requestId = isFromClient ? reader.correlation + ofBroker : reader.correlation
    message.isAsync = isFromClient
    message.status = ResponseStatus.ok
    const destination = this.waiting.get(message.requestId)
    if (destination !== undefined) {
      this.waiting.delete(message.requestId)
      message.requestResource = message.endpoint = destination
    }
    if (type === DataType.exceptionResponse) describeError(message, isFromClient)
  }

  private expect(id: number, destination: string): void {
    if (this.waiting.size >= maxWaiting) {
      const oldest = this.waiting.keys().next()
      if (oldest.done !== true) this.waiting.delete(oldest.value)
      this.stats.overflows++
    }
    this.waiting.set(id, destination)
  }
}

/** Who sends an error blames the other side's request or its own state. */
const describeError = (message: L7Message, isFromClient: boolean): void => {
  message.status = isFromClient ? ResponseStatus.clientError : ResponseStatus.serverError
  message.exception = reader.error
}

/** In the tight encoding the size of the booleans, which is not 0, stands where the loose one has the command id's high byte. */
const guessed = (frame: Frame): WireFormat => ({
  version: newestVersion,
  isTight: frame.bytes[frame.start + frameHead] !== 0,
  isCacheEnabled: true,
  hasStackTraces: true,
})

const readProperties = (message: L7Message): void => {
  let rank = 0
  reader.reset(reader.bytes, reader.propertiesAt, reader.propertiesAt + reader.propertiesLength)
  readPrimitiveMap(reader, (name, value) => {
    rank = readTraceField(name, value, message, rank)
  })
}
