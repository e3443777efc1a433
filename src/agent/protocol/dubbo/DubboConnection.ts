// The Dubbo parser of one connection. Both sides may ask, mostly with heartbeats; answers are paired by id, those to the server
// apart. Bound: 8 KiB of one message for each direction, 1,024 calls without an answer.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { CallConnection } from "../framed/CallConnection.ts"
import { callEndpoint } from "../framed/callEndpoint.ts"
import { type Frame, noFrame, undecided } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { bodyOf } from "./bodies.ts"
import { detectDubbo } from "./detect.ts"
import {
  headerBytes,
  idOf,
  isEvent,
  isRequest,
  isTwoWay,
  mayBeHeader,
  messageLength,
  serializationOf,
} from "./header.ts"
import { errorText, Invocation } from "./Invocation.ts"
import { statusName, statusOf } from "./statuses.ts"

const maxKept = 8192
/** Ids of calls by the server are this much higher: both sides count from their own start. */
const ofServer = 2 ** 52
/** Version of a service that has none. */
const noVersion = "0.0.0"

/** Bodies of events: a heartbeat has none. */
const eventNames: Record<string, string> = { "": "HEARTBEAT", R: "READONLY", W: "WRITEABLE" }

const invocation = new Invocation()

export class DubboConnection extends CallConnection<string> {
  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < headerBytes) return mayBeHeader(bytes, at, end) ? undecided : noFrame
    const length = messageLength(bytes, at)
    return length < 0 ? noFrame : length
  }

  protected override mayBegin(_direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    const evidence = detectDubbo(bytes, start, end)
    return evidence !== Evidence.none && evidence !== Evidence.unclear
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start, direction } = frame
    const asks = isRequest(bytes, start)
    const message = this.messageOf(frame, asks ? RecordType.request : RecordType.response, L7Protocol.dubbo)
    message.length = frame.length - headerBytes
    const isOfServer = asks === (direction === Direction.toClient)
    message.requestId = idOf(bytes, start) + (isOfServer ? ofServer : 0)
    message.attributes = ["serialization_id", `${serializationOf(bytes, start)}`]
    if (isEvent(bytes, start)) message.attributes = [...message.attributes, "event", "true"]
    if (asks) this.readRequest(message, frame)
    else this.readResponse(message, frame)
    this.sink.message(message)
    return true
  }

  private readRequest(message: L7Message, { bytes, start, end, length }: Frame): void {
    this.stats.requests++
    message.isAsync = !isTwoWay(bytes, start)
    const body = bodyOf(serializationOf(bytes, start))
    const bodyAt = Math.min(end, start + headerBytes)
    if (isEvent(bytes, start))
      message.requestType = eventNames[body?.readText(bytes, bodyAt, end) ?? "?"] ?? "EVENT"
    else if (body !== undefined) {
      invocation.begin(message)
      body.readInvocation(bytes, bodyAt, end, invocation, end - start === length)
      this.describeCall(message)
    }
    if (!message.isAsync) this.calls.add(message.requestId, message.endpoint)
  }

  private describeCall(message: L7Message): void {
    const { service, serviceVersion, method, group, application, genericMethod } = invocation
    message.version = invocation.protocolVersion
    message.requestType = method
    message.requestResource = message.requestDomain = service
    message.endpoint = callEndpoint(service, method)
    const attributes = [...message.attributes]
    if (serviceVersion !== "" && serviceVersion !== noVersion)
      attributes.push("service_version", serviceVersion)
    if (genericMethod !== "") attributes.push("generic_method", genericMethod)
    if (group !== "") attributes.push("group", group)
    if (application !== "") attributes.push("remote_application", application)
    message.attributes = attributes
  }

  private readResponse(message: L7Message, { bytes, start, end }: Frame): void {
    this.stats.responses++
    message.endpoint = this.calls.take(message.requestId) ?? ""
    message.code = bytes[start + 3]
    message.status = statusOf(message.code)
    if (isEvent(bytes, start)) return
    const body = bodyOf(serializationOf(bytes, start))
    const bodyAt = Math.min(end, start + headerBytes)
    if (message.status === ResponseStatus.ok) {
      const exception = body?.readException(bytes, bodyAt, end) ?? null
      if (exception === null) return
      // The provider's method threw.
      message.status = ResponseStatus.serverError
      message.exception = exception
    } else message.exception = errorText(body?.readText(bytes, bodyAt, end) ?? "") || statusName(message.code)
  }
}
