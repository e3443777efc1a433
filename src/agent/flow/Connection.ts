// One connection (TCP, or datagrams between two ends): decides its protocol and which side is the server, puts the bytes of both sides in order, parses them
// and pairs the messages into sessions. Invariant: holds at most 20 undecided feeds of 512 bytes besides its parser and pairs.

import { type L7Message, RecordType } from "../../model/L7Session.ts"
import type { SignalSource } from "../../model/observation.ts"
import { IpProtocol } from "../../model/protocol.ts"
import type { RedScope } from "../metric/RedScope.ts"
import type { Cause } from "../trace/Cause.ts"
import type { Exchange } from "../trace/Exchange.ts"
import {
  type ConnectionParser,
  Direction,
  Evidence,
  type MessageSink,
  type Protocol,
} from "../protocol/Protocol.ts"
import { isDelivery } from "../protocol/deliveries.ts"
import { type CallSite, noCall } from "./CallSite.ts"
import type { Endpoint } from "./Endpoint.ts"
import type { FlowAccount } from "./FlowAccount.ts"
import type { Session } from "./Session.ts"
import { type PairBudget, SessionPairs } from "./SessionPairs.ts"

/** The two ends of a connection; for system calls `a` is the local one. */
export const Side = { a: 0, b: 1, unknown: 2 } as const
export type Side = (typeof Side)[keyof typeof Side]

/** Feeds after which a connection without evidence is given up. */
const maxTries = 4
/** A feed below this is the beginning of a message rather than a try ... */
const shortFeed = 8
/** ... but only so often. */
const maxShorts = 16
/** The same when the kernel program named the protocol: its evidence was good, ours comes with the next message. */
const maxHintedTries = 64
const maxPending = maxTries + maxShorts
const maxPendingBytes = 512
const lookahead = 64
/** Sequence numbers further behind are not taken for bytes sent again but for numbers that make no sense. */
const maxOverlap = 64 * 1024 * 1024

/** See `direction_score`. */
export const DirectionScore = { kernel: 255, payload: 254, guess: 100 } as const

export interface ConnectionInit {
  readonly a: Endpoint
  readonly b: Endpoint
  /** The side whose process was observed; `unknown` for packets. */
  readonly observed: Side
  /** The side that connected, when the kernel was seen doing it. */
  readonly client: Side
  readonly signalSource: (typeof SignalSource)[keyof typeof SignalSource]
  readonly isTls: boolean
  /** Where the flow is counted; its first client is `a`. */
  readonly account: FlowAccount
  /** IpProtocol number; absent: TCP. */
  readonly transport?: number
}

/** What a table gives its connections. */
export interface ConnectionContext {
  readonly protocols: ReadonlyArray<Protocol>
  readonly budget: PairBudget
  readonly onSession: (session: Session, connection: Connection) => void
  /** The protocol is known now, and by it the client. */
  readonly onSettle?: ((connection: Connection) => void) | undefined
  readonly onClose?: ((connection: Connection) => void) | undefined
  /** Gives requests their cause (Causality.request). */
  readonly causeOf?: ((isServer: boolean, requestId: number) => Cause | null) | undefined
  /** The same of responses that nobody asked for (Causality.unasked). */
  readonly causeOfUnasked?: ((isServer: boolean, isDelivery: boolean) => Cause | null) | undefined
  /** Hears of requests with ids before they are whole (Causality.begins). */
  readonly onBegin?: ((isServer: boolean, requestId: number) => void) | undefined
  /** Also each message before it is paired, for tools that print messages. */
  readonly onMessage?: ((message: L7Message, connection: Connection) => void) | undefined
}

interface PendingFeed {
  readonly sender: Side
  readonly bytes: Uint8Array
  readonly missing: number
  readonly timeUs: number
  readonly tcpSeq: number
  readonly call: CallSite
}

const noFeeds: ReadonlyArray<PendingFeed> = []
const scratch = new Uint8Array(lookahead * 2)

