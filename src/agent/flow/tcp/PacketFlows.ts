// The flows of one packet source: finds or opens the flow of each packet, counts, follows TCP from SYN to the
// end, and hands the ordered bytes to the consumer. Bounded: the flow that is least worth keeping makes room.
// Allocates nothing for a packet, and for a flow only what delivers its bytes.

import { IpProtocol, Packet, Parsed, TcpFlag } from "../../capture/packet/Packet.ts"
import { copyIp } from "../../capture/packet/addresses.ts"
import { Fragments } from "../../capture/packet/Fragments.ts"
import { parsePacket } from "../../capture/packet/parsePacket.ts"
import { defaultTunnels, Tunnels, type TunnelSettings } from "../../capture/packet/Tunnels.ts"
import { DirectionScore, guessClient } from "./direction.ts"
import type { FlowHalf } from "./FlowHalf.ts"
import { FlowIndex } from "./FlowIndex.ts"
import { clearBlock, type FlowMemory, slotMemory } from "./FlowSlots.ts"
import type { Endpoint } from "../Endpoint.ts"
import type { FlowLog } from "../FlowLog.ts"
import { Meter } from "../FlowMeter.ts"
import { touched } from "../touched.ts"
import { measureEcho, measureUdp } from "../udp/datagramDelays.ts"
import { tunnelOf } from "./FlowTunnel.ts"
import { sawClientAck, sawSyn, sawSynAck } from "./Handshake.ts"
import { IdleLists } from "./IdleLists.ts"
import { EndReason, isDeafIn, noList, PacketFlow } from "./PacketFlow.ts"
import { isNear, Reassembler } from "./Reassembler.ts"
import { Copy, passUs, pointOf, RecentPackets } from "./RecentPackets.ts"
import { type StreamConsumer, StreamDirection } from "./StreamConsumer.ts"
import { measure } from "./TcpPerformance.ts"
import { IdleList, idleUs, listOfState, nextState } from "./TcpState.ts"

export interface PacketFlowsOptions {
  readonly consumer: StreamConsumer
  /** Told of everything that is counted. */
  readonly log?: FlowLog
  /** Called once for each flow when it is over; the object is the callee's. */
  readonly onFlowEnd?: (flow: PacketFlow) => void
  readonly maxFlows?: number
  /** Bytes that wait behind gaps, over all flows. */
  readonly maxQueuedBytes?: number
  /** Ports that are servers' whatever their number. */
  readonly serverPorts?: ReadonlySet<number>
  /** Random, so that nobody can choose addresses that collide in the table. */
  readonly seed?: number
  readonly tunnels?: TunnelSettings
  /** Packets captured twice count twice. */
  readonly keepsCopies?: boolean
}

const defaultMaxFlows = 65_536
/** Slots that memory is taken for at first; then twice as many whenever they do not do. */
const firstRoom = 256
const defaultMaxQueuedBytes = 16 * 1024 * 1024
/** Segments in a row far outside the connection: it is another one, whose SYN was not seen. */
const maxStrays = 4
const secondUs = 1_000_000
/** Packets followed together: enough to wait for the memory of many at once, few enough that what was loaded is still at hand. */
const batchPackets = 32

/** A flow moves to the front of its list at most this often: saves most of the moving under load. */
const touchUs = secondUs / 4

/** The payload of an echo is the whole message. */
const transportHeaderBytes = ({ optionsStart, payloadStart, protocol }: Packet): number =>
  protocol === IpProtocol.tcp ? payloadStart - optionsStart + 20 : protocol === IpProtocol.udp ? 8 : 0

const setEnd = (end: Endpoint, { bytes, ipVersion }: Packet, at: number, port: number): void => {
  copyIp(end.ip, bytes, at, ipVersion)
  end.port = port
  end.processId = 0
  end.processName = ""
  end.service = ""
  end.containerId = ""
}

const directionOf = (flow: PacketFlow, packet: Packet): StreamDirection =>
  packet.isSourceHigh === flow.isServerLow ? StreamDirection.toServer : StreamDirection.toClient

