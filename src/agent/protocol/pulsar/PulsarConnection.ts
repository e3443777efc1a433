// The Pulsar parser of one connection. Requests are paired by request id, what is sent by producer and sequence number; what the
// broker pushes is one-way. Bound: 8 KiB of one command for each direction, 1,024 requests without an answer, 1,024 producers and
// consumers.

import { type L7Message, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { u32At } from "../framed/ByteReader.ts"
import { type Frame, FramedConnection, noFrame, undecided } from "../framed/FramedConnection.ts"
import { OpenCalls } from "../framed/OpenCalls.ts"
import type { ParserStats } from "../ParserStats.ts"
import { Direction, Evidence, type MessageSink } from "../Protocol.ts"
import { type Command, commandOf, CommandType, errorName, Role, Sender } from "./commands.ts"
import { commandTypeAt, detectPulsar, frameHead } from "./detect.ts"
import { readMetadata } from "./metadata.ts"
import { ProtobufReader } from "../framed/ProtobufReader.ts"

const maxKept = 8192
const maxTopics = 1024
/** Sequence numbers are told apart by producer: those of the first one are shown as they are. */
const perProducer = 2 ** 33
const maxProducer = 2 ** 16
/** Shown where a request and a sending of the same number wait at once. */
const otherwise = 2 ** 51

interface Waiting {
  readonly shownId: number
  readonly topic: string
}

const fields = new ProtobufReader()
const inner = new ProtobufReader()

/** What was read of a command. */
const facts = {
  requestId: -1,
  topic: "",
  producerId: -1,
  consumerId: -1,
  sequenceId: -1,
  messageId: "",
  error: -1,
  errorText: "",
  /** Third field of answers to lookups. */
  outcome: 0,
}

export class PulsarConnection extends FramedConnection {
  private version = ""
  private broker = ""
  /** Pings that the client sent and CONNECT: answered in order. */
  private inOrder = 0
  private readonly requests: OpenCalls<Waiting>
  private readonly sendings: OpenCalls<Waiting>
  private readonly producers = new Map<number, string>()
  private readonly consumers = new Map<number, string>()

  constructor(sink: MessageSink, stats: ParserStats) {
    super(sink, stats, maxKept)
    this.requests = new OpenCalls(stats)
    this.sendings = new OpenCalls(stats)
  }

  protected override frameLength(_direction: Direction, bytes: Uint8Array, at: number, end: number): number {
    const type = commandTypeAt(bytes, at, end)
    if (type === 0) return undecided
    return type < 0 ? noFrame : u32At(bytes, at) + 4
  }

  protected override mayBegin(direction: Direction, bytes: Uint8Array, start: number, end: number): boolean {
    const evidence = detectPulsar(bytes, start, end)
    if (evidence === Evidence.either) return true
    return evidence === (direction === Direction.toServer ? Evidence.request : Evidence.response)
  }

  protected override lost(direction: Direction): void {
    if (this.inOrder === 0) return
    this.inOrder = 0
    this.sink.desync(direction)
  }

  protected override read(frame: Frame): boolean {
    const { bytes, start } = frame
    const type = commandTypeAt(bytes, start, frame.end)
    const command = commandOf(type)
    const isFromClient = frame.direction === Direction.toServer
    if (command === undefined || (command.sender & (isFromClient ? Sender.client : Sender.broker)) === 0)
      return false
    const commandEnd = start + frameHead + u32At(bytes, start + 4)
    this.readCommand(bytes, start + frameHead, Math.min(frame.end, commandEnd), type, command)
    const message = this.messageOf(
      frame,
      isFromClient ? RecordType.request : RecordType.response,
      L7Protocol.pulsar,
    )
    message.length = frame.length - 4
    message.requestType = command.name
    message.xRequestId = facts.messageId
    const topic = this.topicOf(type)
    if (type === CommandType.send || type === CommandType.message)
      message.attributes = readMetadata(bytes, Math.min(frame.end, commandEnd), frame.end, message)
    if (isFromClient) this.describeRequest(message, type, command, topic)
    else this.describeResponse(message, type, command, topic)
    message.requestDomain = this.broker
    message.version = this.version
    if (isFromClient) this.stats.requests++
    else this.stats.responses++
    this.sink.message(message)
    return true
  }

  private readCommand(bytes: Uint8Array, start: number, end: number, type: number, command: Command): void {
    facts.requestId = facts.producerId = facts.consumerId = facts.sequenceId = facts.error = -1
    facts.topic = facts.messageId = facts.errorText = ""
    facts.outcome = 0
    fields.begin(bytes, start, end)
    // The field of the command's own number holds it.
    do {
      if (!fields.step()) return
    } while (fields.field !== type)
    const { isBytes } = fields
    if (!isBytes) return
    inner.begin(bytes, fields.at, fields.at + fields.value)
    while (inner.step()) {
      const { field, value } = inner
      if (field === command.requestId) facts.requestId = value < otherwise ? value : -1
      else if (field === command.topic) facts.topic = inner.fieldText()
      else if (field === command.producerId) facts.producerId = value
      else if (field === command.consumerId) facts.consumerId = value
      else if (field === command.messageId && inner.isBytes) readMessageId(bytes, inner.at, value)
      else if (field === command.error) facts.error = value | 0
      else if (field === command.errorText) facts.errorText = inner.fieldText()
      else if (field === 2 && isSending(type)) facts.sequenceId = value
      else if (field === 3 && isLookup(type)) facts.outcome = value
      else if (field === 4 && type === CommandType.connect) this.version = `${value}`
      else if (field === 2 && type === CommandType.connected) this.version = `${value}`
      else if (field === 6 && type === CommandType.connect) this.broker = inner.fieldText()
    }
  }

  private topicOf(type: number): string {
    if (facts.topic !== "") {
      if (type === CommandType.producer) remember(this.producers, facts.producerId, facts.topic)
      else if (type === CommandType.subscribe) remember(this.consumers, facts.consumerId, facts.topic)
      return facts.topic
    }
    if (facts.producerId >= 0) return this.producers.get(facts.producerId) ?? ""
    if (facts.consumerId >= 0) return this.consumers.get(facts.consumerId) ?? ""
    return ""
  }

  private describeRequest(message: L7Message, type: number, command: Command, topic: string): void {
    this.showTopic(message, topic)
    if (topic !== "" && facts.topic !== "") message.attributes = [...message.attributes, "topic", topic]
    if (type === CommandType.send) {
      const key = sendingKey()
      message.requestId = this.freeId(key, this.requests)
      this.sendings.add(key, { shownId: message.requestId, topic })
    } else if (facts.requestId >= 0) {
      message.requestId = this.freeId(facts.requestId, this.sendings)
      this.requests.add(facts.requestId, { shownId: message.requestId, topic })
    } else if (command.role === Role.request) this.inOrder++
    else message.isAsync = true
  }

  private describeResponse(message: L7Message, type: number, command: Command, topic: string): void {
    // Pings and closes by the broker are answered by the client, or by nothing.
    if (command.role !== Role.response) {
      message.isAsync = true
      this.showTopic(message, topic)
      return
    }
    message.status = ResponseStatus.ok
    const isFailed = facts.error >= 0 || (isLookup(type) && isFailure(type, facts.outcome))
    if (isFailed) {
      message.status = ResponseStatus.serverError
      if (facts.error >= 0) message.code = facts.error
      message.exception = facts.errorText || (facts.error >= 0 ? errorName(facts.error) : "")
    }
    const isSent = type === CommandType.sendReceipt || type === CommandType.sendError
    const waiting = isSent ? this.sendings.take(sendingKey()) : this.requests.take(facts.requestId)
    if (waiting !== undefined) {
      message.requestId = waiting.shownId
      this.showTopic(message, waiting.topic || topic)
    } else if (facts.requestId >= 0 || isSent) {
      message.requestId = isSent ? sendingKey() : facts.requestId
      this.showTopic(message, topic)
    } else if (this.inOrder > 0) this.inOrder--
    else message.isAsync = true
  }

  /** The last part of `persistent://tenant/namespace/topic`. */
  private showTopic(message: L7Message, topic: string): void {
    message.requestResource = message.endpoint = topic.slice(topic.lastIndexOf("/") + 1)
  }

  private freeId(id: number, others: OpenCalls<Waiting>): number {
    return others.has(id) ? id + otherwise : id
  }
}

const isSending = (type: number): boolean =>
  type === CommandType.send || type === CommandType.sendReceipt || type === CommandType.sendError

const isLookup = (type: number): boolean =>
  type === CommandType.lookupResponse || type === CommandType.partitionedMetadataResponse

/** LookupType Failed of each. */
const isFailure = (type: number, outcome: number): boolean =>
  outcome === (type === CommandType.lookupResponse ? 2 : 1)

const sendingKey = (): number =>
  (Math.max(0, facts.producerId) % maxProducer) * perProducer + (Math.max(0, facts.sequenceId) % perProducer)

const remember = (map: Map<number, string>, id: number, topic: string): void => {
  if (id < 0) return
  if (map.size >= maxTopics) {
    const oldest = map.keys().next()
    if (oldest.done !== true) map.delete(oldest.value)
  }
  map.set(id, topic)
}

/** MessageIdData: ledger and entry are the message's place in the cluster, which its producer and its consumers are told. */
const readMessageId = (bytes: Uint8Array, start: number, length: number): void => {
  let ledger = -1
  let entry = -1
  messageId.begin(bytes, start, start + length)
  while (messageId.step()) {
    if (messageId.field === 1) ledger = messageId.value
    else if (messageId.field === 2) entry = messageId.value
  }
  if (ledger >= 0 && entry >= 0 && facts.messageId === "") facts.messageId = `${ledger}:${entry}`
}
const messageId = new ProtobufReader()
