// Turns datagrams from the kernel into flows: those of one socket with one peer are one, which is over after a minute of silence. Of DNS's
// ports each is an event; of others the kernel sums what moved, and gives away only what somebody reads. Nothing is told of their end;
// bounded, the one that was silent longest makes room.

import { CloseType } from "../../model/closeType.ts"
import { IpProtocol } from "../../model/protocol.ts"
import { SignalSource } from "../../model/observation.ts"
import { type Connection, Side } from "../flow/Connection.ts"
import type { ConnectionTable } from "../flow/ConnectionTable.ts"
import { type Endpoint, makeEndpoint } from "../flow/Endpoint.ts"
import type { FlowAccount } from "../flow/FlowAccount.ts"
import type { FlowLog } from "../flow/FlowLog.ts"
import { Meter } from "../flow/FlowMeter.ts"
import { countMoved, processAccount } from "../flow/processAccount.ts"
import { DirectionScore, guessClient } from "../flow/tcp/direction.ts"
import { latin1Text } from "../protocol/latin1.ts"
import type { ProcessTable } from "../process/ProcessTable.ts"
import type { Causality } from "../trace/Causality.ts"
import { Exchange } from "../trace/Exchange.ts"
import type { DatagramSum } from "./DatagramSums.ts"
import { isServer, localEnd, nameEnd, readU64, remoteEnd } from "./eventEnds.ts"
import { socketData } from "./layout.gen.ts"
import type { Verdicts } from "./Verdicts.ts"

const idleUs = 60_000_000
const maxFlows = 8_192

export interface DatagramFlowsOptions {
  readonly connections: ConnectionTable
  readonly flowLog: FlowLog
  readonly processes: ProcessTable
  readonly causality: Causality
  readonly verdicts: Verdicts
}

interface DatagramFlow {
  /** The local end. */
  readonly a: Endpoint
  readonly b: Endpoint
  readonly account: FlowAccount
  lastUs: number
}

export class DatagramFlows {
  readonly counters = { datagram_flows_evicted_total: 0 }
  readonly #options: DatagramFlowsOptions
  readonly #call = { thread: 0, coroutine: 0, number: 0 }
  /** In the order in which they were last used. */
  readonly #flows = new Map<string, DatagramFlow>()

  constructor(options: DatagramFlowsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#flows.size
  }

  /** The event of a datagram at `at`, whose payload is `bytes[start, end)` and `missing` more. */
  add(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
  ): void {
    const key = keyOfEvent(bytes, view, at)
    const isSent = view.getUint8(at + socketData.direction) === 0
    const sender = isSent ? Side.a : Side.b
    const flow =
      this.#used(key, timeUs) ??
      this.#open(
        key,
        localEnd(bytes, view, at, this.#options.processes),
        remoteEnd(bytes, view, at),
        sender,
        timeUs,
      )
    // The kernel sums the others.
    const isSummed = view.getUint32(at + socketData.generation, true) !== 0
    if (!isSummed) this.#count(flow.account, sender, 1, end - start + missing, timeUs)
    const connection = this.#options.connections.get(key) ?? this.#connect(key, flow, timeUs)
    this.#feed(connection, sender, bytes, view, at, start, end, missing, timeUs)
    if (isSummed) this.#options.verdicts.considerDatagram(connection, view, at)
    // What is no message of a known protocol leaves nothing behind but its size.
    if (connection.protocol === null) this.#options.connections.close(key, timeUs)
  }