export class PacketFlows {
  /** Packets by what became of them, see `Parsed`. */
  readonly parsed = new Float64Array(Object.keys(Parsed).length)
  readonly counters = { opened: 0, timedOut: 0, evicted: 0, reused: 0, duplicates: 0, forwarded: 0 }
  readonly reassembler: Reassembler
  readonly fragments: Fragments
  private readonly options: PacketFlowsOptions
  private readonly serverPorts: ReadonlySet<number>
  private readonly index: FlowIndex
  private readonly lists: IdleLists
  private memory: FlowMemory
  /** Slots that there is memory for. */
  private room: number
  /** By slot: views that stay with it, made when it is first used. Null: to be made when it is used again. */
  private readonly flows: Array<PacketFlow | null>
  /** The view that goes from flow to flow. */
  private readonly cursor: PacketFlow
  private readonly recent = new RecentPackets()
  /** Packets that were read and are followed together; the first `queued` of them wait. */
  private readonly batch: ReadonlyArray<Packet> = Array.from({ length: batchPackets }, () => new Packet())
  private queued = 0
  private readonly keepsCopies: boolean
  private tunnels: Tunnels
  private lastId = 0
  private nowUs = 0
  private expiredUs = 0

  constructor(options: PacketFlowsOptions) {
    const maxFlows = options.maxFlows ?? defaultMaxFlows
    this.options = options
    this.serverPorts = options.serverPorts ?? new Set()
    this.keepsCopies = options.keepsCopies ?? false
    this.tunnels = new Tunnels(options.tunnels ?? defaultTunnels)
    this.fragments = new Fragments({
      onPacket: (packet, parsed) => {
        this.index.setKey(packet)
        this.route(packet, parsed)
      },
      tunnels: () => this.tunnels,
      seed: options.seed ?? 0,
    })
    this.room = Math.min(maxFlows, firstRoom)
    this.memory = slotMemory(this.room)
    this.index = new FlowIndex(maxFlows, options.seed ?? 0, this.memory.words)
    this.lists = new IdleLists(maxFlows, idleUs.length)
    this.flows = new Array<PacketFlow | null>(maxFlows).fill(null)
    this.cursor = new PacketFlow(this.memory, 0, this.flows)
    this.reassembler = new Reassembler(options.consumer, options.maxQueuedBytes ?? defaultMaxQueuedBytes)
  }

  get size(): number {
    return this.index.size
  }

  /** From the next packet on. */
  configure(tunnels: TunnelSettings): void {
    this.tunnels = new Tunnels(tunnels)
  }

  /** Takes one packet, as `queue` does, and follows it at once. */
  add(
    bytes: Uint8Array,
    start: number,
    end: number,
    wireBytes: number,
    linkType: number,
    timeUs: number,
    interfaceIndex = 0,
    isOutgoing = false,
    vlan = 0,
  ): Parsed {
    const parsed = this.queue(
      bytes,
      start,
      end,
      wireBytes,
      linkType,
      timeUs,
      interfaceIndex,
      isOutgoing,
      vlan,
    )
    this.run()
    return parsed
  }

  /**
   * Takes a packet as it was captured: `bytes[start, end)` of `wireBytes`. The bytes are the caller's again after `run`. `isOutgoing`
   * and `vlan` say what the kernel told beside the bytes. Packets of a batch cost less than one by one.
   */
  queue(
    bytes: Uint8Array,
    start: number,
    end: number,
    wireBytes: number,
    linkType: number,
    timeUs: number,
    interfaceIndex = 0,
    isOutgoing = false,
    vlan = 0,
  ): Parsed {
    const packet = this.batch[this.queued]!
    const parsed = parsePacket(packet, bytes, start, end, wireBytes, linkType, timeUs, this.tunnels)
    this.parsed[parsed]++
    packet.interfaceIndex = interfaceIndex
    if (isOutgoing) packet.isOutgoing = true
    // A tag that the kernel took out was the outermost.
    if (vlan !== 0 && (packet.tunnelTier === 0 || packet.vlan === 0)) packet.vlan = vlan
    packet.parsed = parsed
    packet.hash = 0
    if (packet.ipVersion !== 0) this.index.setKey(packet)
    if (++this.queued === batchPackets) this.run()
    return parsed
  }

  /** Follows the packets that wait, in their order. */
  run(): void {
    const { batch, queued } = this
    this.queued = 0
    if (queued > 1) {
      this.index.touch(batch, queued)
      this.touchStreams(queued)
    }
    for (let i = 0; i < queued; i++) {
      const packet = batch[i]!
      if (packet.timeUs > this.nowUs) this.nowUs = packet.timeUs
      this.route(packet, packet.parsed)
      if (this.nowUs - this.expiredUs >= secondUs) this.expire(this.nowUs)
    }
  }

