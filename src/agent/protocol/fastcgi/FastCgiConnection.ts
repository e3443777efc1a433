// The FastCGI parser of one connection: records put together to requests and answers by request id. A request is told of when its
// input ends, an answer at END_REQUEST. Bounds: 8 KiB of one record for each direction, 16 requests under way with 8 KiB of
// parameters and 2 KiB of output each.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { u32At } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection, noFrame, undecided } from "../framed/FramedConnection.ts"
import { latin1Text } from "../latin1.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, type MessageSink } from "../Protocol.ts"
import { maskQuoted } from "../sql/quotedValues.ts"
import { Kept } from "./Kept.ts"
import { bodyStart, readHeaders } from "./output.ts"
import { readParameters } from "./parameters.ts"
import {
  contentLength,
  headerLength,
  mayBeRecord,
  overloaded,
  requestId,
  statusNames,
  Type,
} from "./records.ts"

const maxKept = 8192 + headerLength
const maxParameters = 8192
const maxOutput = 2048
const maxRequests = 16
const maxError = 256
const version = "1"

interface Exchange {
  /** Null when it was handed over. */
  request: L7Message | null
  readonly parameters: Kept
  inputLength: number
  response: L7Message | null
  readonly output: Kept
  outputLength: number
  errorText: string
  endpoint: string
}

export class FastCgiConnection extends FramedConnection {
  private readonly exchanges = new Map<number, Exchange>()
  private readonly keepSegments: number

  constructor(sink: MessageSink, stats: ParserStats, keepSegments: number) {
    super(sink, stats, maxKept)
    this.keepSegments = keepSegments
  }

  override get bufferedBytes(): number {
    let bytes = super.bufferedBytes
    for (const { output, parameters } of this.exchanges.values())
      bytes += output.bytes.length + parameters.bytes.length
    return bytes
  }

