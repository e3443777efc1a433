// TCP connections of this host as the kernel counts them, whoever reads their bytes: the account and the two ends of each. Counters are
// totals since the connection began, so that a record that is lost only comes late. Bounded; what there is no room for is counted.

import { CloseType } from "../../model/closeType.ts"
import { IpProtocol } from "../../model/protocol.ts"
import { Side } from "../flow/Connection.ts"
import { copyProcess, type Endpoint, makeEndpoint } from "../flow/Endpoint.ts"
import { AccountPool } from "../flow/AccountPool.ts"
import type { FlowAccount } from "../flow/FlowAccount.ts"
import type { FlowLog } from "../flow/FlowLog.ts"
import { DirectionScore, guessClient } from "../flow/tcp/direction.ts"
import { addDelay, Meter } from "../flow/FlowMeter.ts"
import { countMoved, processAccount } from "../flow/processAccount.ts"
import type { ProcessTable } from "../process/ProcessTable.ts"
import { latin1Text } from "../protocol/latin1.ts"
import { nameEnd } from "./eventEnds.ts"
import { socketFlow, socketOwner } from "./layout.gen.ts"
import { Spaced } from "./Spaced.ts"
import { closeTypeOf } from "./tcpEnd.ts"

export interface TcpFlowsOptions {
  readonly flowLog: FlowLog
  readonly processes: ProcessTable
  /** Most connections at the same time. */
  readonly maxFlows: number
  /**
   * What the kernel tells of connections: `alive`: all of them now and then; `end`: only their ends; `nothing`: they are counted by the
   * calls that are followed, and only worth telling where that are all, because their protocol is known.
   */
  readonly told?: "alive" | "end" | "nothing"
}

/** Two ends of a connection, wherever an event tells of them. */
export interface SocketEnds {
  readonly bytes: Uint8Array
  /** Where both addresses lie, 16 bytes each. */
  readonly localIpAt: number
  readonly remoteIpAt: number
  readonly localPort: number
  readonly remotePort: number
  /** enum sonde_role of bpf/include/sonde_event.h. */
  readonly role: number
  /** 0: not known. */
  readonly pid: number
  /** Stands for the names of a process that is gone already. */
  readonly comm: string
}

/** The kernel tells of an idle connection every ten minutes: one that it is silent about for longer is gone. */
const silentUs = { alive: 2_000_000_000, nothing: 1_200_000_000, end: 86_400_000_000 } as const
/** After its end the bytes that wait to be read are told of, and that they end. */
const unreadUs = 120_000_000
/** All are looked through for those so often, and for at most one part in so many of a core. */
const searchUs = 10_000_000
const searchShare = 1_000
/** The other end of a connection may be told of after the first is over: so long it still learns whose that was. */
const rememberUs = 3_000_000
/** include/uapi/linux/tcp.h counts segments in 32 bits. */
const segmentsSince = (now: number, before: number): number => (now - before) >>> 0

export class TcpFlow {
  readonly key: number
  /** The local end. */
  readonly a: Endpoint
  readonly b: Endpoint
  readonly client: Side
  readonly account: FlowAccount
  /** False: there was no room for it in the table; it is over when its bytes end. */
  isKept = true
  /** The process of `a` was seen using the connection. */
  isOwnerSeen = false
  /** How it ended, once it did. */
  closeType: CloseType = CloseType.unknown
  /** What was counted already; undefined: nothing was told yet. */
  counted: Counted | undefined
  heardUs: number
  /** Number of the roll call (RollCall.ts) in which it was told of, or after which. */
  heardIn: number

  constructor(
    key: number,
    a: Endpoint,
    b: Endpoint,
    client: Side,
    account: FlowAccount,
    nowUs: number,
    call: number,
  ) {
    this.key = key
    this.a = a
    this.b = b
    this.client = client
    this.account = account
    this.heardUs = nowUs
    this.heardIn = call
  }
}

interface Counted {
  sent: number
  received: number
  segmentsSent: number
  segmentsReceived: number
  retransmitted: number
  outOfOrder: number
}