  /** The same for what will be delivered to. */
  private touchStreams(queued: number): void {
    let sum = 0
    for (let i = 0; i < queued; i++) {
      const { payloadEnd, payloadStart, slot } = this.batch[i]!
      if (slot < 0 || payloadEnd === payloadStart || isDeafIn(this.memory, slot)) continue
      const stream = this.flows[slot]!.stream
      if (stream !== null && stream.touch !== undefined) sum += stream.touch()
    }
    touched.sum = sum
  }

  private route(packet: Packet, parsed: Parsed): void {
    if (packet.isFragment) this.fragments.add(packet)
    else if (parsed === Parsed.tcp) this.addTcp(packet)
    else if (parsed === Parsed.udp || parsed === Parsed.icmpEcho) this.addDatagram(packet)
  }

  /**
   * Ends idle flows and old gaps. Done by the packets' own time; to be called about once a second when none
   * come.
   */
  expire(nowUs: number): void {
    this.run()
    if (nowUs > this.nowUs) this.nowUs = nowUs
    this.expiredUs = nowUs
    this.fragments.expire(nowUs)
    this.reassembler.expire(nowUs)
    for (let list = 0; list < idleUs.length; list++) {
      for (let slot = this.lists.oldest(list); slot >= 0; slot = this.lists.oldest(list)) {
        const flow = this.flows[slot]!
        if (nowUs - flow.account.lastUs < idleUs[list]) break
        if (flow.isOpen) this.counters.timedOut++
        this.end(flow, EndReason.timeout)
      }
    }
  }

  /** The capture is over, and so is every flow, oldest first. */
  endAll(): void {
    this.run()
    this.fragments.endAll()
    const open = this.flows.filter((flow) => flow !== null && flow.list !== noList) as Array<PacketFlow>
    for (const flow of open.sort((a, b) => a.id - b.id)) this.end(flow, EndReason.captureEnd)
  }

  /** The flow in a slot, by the view that goes from flow to flow: objects of its own would have to be loaded. */
  private flowIn(slot: number): PacketFlow {
    this.cursor.moveTo(slot)
    return this.cursor
  }

  private addDatagram(packet: Packet): void {
    const slot = this.index.find(packet)
    const flow = slot < 0 ? this.open(packet) : this.flowIn(slot)
    const direction = directionOf(flow, packet)
    const isNew = this.count(flow, direction, packet)
    if (isNew) (packet.protocol === IpProtocol.udp ? measureUdp : measureEcho)(flow, direction, packet)
    this.touch(flow, IdleList.datagrams)
    if (isNew && !flow.isDeaf) this.deliverDatagram(flow, direction, packet)
  }

  private deliverDatagram(flow: PacketFlow, direction: StreamDirection, packet: Packet): void {
    const { bytes, missing, payloadEnd, payloadStart, timeUs } = packet
    const { own } = flow
    own.stream ??= this.options.consumer.openDatagrams?.(own) ?? null
    const { stream } = own
    stream?.deliver(direction, bytes, payloadStart, payloadEnd, missing, timeUs, 0)
    if (stream !== null && !stream.isAbandoned) return
    flow.isDeaf = true
    stream?.close(timeUs)
    own.stream = null
  }

  private addTcp(packet: Packet): void {
    const slot = this.index.find(packet)
    let flow = slot < 0 ? null : this.flowIn(slot)
    if (flow !== null && (packet.flags & TcpFlag.syn) !== 0 && this.isAnother(flow, packet)) {
      this.reuse(flow)
      flow = null
    }
    flow ??= this.open(packet)
    if (!this.follow(flow, directionOf(flow, packet), packet)) return
    this.reuse(flow)
    flow = this.open(packet)
    this.follow(flow, directionOf(flow, packet), packet)
  }

  private touch(flow: PacketFlow, list: number): void {
    if (flow.list === list && this.nowUs - flow.listedUs < touchUs) return
    flow.list = list
    flow.listedUs = this.nowUs
    this.lists.touch(flow.slot, list)
  }

  private reuse(flow: PacketFlow): void {
    this.counters.reused++
    this.end(flow.own, EndReason.reused)
  }

