// The Kafka parser of one connection. Requests and responses are paired by correlation id, which also tells what a response is:
// its bytes do not say. Bound: 4 KiB of one message for each direction, 1,024 calls without a response.

import { absentCode, type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { u16At, u32At } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection, noFrame, undecided } from "../framed/FramedConnection.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { Api, apiKeys } from "./apiKeys.ts"
import { detectKafka, maxRequest, maxResponse, mayBeRequest, requestHead } from "./detect.ts"
import { errorName, statusOf } from "./errorCodes.ts"
import { endpointOf, type KafkaCall, makeCall, placeOf } from "./KafkaCall.ts"
import { KafkaReader } from "./KafkaReader.ts"
import { readRequest } from "./requests.ts"
import { noCode, readResponse, type ResponseFacts } from "./responses.ts"
import type { TopicNames } from "./TopicNames.ts"

const maxKept = 4096
const maxCalls = 1024
/** A response to a call that was not seen is passed over when it is no longer and ends where its bytes end. */
const maxUnrequested = 1_048_576

const reader = new KafkaReader()
const facts: ResponseFacts = { code: noCode, compression: "" }
const versions = Array.from({ length: 32 }, (_, version) => `${version}`)

export class KafkaConnection extends FramedConnection {
  private readonly calls = new Map<number, KafkaCall>()
  private readonly topics: TopicNames

  constructor(sink: MessageSink, stats: ParserStats, topics: TopicNames) {
    super(sink, stats, maxKept)
    this.topics = topics
  }

  protected override frameLength(direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    if (end - at < 4) return undecided
    const length = u32At(bytes, at)
    if (direction === Direction.toServer) {
      if (length < requestHead - 4 || length > maxRequest) return noFrame
      if (end - at < requestHead) return undecided
      return mayBeRequest(bytes, at, end) ? length + 4 : noFrame
    }
    if (length < 4 || length > maxResponse) return noFrame
    if (end - at < 8) return undecided
    const isKnown = this.calls.has(u32At(bytes, at + 4) | 0)
    return isKnown || (length < maxUnrequested && at + 4 + length === end) ? length + 4 : noFrame
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    if (direction === Direction.toServer) return detectKafka(bytes, start, end) === Evidence.request
    if (end - start < 8 || u32At(bytes, start) > maxResponse) return false
    return this.calls.has(u32At(bytes, start + 4) | 0)
  }

  protected override lost(): void {}

  protected override read(frame: Frame): boolean {
    if (frame.direction === Direction.toServer) this.readRequest(frame)
    else this.readResponse(frame)
    return true
  }

  private readRequest(frame: Frame): void {
    const { bytes, start } = frame
    const call = makeCall(u16At(bytes, start + 4), u16At(bytes, start + 6))
    const id = u32At(bytes, start + 8)
    const { name, flexibleSince } = apiKeys[call.apiKey]
    const message = this.messageOf(frame, RecordType.request, L7Protocol.kafka)
    reader.reset(bytes, start + 12, Math.min(frame.end, start + frame.length))
    // The client id has the classic form in every header; tagged fields follow it in the flexible one.
    reader.isFlexible = false
    const clientId = reader.string()
    reader.isFlexible = call.version >= flexibleSince
    reader.tags()
    const compression = readRequest(reader, call, message, this.topics)
    message.length = frame.length - 4
    message.requestId = id
    message.version = versions[call.version]
    message.requestType = name
    message.requestDomain = call.topic
    message.endpoint = call.endpoint = endpointOf(call)
    message.requestResource = placeOf(call)
    message.isAsync = call.isOneWay
    message.attributes = attributesOf(clientId, call, compression)
    if (!call.isOneWay) this.remember(id, call)
    this.stats.requests++
    this.sink.message(message)
  }

  private readResponse(frame: Frame): void {
    const { bytes, start } = frame
    const id = u32At(bytes, start + 4)
    const call = this.calls.get(id | 0)
    if (call === undefined) {
      this.stats.skippedBytes += frame.length
      return
    }
    this.calls.delete(id | 0)
    const message = this.messageOf(frame, RecordType.response, L7Protocol.kafka)
    reader.reset(bytes, start + 8, Math.min(frame.end, start + frame.length))
    reader.isFlexible = call.version >= apiKeys[call.apiKey].flexibleSince
    // KIP-511: a client that does not know its server yet must be able to read this one.
    if (call.apiKey !== Api.apiVersions) reader.tags()
    call.records = -1
    const { endpoint, partition, topic } = call
    // A fetch asks for many partitions and gets those that have records.
    if (call.apiKey === Api.fetch) call.topic = ""
    readResponse(reader, call, message, this.topics, facts)
    message.length = frame.length - 4
    message.requestId = id
    message.version = versions[call.version]
    message.requestType = apiKeys[call.apiKey].name
    const isAsAsked = call.topic === "" || (call.topic === topic && call.partition === partition)
    message.requestDomain = isAsAsked ? topic : call.topic
    message.endpoint = isAsAsked ? endpoint : endpointOf(call)
    call.endpoint = message.endpoint
    this.describeOutcome(message, call)
    this.stats.responses++
    this.sink.message(message)
  }

  private describeOutcome(message: L7Message, call: KafkaCall): void {
    const { code, compression } = facts
    if (call.apiKey === Api.produce || call.apiKey === Api.fetch) {
      message.requestResource = placeOf(call)
      // Where a message lies in the cluster is the same for its producer and its consumers.
      message.xRequestId = message.requestResource
      if (call.apiKey === Api.fetch) message.attributes = attributesOf("", call, compression)
    }
    if (code === noCode || code === absentCode) return
    message.code = code
    message.status = statusOf(code)
    if (message.status !== ResponseStatus.ok) message.exception = errorName(code)
    else if (code !== 0) message.result = errorName(code)
  }

  private remember(id: number, call: KafkaCall): void {
    if (this.calls.size >= maxCalls) {
      const oldest = this.calls.keys().next()
      if (oldest.done !== true) this.calls.delete(oldest.value)
      this.stats.overflows++
    }
    this.calls.set(id | 0, call)
  }
}

const noAttributes: ReadonlyArray<string> = []

const attributesOf = (clientId: string, call: KafkaCall, compression: string): ReadonlyArray<string> => {
  if (clientId === "" && call.group === "" && call.records < 0) return noAttributes
  const attributes: Array<string> = []
  if (clientId !== "") attributes.push("client_id", clientId)
  if (call.group !== "") attributes.push("group_id", call.group)
  if (call.transactionalId !== "") attributes.push("transactional_id", call.transactionalId)
  if (call.records >= 0) attributes.push("records", `${call.records}`)
  if (compression !== "") attributes.push("compression", compression)
  return attributes
}