/** A connection that is over for TCP. */
export interface TcpEnd {
  readonly flow: TcpFlow
  readonly closeType: CloseType
}

export class TcpFlows {
  readonly counters = { tcp_flows_refused_total: 0, tcp_flows_silent_total: 0 }
  readonly #options: TcpFlowsOptions
  readonly #flows = new Map<number, TcpFlow>()
  /** By `socketsKey`: finds the other end of a local connection, also just after its end. */
  readonly #bySockets = new Map<string, TcpFlow>()
  /** Those that are over and still in `#bySockets`, in the order of their ends. */
  #ended: Array<TcpFlow> = []
  readonly #accounts = new AccountPool()
  readonly #take = this.#accounts.take.bind(this.#accounts)
  #call = 0
  readonly #searches = new Spaced(searchUs, searchShare)

  constructor(options: TcpFlowsOptions) {
    this.#options = options
  }

  /** Whether each call that moves bytes is to be told by `moved`. */
  get isCountedByCalls(): boolean {
    return this.#options.told === "nothing"
  }

  /** A call moved bytes over this connection. */
  moved(key: number, sender: Side, bytes: number, timeUs: number): void {
    const flow = this.#flows.get(key)
    if (flow === undefined) return
    flow.heardUs = timeUs
    countMoved(this.#options.flowLog, flow.account, sender, bytes, timeUs)
  }

  get size(): number {
    return this.#flows.size
  }

  get(key: number): TcpFlow | undefined {
    return this.#flows.get(key)
  }

  /** The connection of an event, begun at `startUs` if it is new. */
  open(key: number, ends: SocketEnds, isOwnerSeen: boolean, startUs: number, nowUs: number): TcpFlow {
    const known = this.#flows.get(key)
    if (known !== undefined) {
      if (ends.pid !== known.a.processId && !known.isOwnerSeen) this.#own(known, ends, isOwnerSeen)
      return known
    }
    const client = ends.role === roleClient ? Side.a : ends.role === roleServer ? Side.b : Side.unknown
    const a = makeEndpoint(ends.bytes, ends.localIpAt, ends.localPort)
    const b = makeEndpoint(ends.bytes, ends.remoteIpAt, ends.remotePort)
    const account = processAccount(IpProtocol.tcp, a, b, client, startUs, this.#take)
    if (client === Side.unknown) {
      const guess = guessClient(a.port, b.port, noPorts)
      account.directionScore = Math.abs(guess)
      account.isReversed = guess < 0
    }
    account.needsProtocol = this.isCountedByCalls
    const flow = new TcpFlow(key, a, b, client, account, nowUs, this.#call)
    this.#nameRemote(flow, 0)
    this.#own(flow, ends, isOwnerSeen)
    if (this.#flows.size >= this.#options.maxFlows) {
      flow.isKept = false
      this.counters.tcp_flows_refused_total++
      return flow
    }
    account.isKept = true
    this.#flows.set(key, flow)
    if (a.port > 0 && b.port > 0) this.#bySockets.set(socketsKey(a.port, b.port, b.ip), flow)
    return flow
  }

  /** Whose the local end is; the other end learns it too when it is of this host. */
  #own(flow: TcpFlow, { comm, pid }: SocketEnds, isOwnerSeen: boolean): void {
    if (pid === 0) return
    flow.isOwnerSeen = isOwnerSeen
    nameEnd(flow.a, pid, this.#options.processes.get(pid), comm)
    const peer = this.#peer(flow)
    if (peer !== undefined) copyProcess(flow.a, peer.b)
  }

  #peer({ a, b }: TcpFlow): TcpFlow | undefined {
    if (a.port === 0 || b.port === 0) return undefined
    return this.#bySockets.get(socketsKey(b.port, a.port, a.ip))
  }

  /** `listenerPid`: listens on the remote port, if that is one of this host; 0: not known. */
  #nameRemote(flow: TcpFlow, listenerPid: number): void {
    const { a, b } = flow
    const peer = this.#peer(flow)
    if (peer !== undefined) return copyProcess(peer.a, b)
    if (!sameAddress(a.ip, b.ip)) return
    const { processes } = this.#options
    const listener = listenerPid === 0 ? processes.listener(b.port) : processes.get(listenerPid)
    if (listener !== undefined) nameEnd(b, listener.info.pid, listener, listener.info.comm)
  }

  /** Nobody saw who connected: who listens is the server. */
  #direct({ account }: TcpFlow, isLocalServer: boolean, isRemoteServer: boolean): void {
    if (account.directionScore >= DirectionScore.serverPort || isLocalServer === isRemoteServer) return
    account.directionScore = DirectionScore.serverPort
    this.#options.flowLog.reverse(account, isLocalServer)
  }