  /** A SYN that cannot be of this connection. */
  private isAnother(flow: PacketFlow, packet: Packet): boolean {
    const isToServer = directionOf(flow, packet) === StreamDirection.toServer
    const half = isToServer ? flow.toServer : flow.toClient
    const peer = isToServer ? flow.toClient : flow.toServer
    const first = (packet.seq + 1) | 0
    if (half.hasIsn) return half.isn !== packet.seq
    if (half.isAnchored) return half.firstSeq !== first
    // An answering SYN begins this half; any other only if what the other side sent so far acknowledges it.
    if ((packet.flags & TcpFlag.ack) !== 0)
      return peer.isAnchored && !peer.hasIsn && peer.firstSeq !== packet.ack
    return half.hasAcked && half.acked !== first
  }

  private open(packet: Packet): PacketFlow {
    if (this.index.size >= this.index.capacity) this.makeRoom()
    const { flags, sourcePort, targetPort } = packet
    const isSyn = packet.protocol === IpProtocol.tcp && (flags & TcpFlag.syn) !== 0
    const guess = isSyn
      ? (flags & TcpFlag.ack) === 0
        ? DirectionScore.handshake
        : -DirectionScore.handshake
      : guessClient(sourcePort, targetPort, this.serverPorts)
    // The identifier of an echo tells flows apart, but is no port.
    const hasPorts = packet.protocol === IpProtocol.tcp || packet.protocol === IpProtocol.udp
    const isSourceClient = guess > 0
    if (this.index.size === this.room) this.grow()
    const slot = this.index.insert(packet)
    clearBlock(this.memory, slot)
    const flow = (this.flows[slot] ??= new PacketFlow(this.memory, slot, this.flows))
    setEnd(isSourceClient ? flow.client : flow.server, packet, packet.sourceAt, hasPorts ? sourcePort : 0)
    setEnd(isSourceClient ? flow.server : flow.client, packet, packet.targetAt, hasPorts ? targetPort : 0)
    flow.begin({
      id: ++this.lastId,
      protocol: packet.protocol,
      isServerLow: packet.isSourceHigh === isSourceClient,
      directionScore: Math.abs(guess),
      vlan: packet.vlan,
      startUs: packet.timeUs,
    })
    this.options.consumer.begin?.(flow, packet, isSourceClient)
    this.counters.opened++
    return flow
  }

  /** Slots are given out from the lowest on, so that those in use have memory. */
  private grow(): void {
    this.room = Math.min(this.index.capacity, this.room * 2)
    const memory = slotMemory(this.room)
    memory.bytes.set(this.memory.bytes)
    this.memory = memory
    this.index.blocks = memory.words
    this.cursor.read(memory)
    for (const flow of this.flows) flow?.read(memory)
  }

  /** False for a packet that was captured before. */
  private count(flow: PacketFlow, direction: StreamDirection, packet: Packet): boolean {
    const half = direction === StreamDirection.toServer ? flow.toServer : flow.toClient
    const copy = this.keepsCopies ? Copy.none : this.copyOf(flow, direction, half, packet)
    if (copy !== Copy.none) {
      flow.duplicates += packet.packets
      if (copy === Copy.same) this.counters.duplicates += packet.packets
      else this.counters.forwarded += packet.packets
      return false
    }
    if (half.packets === 0 && packet.tunnelTier > 0) {
      const { own } = flow
      const ownHalf = direction === StreamDirection.toServer ? own.toServer : own.toClient
      ownHalf.tunnel = tunnelOf(packet)
    }
    half.packets += packet.packets
    half.flags |= packet.flags
    const { account } = flow
    const { secondAt, values } = account
    const payloadBytes = packet.payloadEnd - packet.payloadStart + packet.missing
    const l3Bytes = payloadBytes + transportHeaderBytes(packet)
    if (direction === StreamDirection.toServer) {
      values[secondAt + Meter.packetTx]! += packet.packets
      values[secondAt + Meter.byteTx]! += packet.wireBytes
      values[secondAt + Meter.l3ByteTx]! += l3Bytes
      values[secondAt + Meter.l4ByteTx]! += payloadBytes
    } else {
      values[secondAt + Meter.packetRx]! += packet.packets
      values[secondAt + Meter.byteRx]! += packet.wireBytes
      values[secondAt + Meter.l3ByteRx]! += l3Bytes
      values[secondAt + Meter.l4ByteRx]! += payloadBytes
    }
    if (packet.timeUs > account.lastUs) account.lastUs = packet.timeUs
    if (!account.isActive) this.options.log?.touch(flow.own.account)
    return true
  }