export class Connection implements MessageSink {
  readonly key: number | string
  readonly flowId: number
  readonly a: Endpoint
  readonly b: Endpoint
  readonly observed: Side
  readonly signalSource: number
  readonly isTls: boolean
  readonly account: FlowAccount
  readonly transport: number
  client: Side
  directionScore: number
  /** Null until it is decided. */
  protocol: Protocol | null = null
  /** Nothing on this connection is parsed any more: no protocol was recognised, or it was left. */
  isAbandoned = false
  lastUs = 0
  /** Value of `lastUs` when the table last spared this connection while making room. */
  sparedUs = -1
  /** Where metrics of this connection go; RedMetrics keeps it here so as not to look it up for each session. */
  redScope: RedScope | null = null
  /** What the kernel knows of this connection (capture/Verdicts.ts keeps it here); 0: nothing yet. */
  verdict = 0
  /** What is under way on it, for those who join requests (trace/Causality.ts keeps it here); null: nobody does. */
  exchange: Exchange | null = null

  private parser: ConnectionParser | null = null
  private readonly pairs: SessionPairs<Connection>
  private readonly context: ConnectionContext
  private pending: ReadonlyArray<PendingFeed> = noFeeds
  private tries = 0
  private shorts = 0
  private call: CallSite = noCall
  /** Sequence number expected next from each side; -1 when unknown. */
  private expectedA = -1
  private expectedB = -1

  constructor(key: number | string, flowId: number, init: ConnectionInit, context: ConnectionContext) {
    this.key = key
    this.flowId = flowId
    this.a = init.a
    this.b = init.b
    this.observed = init.observed
    this.client = init.client
    this.directionScore = init.client === Side.unknown ? DirectionScore.guess : DirectionScore.kernel
    this.signalSource = init.signalSource
    this.isTls = init.isTls
    this.account = init.account
    this.transport = init.transport ?? IpProtocol.tcp
    this.context = context
    this.pairs = new SessionPairs<Connection>(context.budget, context.onSession, this)
  }

  get clientEnd(): Endpoint {
    return this.client === Side.b ? this.b : this.a
  }

  get serverEnd(): Endpoint {
    return this.client === Side.b ? this.a : this.b
  }

  get outstanding(): number {
    return this.pairs.outstanding
  }

  /**
   * Bytes that `sender` sent: `bytes[start, end)` and then `missing` more that were not captured. `tcpSeq` is the sequence
   * number of the first byte (0: unknown), `call` who moved them, only read during this call, `hint` the number of the protocol that the kernel inferred (0: none).
   */
  feed(
    sender: Side,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
    call: CallSite,
    hint: number,
  ): void {
    this.lastUs = timeUs
    if (this.isAbandoned) return
    let from = start
    let lost = missing
    let seq = tcpSeq
    if (tcpSeq !== 0) {
      const expected = sender === Side.a ? this.expectedA : this.expectedB
      const length = end - start + missing
      const ahead = expected < 0 ? 0 : (tcpSeq - expected) | 0
      if (ahead > 0) this.skip(sender, ahead, timeUs)
      else if (ahead < 0 && ahead >= -maxOverlap) {
        // Sent again, or captured twice: what was seen before is passed over.
        const seen = -ahead
        if (seen >= length) return
        const known = Math.min(seen, end - start)
        from += known
        lost -= seen - known
        seq = (tcpSeq + seen) >>> 0
      }
      const next = (tcpSeq + length) >>> 0
      if (sender === Side.a) this.expectedA = next
      else this.expectedB = next
    }
    if (this.parser === null && !this.decide(sender, bytes, from, end, lost, timeUs, seq, call, hint)) return
    this.deliver(sender, bytes, from, end, lost, timeUs, seq, call)
  }

  /** Reads what the next feed will need (see ByteStream). */
  touch(): number {
    if (this.isAbandoned || this.parser === null) return 0
    const own = this.lastUs + this.expectedA + this.expectedB + this.pairs.touch()
    return this.parser.touch === undefined ? own : own + this.parser.touch()
  }

  /** Both sides agreed on this protocol elsewhere; needs no evidence. */
  agree(protocol: Protocol): void {
    if (this.parser === null && this.client !== Side.unknown)
      this.settle(protocol, this.client, this.directionScore)
  }

  /** The connection is over. */
  close(timeUs: number): void {
    this.isAbandoned = true
    this.pending = noFeeds
    this.parser?.close(timeUs)
    this.parser = null
    this.pairs.close()
    this.context.onClose?.(this)
  }

  /** Gives up requests that waited too long. */
  expire(nowUs: number): void {
    if (this.pairs.outstanding > 0) this.pairs.expire(nowUs)
  }

  message(message: L7Message): void {
    this.context.onMessage?.(message, this)
    this.pairs.add(message, this.call, this.causeOf(message))
  }