  /** The record at `at` tells of a connection; what it says of its end, if it is over. */
  told(
    bytes: Uint8Array,
    view: DataView,
    at: number,
    key: number,
    startUs: number,
    timeUs: number,
  ): TcpEnd | undefined {
    if (this.#flows.size >= this.#options.maxFlows && !this.#flows.has(key)) {
      this.counters.tcp_flows_refused_total++
      return undefined
    }
    const owner = view.getUint8(at + socketFlow.owner)
    const flow = this.open(
      key,
      {
        bytes,
        localIpAt: at + socketFlow.localIp,
        remoteIpAt: at + socketFlow.remoteIp,
        localPort: view.getUint16(at + socketFlow.localPort, true),
        remotePort: view.getUint16(at + socketFlow.remotePort, true),
        role: view.getUint8(at + socketFlow.role),
        pid: view.getUint32(at + socketFlow.tgid, true),
        comm: "",
      },
      owner === socketOwner.seen,
      startUs,
      timeUs,
    )
    flow.heardUs = timeUs
    flow.heardIn = this.#call
    const localListener = view.getUint32(at + socketFlow.localListener, true)
    const remoteListener = view.getUint32(at + socketFlow.remoteListener, true)
    if (flow.client === Side.unknown) this.#direct(flow, localListener !== 0, remoteListener !== 0)
    if (flow.b.processId === 0 && remoteListener > 1) this.#nameRemote(flow, remoteListener)
    this.#count(flow, view, at, timeUs)
    const left = view.getUint8(at + socketFlow.left)
    if (left === 0) return undefined
    const { account } = flow
    const isClient = account.directionScore >= DirectionScore.serverPort ? !account.isReversed : undefined
    const retransmitted = view.getUint32(at + socketFlow.retransmitted, true)
    const error = view.getUint32(at + socketFlow.error, true)
    return { flow, closeType: closeTypeOf({ left, error, isClient, retransmitted }) }
  }