  protected override frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < headerLength) return undecided
    if (!mayBeRecord(bytes, at, direction === Direction.toServer)) return noFrame
    return headerLength + contentLength(bytes, at) + bytes[at + 6]
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < headerLength || bytes[start + 7] !== 0) return false
    if (!mayBeRecord(bytes, start, direction === Direction.toServer)) return false
    return direction === Direction.toServer || this.exchanges.has(requestId(bytes, start))
  }

  /** Ids pair what comes after a loss; of what was lost of an answer only its length is not known. */
  protected override lost(direction: Direction): void {
    for (const exchange of this.exchanges.values()) {
      if (direction === Direction.toClient) exchange.outputLength = -1
      else if (exchange.request !== null) exchange.parameters.isCut = true
    }
  }

  protected override ended(): void {
    for (const exchange of this.exchanges.values()) this.giveUp(exchange)
    this.exchanges.clear()
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start } = frame
    const type = bytes[start + 1]
    const id = requestId(bytes, start)
    if (type === Type.beginRequest) this.begin(frame, id)
    const exchange = this.exchanges.get(id)
    if (exchange === undefined) {
      if (id !== 0) this.stats.skippedBytes += frame.length
      return true
    }
    if (frame.direction === Direction.toServer) this.fromServer(frame, exchange, id, type)
    else this.fromApplication(frame, exchange, id, type)
    return true
  }

  private begin(frame: Frame, id: number): void {
    const older = this.exchanges.get(id)
    if (older !== undefined) this.giveUp(older)
    this.exchanges.delete(id)
    if (this.exchanges.size >= maxRequests) {
      const [oldestId, oldest] = this.exchanges.entries().next().value as [number, Exchange]
      this.giveUp(oldest)
      this.exchanges.delete(oldestId)
      this.stats.overflows++
    }
    const request = this.messageOf(frame, RecordType.request, L7Protocol.fastCgi)
    request.capturedBytes = 0
    request.requestId = id
    request.version = version
    this.exchanges.set(id, {
      request,
      parameters: new Kept(maxParameters),
      inputLength: 0,
      response: null,
      output: new Kept(maxOutput),
      outputLength: 0,
      errorText: "",
      endpoint: "",
    })
  }

  private fromServer(frame: Frame, exchange: Exchange, id: number, type: number): void {
    const { bytes, start } = frame
    const { parameters, request } = exchange
    if (type === Type.abortRequest) {
      this.abort(frame, id)
      return
    }
    // Input behind its own end, or behind an early answer.
    if (request === null) return
    const length = contentLength(bytes, start)
    request.endUs = frame.endUs
    request.capturedBytes += frame.captured
    if (type === Type.params) {
      const at = start + headerLength
      parameters.add(bytes, at, Math.min(frame.end, at + length))
      if (frame.isCut || frame.end < at + length) parameters.isCut = true
    } else if (type === Type.stdin || type === Type.data) {
      exchange.inputLength += length
      if (type === Type.stdin && length === 0) this.finishRequest(exchange)
    }
  }

  /** The client of the web server left. */
  private abort(frame: Frame, id: number): void {
    const message = this.messageOf(frame, RecordType.request, L7Protocol.fastCgi)
    message.isAsync = true
    message.requestId = id
    message.version = version
    message.requestType = "FCGI_ABORT_REQUEST"
    this.stats.requests++
    this.sink.message(message)
  }

  private finishRequest(exchange: Exchange): void {
    const { parameters, request } = exchange
    if (request === null) return
    exchange.request = null
    readParameters(parameters.bytes, parameters.length, request, this.keepSegments)
    parameters.bytes = new Uint8Array(0)
    request.length = exchange.inputLength
    exchange.endpoint = request.endpoint
    if (parameters.isCut) this.stats.truncated++
    this.stats.requests++
    this.sink.message(request)
  }

  private fromApplication(frame: Frame, exchange: Exchange, id: number, type: number): void {
    const { bytes, start } = frame
    const at = start + headerLength
    const length = contentLength(bytes, start)
    if (exchange.response === null) {
      exchange.response = this.messageOf(frame, RecordType.response, L7Protocol.fastCgi)
      exchange.response.requestId = id
      exchange.response.version = version
      exchange.response.capturedBytes = 0
    }
    const { output, response } = exchange
    response.endUs = frame.endUs
    response.capturedBytes += frame.captured
    if (type === Type.stdout) {
      if (exchange.outputLength >= 0) exchange.outputLength += length
      if (length > 0) output.add(bytes, at, Math.min(frame.end, at + length))
      if (frame.isCut) output.isCut = true
    } else if (type === Type.stderr) {
      if (exchange.errorText === "" && length > 0)
        exchange.errorText = latin1Text(bytes, at, Math.min(frame.end, at + Math.min(length, maxError)))
    } else if (type === Type.endRequest) {
      this.exchanges.delete(id)
      this.finishRequest(exchange)
      const isWhole = frame.end >= at + 5
      this.finishResponse(exchange, isWhole ? u32At(bytes, at) : 0, isWhole ? bytes[at + 4] : 0)
    }
  }

  private finishResponse(exchange: Exchange, applicationStatus: number, protocolStatus: number): void {
    const { errorText, output, response } = exchange
    if (response === null) return
    exchange.response = null
    response.endpoint = exchange.endpoint
    const bodyAt = bodyStart(output.bytes, output.length)
    if (protocolStatus !== 0) {
      response.status =
        protocolStatus === overloaded ? ResponseStatus.serverError : ResponseStatus.clientError
      response.exception = statusNames[protocolStatus] ?? `protocol status ${protocolStatus}`
    } else if (bodyAt > 0 || output.isCut)
      readHeaders(output.bytes, bodyAt > 0 ? bodyAt : output.length, response)
    else if (applicationStatus !== 0) response.status = ResponseStatus.serverError
    if (bodyAt > 0 && exchange.outputLength >= 0) response.length = exchange.outputLength - bodyAt
    const attributes: Array<string> = []
    if (applicationStatus !== 0) attributes.push("app_status", `${applicationStatus}`)
    if (errorText !== "" && response.status !== ResponseStatus.ok)
      attributes.push("stderr", maskQuoted(errorText.trim(), "'"))
    if (attributes.length > 0) response.attributes = attributes
    this.stats.responses++
    this.sink.message(response)
  }

  /** The end of an exchange was not seen. */
  private giveUp(exchange: Exchange): void {
    this.finishRequest(exchange)
    if (exchange.response === null) return
    exchange.outputLength = -1
    this.stats.truncated++
    this.finishResponse(exchange, 0, 0)
  }
}
