// The SOFARPC parser of one connection (Bolt 1 and 2). Both sides may ask; answers are paired by id, those to the server apart.
// Bound: 8 KiB of one command for each direction, 1,024 calls without an answer.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { CallConnection } from "../framed/CallConnection.ts"
import { callEndpoint } from "../framed/callEndpoint.ts"
import { type Frame, noFrame, undecided } from "../framed/FramedConnection.ts"
import { utf8Text } from "../latin1.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { detectBolt } from "./detect.ts"
import { BoltHeader, CommandType, minHead } from "./header.ts"
import { CallFacts, eachHeader } from "./headers.ts"
import { SofaObject } from "./SofaObject.ts"
import { Codec, codecName, statusName, statusOf } from "./statuses.ts"

const maxKept = 8192
/** Ids of calls by the server are this much higher: both sides count from their own start. */
const ofServer = 2 ** 32
/** The class of all SOFARPC's requests, which says nothing of a call. */
const sofaRequest = "com.alipay.sofa.rpc.core.request.SofaRequest"
/** Bytes of an error's text that are shown. */
const maxErrorText = 256

const header = new BoltHeader()
const facts = new CallFacts()
const object = new SofaObject()

export class SofaRpcConnection extends CallConnection<string> {
  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    const found = header.read(bytes, at, end)
    if (found === 0) return undecided
    return found < 0 ? noFrame : header.length
  }

  protected override mayBegin(_direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    if (end - start < minHead) return false
    const evidence = detectBolt(bytes, start, end)
    return evidence !== Evidence.none && evidence !== Evidence.unclear
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start, end, direction } = frame
    header.read(bytes, start, end)
    const asks = !header.isResponse
    const message = this.messageOf(frame, asks ? RecordType.request : RecordType.response, L7Protocol.sofaRpc)
    message.version = `${header.protocol}`
    message.length = frame.length
    message.requestId = header.id + (asks === (direction === Direction.toClient) ? ofServer : 0)
    message.attributes = ["codec", codecName(header.codec)]
    facts.begin(message)
    const classAt = start + header.headBytes
    const headersAt = classAt + header.classBytes
    const contentAt = headersAt + header.headerBytes
    eachHeader(bytes, Math.min(end, headersAt), Math.min(end, contentAt), facts.take)
    const contentEnd = Math.min(end, contentAt + header.contentBytes)
    // Clients without headers name all in the object; answers say there what went wrong.
    const hasObject = header.codec === Codec.hessian && (!asks || facts.service === "" || facts.method === "")
    if (hasObject) object.read(bytes, Math.min(end, contentAt), contentEnd)
    if (hasObject && object.isError) facts.isError = true
    const className = headersAt <= end ? utf8Text(bytes, classAt, headersAt) : ""
    if (asks) this.readRequest(message, className === sofaRequest ? "" : className, hasObject)
    else {
      // With Protocol Buffers the content of a failure is its text.
      const isText = facts.isError && header.codec === Codec.protobuf
      const textEnd = Math.min(contentEnd, contentAt + maxErrorText)
      const text = isText && contentAt < textEnd ? utf8Text(bytes, contentAt, textEnd) : ""
      this.readResponse(message, hasObject ? failureText() : text)
    }
    this.sink.message(message)
    return true
  }

  private readRequest(message: L7Message, className: string, hasObject: boolean): void {
    this.stats.requests++
    if (header.isHeartbeat) message.requestType = "HEARTBEAT"
    else {
      if (hasObject) for (const [name, value] of object.texts) facts.take(name, value)
      // Other users of Bolt tell their requests apart by class.
      const { service, method } = facts
      message.requestResource = service || className
      message.requestType = method || className.slice(className.lastIndexOf(".") + 1)
      message.requestDomain = facts.targetApp
      message.endpoint = callEndpoint(service, method) || className
      if (facts.callerApp !== "") message.attributes = [...message.attributes, "caller_app", facts.callerApp]
      facts.endTrace()
    }
    message.isAsync = header.type === CommandType.oneWay
    if (!message.isAsync) this.calls.add(message.requestId, message.endpoint)
  }

  private readResponse(message: L7Message, failure: string): void {
    this.stats.responses++
    message.endpoint = this.calls.take(message.requestId) ?? ""
    message.code = header.status
    message.status = statusOf(header.status)
    if (header.isHeartbeat) return
    message.exception = failure || statusName(header.status)
    // The transport was fine, the service was not.
    if (message.status === ResponseStatus.ok && (facts.isError || failure !== ""))
      message.status = ResponseStatus.serverError
  }
}

/** What a SofaResponse says of its failure; empty for a success. */
const failureText = (): string => {
  const { thrownClass, thrownText } = object
  if (object.isError) return (object.texts.get("errorMsg") ?? "").slice(0, maxErrorText)
  return thrownText === "" ? thrownClass : `${thrownClass}: ${thrownText}`.slice(0, maxErrorText)
}