  #feed(
    connection: Connection,
    sender: Side,
    bytes: Uint8Array,
    view: DataView,
    at: number,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
  ): void {
    const { causality } = this.#options
    const isSent = sender === Side.a
    const call = this.#call
    call.thread = view.getUint32(at + socketData.tid, true)
    call.coroutine = readU64(view, at + socketData.coroutine)
    const tgid = view.getUint32(at + socketData.tgid, true)
    const waits = view.getUint32(at + socketData.waits, true)
    connection.exchange ??= new Exchange()
    // Who is the client is known once a message was read; and then a whole one was.
    causality.begin(connection.exchange, undefined, isSent, tgid, call.thread, call.coroutine, waits, timeUs)
    connection.feed(sender, bytes, start, end, missing, timeUs, 0, call, 0)
    causality.end(isServer(connection), isSent, connection.isAbandoned)
  }

  /** What the kernel summed of one socket and peer. */
  addSum(sum: DatagramSum): void {
    const { lastUs, received, receivedBytes, sent, sentBytes } = sum
    const key = flowKey(sum.socket, sum.localPort, sum.remotePort, sum.remoteIp)
    const { account } = this.#used(key, lastUs) ?? this.#openSummed(key, sum)
    if (sent > 0) this.#count(account, Side.a, sent, sentBytes, lastUs)
    if (received > 0) this.#count(account, Side.b, received, receivedBytes, lastUs)
  }

  #openSummed(key: string, sum: DatagramSum): DatagramFlow {
    const local = makeEndpoint(sum.localIp, 0, sum.localPort)
    const remote = makeEndpoint(sum.remoteIp, 0, sum.remotePort)
    nameEnd(local, sum.tgid, this.#options.processes.get(sum.tgid), sum.comm)
    const flow = this.#open(key, local, remote, sum.isAsked ? Side.b : Side.a, sum.begunUs)
    flow.lastUs = sum.lastUs
    return flow
  }

  #count(account: FlowAccount, sender: Side, datagrams: number, bytes: number, timeUs: number): void {
    const { secondAt, values } = account
    values[secondAt + (sender === Side.a ? Meter.packetTx : Meter.packetRx)]! += datagrams
    countMoved(this.#options.flowLog, account, sender, bytes, timeUs)
  }

  /** Undefined: it is new. */
  #used(key: string, timeUs: number): DatagramFlow | undefined {
    const flow = this.#flows.get(key)
    if (flow === undefined) return undefined
    this.#flows.delete(key)
    this.#flows.set(key, flow)
    flow.lastUs = timeUs
    return flow
  }

  #open(key: string, a: Endpoint, b: Endpoint, first: Side, timeUs: number): DatagramFlow {
    if (this.#flows.size >= maxFlows) {
      const [oldest, flow] = this.#flows.entries().next().value!
      this.#end(oldest, flow, CloseType.forcedReport, timeUs)
      this.counters.datagram_flows_evicted_total++
    }
    const account = processAccount(IpProtocol.udp, a, b, Side.unknown, timeUs)
    const guess = clientScore(a, b, first)
    account.directionScore = Math.abs(guess)
    account.isReversed = guess < 0
    account.isKept = true
    const flow = { a, b, account, lastUs: timeUs }
    this.#flows.set(key, flow)
    return flow
  }

  #connect(key: string, { a, account, b }: DatagramFlow, timeUs: number): Connection {
    return this.#options.connections.open(
      key,
      {
        a,
        b,
        observed: Side.a,
        client: Side.unknown,
        signalSource: SignalSource.ebpf,
        isTls: false,
        transport: IpProtocol.udp,
        account,
      },
      timeUs,
    )
  }

  #end(key: string, { account }: DatagramFlow, closeType: CloseType, timeUs: number): void {
    this.#flows.delete(key)
    this.#options.connections.close(key, timeUs)
    this.#options.flowLog.close(account, closeType)
  }

  /** To be called about once a second. */
  expire(nowUs: number): void {
    for (const [key, flow] of this.#flows) {
      if (nowUs - flow.lastUs < idleUs) return
      this.#end(key, flow, CloseType.timeout, nowUs)
    }
  }
}

const noPorts: ReadonlySet<number> = new Set()

/** Positive: the local end is the client, with that score; negative: the other one. `first`: who sent the first datagram. */
const clientScore = (a: Endpoint, b: Endpoint, first: Side): number => {
  const isOwn = first === Side.a
  // A process that does not ask who sends to it serves them.
  if (a.port === 0 || b.port === 0) return isOwn ? DirectionScore.firstPacket : -DirectionScore.firstPacket
  return isOwn ? guessClient(a.port, b.port, noPorts) : -guessClient(b.port, a.port, noPorts)
}

const flowKey = (socket: bigint, localPort: number, remotePort: number, remoteIp: Uint8Array): string =>
  `${socket},${localPort},${remotePort},${latin1Text(remoteIp, 0, 16)}`

const keyOfEvent = (bytes: Uint8Array, view: DataView, at: number): string =>
  flowKey(
    view.getBigUint64(at + socketData.socket, true),
    view.getUint16(at + socketData.localPort, true),
    view.getUint16(at + socketData.remotePort, true),
    bytes.subarray(at + socketData.remoteIp, at + socketData.remoteIp + 16),
  )