  #count(flow: TcpFlow, view: DataView, at: number, timeUs: number): void {
    const { account } = flow
    const now: Counted = {
      sent: u64(view, at + socketFlow.sent),
      received: u64(view, at + socketFlow.received),
      segmentsSent: view.getUint32(at + socketFlow.segmentsSent, true),
      segmentsReceived: view.getUint32(at + socketFlow.segmentsReceived, true),
      retransmitted: view.getUint32(at + socketFlow.retransmitted, true),
      outOfOrder: view.getUint32(at + socketFlow.outOfOrder, true),
    }
    // Of a connection that is older than what is known of it the beginning is not counted.
    const isFirst = flow.counted === undefined
    const before = flow.counted ?? (view.getUint8(at + socketFlow.isLate) === 1 ? now : nothing)
    flow.counted = now
    const { secondAt, values } = account
    const sent = Math.max(0, now.sent - before.sent)
    const received = Math.max(0, now.received - before.received)
    const packets = segmentsSince(now.segmentsSent, before.segmentsSent)
    const packetsReceived = segmentsSince(now.segmentsReceived, before.segmentsReceived)
    if (packets === 0 && packetsReceived === 0 && sent === 0 && received === 0) return
    values[secondAt + Meter.byteTx]! += sent
    values[secondAt + Meter.l4ByteTx]! += sent
    values[secondAt + Meter.byteRx]! += received
    values[secondAt + Meter.l4ByteRx]! += received
    values[secondAt + Meter.packetTx]! += packets
    values[secondAt + Meter.packetRx]! += packetsReceived
    values[secondAt + Meter.retransTx]! += segmentsSince(now.retransmitted, before.retransmitted)
    values[secondAt + Meter.outOfOrderRx]! += segmentsSince(now.outOfOrder, before.outOfOrder)
    // The round trip is measured anew by what is acknowledged.
    const rttUs = view.getUint32(at + socketFlow.srttUs, true)
    if (rttUs > 0 && (isFirst || sent > 0)) addDelay(values, secondAt, Meter.rtt, rttUs)
    if (timeUs > account.lastUs) account.lastUs = timeUs
    this.#options.flowLog.touch(account)
  }

  /** The connection is over, and so is what was read of it. */
  end(key: number, closeType: CloseType): void {
    const flow = this.#flows.get(key)
    if (flow === undefined) return
    this.#flows.delete(key)
    this.#options.flowLog.close(flow.account, closeType)
    // What was said over it ended before, so that nobody counts there any more.
    this.#accounts.give(flow.account)
    if (this.#ended.length < this.#options.maxFlows) this.#ended.push(flow)
    else this.#forget(flow)
  }

  #giveUpSilent(nowUs: number, gone: (key: number) => void): void {
    const { told = "alive" } = this.#options
    const longestUs = silentUs[told]
    // What moves is told of within seconds; what is never told of was over when its bytes were read.
    const isAlive = told === "alive"
    for (const flow of this.#flows.values()) {
      const isOver = flow.closeType !== CloseType.unknown || (isAlive && flow.counted === undefined)
      if (nowUs - flow.heardUs >= (isOver ? unreadUs : longestUs)) this.#giveUp(flow, gone)
    }
    this.#accounts.trim(this.#flows.size)
  }

  #giveUp(flow: TcpFlow, gone: (key: number) => void): void {
    this.counters.tcp_flows_silent_total++
    gone(flow.key)
    this.end(flow.key, flow.closeType)
  }

  /** A roll call begins: its number. */
  beginCall(): number {
    return ++this.#call
  }

  /** All that are there were told of since that call; `gone` hears of the others. */
  endCall(call: number, gone: (key: number) => void): void {
    for (const flow of this.#flows.values())
      if (flow.heardIn < call && flow.closeType === CloseType.unknown) this.#giveUp(flow, gone)
  }

  #forget(flow: TcpFlow): void {
    const sockets = socketsKey(flow.a.port, flow.b.port, flow.b.ip)
    if (this.#bySockets.get(sockets) === flow) this.#bySockets.delete(sockets)
  }

  /** To be called about once a second. `gone` hears of those that are given up, because nothing is heard of them any more. */
  expire(nowUs: number, gone: (key: number) => void): void {
    this.#searches.run(nowUs, () => this.#giveUpSilent(nowUs, gone))
    let over = 0
    while (over < this.#ended.length && nowUs - this.#ended[over]!.heardUs > rememberUs)
      this.#forget(this.#ended[over++]!)
    if (over > 0) this.#ended = this.#ended.slice(over)
  }
}

const noPorts: ReadonlySet<number> = new Set()

const nothing: Counted = {
  sent: 0,
  received: 0,
  segmentsSent: 0,
  segmentsReceived: 0,
  retransmitted: 0,
  outOfOrder: 0,
}

/** enum sonde_role of bpf/include/sonde_event.h. */
const roleClient = 1
const roleServer = 2

const u64 = (view: DataView, at: number): number =>
  view.getUint32(at, true) + view.getUint32(at + 4, true) * 4_294_967_296

/** Two ports and 16 bytes, a character each: asked for several times of each connection. */
const socketsKey = (localPort: number, remotePort: number, remoteIp: Uint8Array): string =>
  String.fromCharCode(localPort, remotePort) + latin1Text(remoteIp, 0, 16)

const sameAddress = (a: Uint8Array, b: Uint8Array): boolean => {
  // All of 127/8 is this host.
  if (a[10] === 0xff && b[10] === 0xff && a[12] === 127 && b[12] === 127) return true
  for (let i = 0; i < 16; i++) if (a[i] !== b[i]) return false
  return true
}