  private causeOf(message: L7Message): Cause | null {
    const { causeOf, causeOfUnasked } = this.context
    const isServer = this.client !== this.observed
    if (message.type === RecordType.request) return causeOf?.(isServer, message.requestId) ?? null
    return message.isAsync ? (causeOfUnasked?.(isServer, isDelivery(message)) ?? null) : null
  }

  begins(requestId: number): void {
    this.context.onBegin?.(this.client !== this.observed, requestId)
  }

  leave(): void {
    this.isAbandoned = true
  }

  desync(direction: Direction): void {
    this.pairs.desync(direction)
  }

  private skip(sender: Side, missing: number, timeUs: number): void {
    if (this.parser !== null) this.parser.feed(this.directionOf(sender), scratch, 0, 0, missing, timeUs, 0)
    else this.pending = noFeeds
  }

  private deliver(
    sender: Side,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
    call: CallSite,
  ): void {
    this.call = call
    this.parser?.feed(this.directionOf(sender), bytes, start, end, missing, timeUs, tcpSeq)
  }

  private directionOf(sender: Side): Direction {
    return sender === this.client ? Direction.toServer : Direction.toClient
  }

  /** Looks for evidence of a protocol; true when there is a parser now. */
  private decide(
    sender: Side,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
    call: CallSite,
    hint: number,
  ): boolean {
    if (start === end) return false
    let isUnclear = false
    for (const protocol of this.context.protocols) {
      const evidence = this.evidence(protocol, sender, bytes, start, end)
      if (evidence === Evidence.request || evidence === Evidence.response) {
        this.settle(
          protocol,
          evidence === Evidence.request ? sender : this.other(sender),
          DirectionScore.payload,
        )
        return true
      }
      if (evidence === Evidence.either) {
        this.settle(protocol, this.client === Side.unknown ? sender : this.client, this.directionScore)
        return true
      }
      if (evidence !== Evidence.unclear) continue
      isUnclear = true
      if (protocol.protocol === hint && this.client !== Side.unknown) {
        this.settle(protocol, this.client, this.directionScore)
        return true
      }
    }
    if (!isUnclear) this.pending = noFeeds
    else if (this.pending.length < maxPending) {
      const kept = Math.min(end, start + maxPendingBytes)
      const feed = { sender, bytes: bytes.slice(start, kept), missing: missing + end - kept, timeUs, tcpSeq }
      this.pending = [...this.pending, { ...feed, call: { ...call } }]
    }
    if (end - start + missing < shortFeed && this.shorts < maxShorts) this.shorts++
    else this.tries++
    if (this.tries >= (hint === 0 ? maxTries : maxHintedTries)) {
      this.isAbandoned = true
      this.pending = noFeeds
    }
    return false
  }

  private other(side: Side): Side {
    return side === Side.a ? Side.b : Side.a
  }

  /** What these bytes say as continuation of what the sender sent before, and where that is unclear, what they say alone. */
  private evidence(
    protocol: Protocol,
    sender: Side,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Evidence {
    let length = 0
    for (const feed of this.pending) {
      if (feed.sender !== sender) continue
      if (feed.missing > 0) length = 0
      else for (let i = 0; i < feed.bytes.length && length < lookahead; i++) scratch[length++] = feed.bytes[i]
    }
    if (length > 0) {
      for (let i = start; i < end && length < lookahead; i++) scratch[length++] = bytes[i]
      const joined = protocol.detect(scratch, 0, length)
      if (joined === Evidence.unclear) return protocol.detect(bytes, start, end) || joined
      if (joined !== Evidence.none) return joined
    }
    return protocol.detect(bytes, start, end)
  }

  private settle(protocol: Protocol, client: Side, score: number): void {
    // Where the payload agrees with the kernel, the kernel's word stands.
    if (this.client !== client) this.directionScore = score
    else if (this.directionScore < score) this.directionScore = score
    this.client = client
    this.protocol = protocol
    this.context.onSettle?.(this)
    this.parser = protocol.connection(this, this.serverEnd.port)
    const { pending } = this
    this.pending = noFeeds
    for (const feed of pending) {
      const { length } = feed.bytes
      this.deliver(feed.sender, feed.bytes, 0, length, feed.missing, feed.timeUs, feed.tcpSeq, feed.call)
    }
  }
}