  private copyOf(flow: PacketFlow, direction: StreamDirection, half: FlowHalf, packet: Packet): Copy {
    const point = pointOf(packet)
    if (half.point < 0) half.point = point
    const copy = this.recent.copyOf(packet, flow.id * 2 + direction, point)
    if (copy !== Copy.none || half.point === point || packet.protocol !== IpProtocol.tcp) return copy
    // Segments are cut and joined on their way between interfaces: what is known already and comes from another one.
    const length = packet.payloadEnd - packet.payloadStart + packet.missing
    const isKnown = length > 0 && half.isAnchored && ((packet.seq + length - half.next) | 0) <= 0
    return isKnown && packet.timeUs - half.deliveredUs < passUs ? Copy.same : Copy.none
  }

  /** True when too many segments in a row say that this is another connection. */
  private follow(flow: PacketFlow, direction: StreamDirection, packet: Packet): boolean {
    if (!this.count(flow, direction, packet)) return false
    const isToServer = direction === StreamDirection.toServer
    const half = isToServer ? flow.toServer : flow.toClient
    const { flags, timeUs } = packet
    const isRst = (flags & TcpFlag.rst) !== 0
    // One that is nowhere near the connection would not end it either (RFC 5961).
    if (!isRst || isNear(half, packet.seq)) {
      const isOtherAck = flow.toServer.hasIsn && packet.ack !== ((flow.toServer.isn + 1) | 0)
      flow.state = nextState(flow.state, isToServer, flags, isOtherAck)
    }
    if (!isRst) {
      measure(flow, isToServer, packet)
      this.reassembler.take(flow, direction, packet)
    }
    if (!flow.isEstablished) this.followHandshake(flow, isToServer, packet)
    if (flow.isOpen) {
      if (isRst ? isNear(half, packet.seq) : flow.toServer.isFinished && flow.toClient.isFinished)
        this.close(flow, EndReason.closed, timeUs)
    }
    const isAnswered = flow.toServer.packets > 0 && flow.toClient.packets > 0
    const list = listOfState(flow.state)
    this.touch(flow, list === IdleList.established && !isAnswered ? IdleList.brief : list)
    return half.strays >= maxStrays
  }

  private followHandshake(flow: PacketFlow, isToServer: boolean, packet: Packet): void {
    const { ack, flags, seq, timeUs } = packet
    const isAck = (flags & TcpFlag.ack) !== 0
    if ((flags & TcpFlag.syn) !== 0) {
      if (isToServer && !isAck) sawSyn(flow, timeUs)
      else if (!isToServer && isAck) sawSynAck(flow, ack, timeUs)
    } else if (isToServer && isAck && (flags & TcpFlag.rst) === 0) sawClientAck(flow, seq, ack, timeUs)
  }

  /** The connection is over; the flow stays for a while, for packets that come late. */
  private close(flow: PacketFlow, reason: EndReason, timeUs: number): void {
    this.reassembler.flush(flow, timeUs)
    flow.endReason = reason
    flow.isDeaf = true
    const { own } = flow
    const { stream } = own
    own.stream = null
    stream?.close(timeUs)
  }

  private end(flow: PacketFlow, reason: EndReason): void {
    if (flow.isOpen) this.close(flow, reason, this.nowUs)
    this.lists.remove(flow.slot)
    this.index.remove(flow.slot)
    flow.list = noList
    this.options.log?.close(flow.account, flow.closeType)
    if (this.options.onFlowEnd !== undefined) {
      this.abandon(flow)
      this.options.onFlowEnd(flow)
    } else flow.release()
  }

  /** The objects of the flow are the callee's from now on. */
  private abandon(flow: PacketFlow): void {
    this.flows[flow.slot] = null
    flow.detach()
  }

  private makeRoom(): void {
    for (let list = 0; list < idleUs.length; list++) {
      const slot = this.lists.oldest(list)
      if (slot < 0) continue
      this.counters.evicted++
      this.end(this.flows[slot]!, EndReason.evicted)
      return
    }
  }
}
