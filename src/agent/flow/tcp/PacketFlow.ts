// One flow of packets: TCP connection or datagrams between two ends, its state and where its streams stand. A view of the flow's
// block of FlowSlots.ts: each used slot has one of its own, with what are no numbers; the table has one that it moves from flow to
// flow with the packets. Offsets stand in the accessors, which name them.

import { SignalSource } from "../../../model/observation.ts"
import { IpProtocol } from "../../../model/protocol.ts"
import { CloseType } from "../../../model/closeType.ts"
import { FlowAccount } from "../FlowAccount.ts"
import { type Endpoint, makeEndpoint } from "../Endpoint.ts"
import { FlowHalf } from "./FlowHalf.ts"
import {
  accountAt,
  blockAt,
  blockBytes,
  coldFlowAt,
  coldHalfAt,
  type FlowMemory,
  halfAt,
  memoryOf,
} from "./FlowSlots.ts"
import type { ByteStream } from "./StreamConsumer.ts"
import { closeTypeOfState, type TcpState } from "./TcpState.ts"

/** Why the table holds a flow no longer, or for late packets only. */
export const EndReason = {
  open: "open",
  /** Both sides sent FIN, or one RST. */
  closed: "closed",
  /** Nothing came for too long. */
  timeout: "timeout",
  /** Another connection between the same ports began. */
  reused: "reused",
  /** It made room for a newer one. */
  evicted: "evicted",
  captureEnd: "capture_end",
} as const
export type EndReason = (typeof EndReason)[keyof typeof EndReason]

const endReasons: ReadonlyArray<EndReason> = Object.values(EndReason)
const noAddress = new Uint8Array(16)

const deafAt = 43

/** Whether the flow of a slot delivers to nobody any more. */
export const isDeafIn = ({ bytes }: FlowMemory, slot: number): boolean =>
  bytes[slot * blockBytes + deafAt] !== 0

/** No idle list. */
export const noList = 255

export class PacketFlow {
  /** Three views of the same memory, and where the flow's block begins in each. */
  values: Float64Array
  words: Int32Array
  bytes: Uint8Array
  /** Place in the flow table. */
  slot = 0
  at = 0
  wordAt = 0
  byteAt = 0
  coldAt = 0
  coldWordAt = 0
  /** As they were first taken; the addresses are written anew for the next flow of the slot. */
  readonly client: Endpoint = makeEndpoint(noAddress, 0, 0)
  readonly server: Endpoint = makeEndpoint(noAddress, 0, 0)
  readonly account: FlowAccount
  readonly toServer: FlowHalf
  readonly toClient: FlowHalf
  /** Hardware addresses of the first packet, 48 bits; 0: the link has none. */
  clientMac = 0
  serverMac = 0
  /** Whether these, and the addresses, are of this host. */
  isClientMacLocal = false
  isServerMacLocal = false
  isClientIpLocal = false
  isServerIpLocal = false
  stream: ByteStream | null = null
  /** By slot: the views that stay with it. */
  private readonly views: ReadonlyArray<PacketFlow | null>

  constructor(memory: FlowMemory, slot: number, views: ReadonlyArray<PacketFlow | null>) {
    this.views = views
    this.values = memory.values
    this.words = memory.words
    this.bytes = memory.bytes
    this.toServer = new FlowHalf(memory)
    this.toClient = new FlowHalf(memory)
    this.account = new FlowAccount(0, SignalSource.packet, 0, 0, memory.values, accountAt(slot))
    this.moveTo(slot)
  }

  /** Makes it a view of another flow. */
  moveTo(slot: number): void {
    this.slot = slot
    this.at = blockAt(slot)
    this.wordAt = this.at * 2
    this.byteAt = this.at * 8
    this.coldAt = coldFlowAt(slot)
    this.coldWordAt = this.coldAt * 2
    this.toServer.moveTo(halfAt(slot, 0), coldHalfAt(slot, 0))
    this.toClient.moveTo(halfAt(slot, 1), coldHalfAt(slot, 1))
    this.account.at = accountAt(slot)
  }

  /** Of a block that is zero but for the key. */
  begin(init: {
    readonly id: number
    readonly protocol: number
    /** The server is the end with the lower key in the table. */
    readonly isServerLow: boolean
    /** How sure it is who is the client, see `DirectionScore`. */
    readonly directionScore: number
    readonly vlan: number
    readonly startUs: number
  }): void {
    const { account, toClient, toServer } = this
    this.id = init.id
    this.protocol = init.protocol
    this.isServerLow = init.isServerLow
    this.vlan = init.vlan
    this.list = noList
    this.synUs = -1
    this.synAckUs = -1
    this.clientMac = this.serverMac = 0
    this.isClientMacLocal = this.isServerMacLocal = this.isClientIpLocal = this.isServerIpLocal = false
    toServer.begin()
    toClient.begin()
    account.begin(init.protocol, init.directionScore, init.startUs)
    account.packets = this
  }

  /** The view that stays with the flow's slot and has what are no numbers. To look at it loads memory that most packets can do without. */
  get own(): PacketFlow {
    return this.views[this.slot]!
  }

  /** The flow is over and the object waits for the next one of its slot. */
  release(): void {
    this.toServer.queue = this.toClient.queue = null
    this.toServer.tunnel = this.toClient.tunnel = null
  }

  /** What is known of the flow stays in this object, whatever becomes of the slot. */
  detach(): void {
    const { slot } = this
    this.read(memoryOf(this.bytes.slice(this.byteAt, this.byteAt + blockBytes).buffer))
    this.moveTo(0)
    this.slot = slot
  }

  /** The blocks are there from now on. */
  read({ bytes, values, words }: FlowMemory): void {
    for (const part of [this, this.toServer, this.toClient]) {
      part.values = values
      part.words = words
      part.bytes = bytes
    }
    this.account.values = values
  }

  get state(): TcpState {
    return this.bytes[this.byteAt + 40] as TcpState
  }
  set state(value: TcpState) {
    this.bytes[this.byteAt + 40] = value
  }
  /** The idle list it is in (255: none) and when it was last moved to its front. */
  get list(): number {
    return this.bytes[this.byteAt + 41]!
  }
  set list(value: number) {
    this.bytes[this.byteAt + 41] = value
  }
  /** The server is the end with the lower key in the table. */
  get isServerLow(): boolean {
    return this.bytes[this.byteAt + 42] !== 0
  }
  set isServerLow(is: boolean) {
    this.bytes[this.byteAt + 42] = is ? 1 : 0
  }
  /** Bytes are delivered to nobody any more: the consumer did not want them, or the connection is over. */
  get isDeaf(): boolean {
    return this.bytes[this.byteAt + deafAt] !== 0
  }
  set isDeaf(is: boolean) {
    this.bytes[this.byteAt + deafAt] = is ? 1 : 0
  }
  get isEstablished(): boolean {
    return this.bytes[this.byteAt + 44] !== 0
  }
  set isEstablished(is: boolean) {
    this.bytes[this.byteAt + 44] = is ? 1 : 0
  }
  /** Established, and no payload since. */
  get isFresh(): boolean {
    return this.bytes[this.byteAt + 45] !== 0
  }
  set isFresh(is: boolean) {
    this.bytes[this.byteAt + 45] = is ? 1 : 0
  }
  /** IpProtocol. */
  get protocol(): number {
    return this.bytes[this.byteAt + 46]!
  }
  set protocol(value: number) {
    this.bytes[this.byteAt + 46] = value
  }
  get isOpen(): boolean {
    return this.bytes[this.byteAt + 47] === 0
  }
  get endReason(): EndReason {
    return endReasons[this.bytes[this.byteAt + 47]!]!
  }
  set endReason(reason: EndReason) {
    this.bytes[this.byteAt + 47] = endReasons.indexOf(reason)
  }
  get listedUs(): number {
    return this.values[this.at + 6]!
  }
  set listedUs(value: number) {
    this.values[this.at + 6] = value
  }
  get id(): number {
    return this.values[this.at + 7]!
  }
  set id(value: number) {
    this.values[this.at + 7] = value
  }
  /** First SYN, first SYN-ACK that answers it; -1: not seen. */
  get synUs(): number {
    return this.values[this.coldAt + 0]!
  }
  set synUs(value: number) {
    this.values[this.coldAt + 0] = value
  }
  get synAckUs(): number {
    return this.values[this.coldAt + 1]!
  }
  set synAckUs(value: number) {
    this.values[this.coldAt + 1] = value
  }
  /** Packets captured twice (loopback, bridges); not among the packets of either half. */
  get duplicates(): number {
    return this.values[this.coldAt + 2]!
  }
  set duplicates(value: number) {
    this.values[this.coldAt + 2] = value
  }
  get keepAliveSeq(): number {
    return this.words[this.coldWordAt + 6]!
  }
  set keepAliveSeq(value: number) {
    this.words[this.coldWordAt + 6] = value
  }
  get keepAliveAck(): number {
    return this.words[this.coldWordAt + 7]!
  }
  set keepAliveAck(value: number) {
    this.words[this.coldWordAt + 7] = value
  }
  get vlan(): number {
    return this.words[this.coldWordAt + 8]!
  }
  set vlan(value: number) {
    this.words[this.coldWordAt + 8] = value
  }

  /** How the flow ended; while it is open, and where nobody saw its end, that it goes on. */
  get closeType(): CloseType {
    const { endReason } = this
    if (this.isOpen || endReason === EndReason.evicted) return CloseType.forcedReport
    const ofState = this.protocol === IpProtocol.tcp ? closeTypeOfState(this.state) : undefined
    if (ofState !== undefined) return ofState
    return endReason === EndReason.timeout ? CloseType.timeout : CloseType.forcedReport
  }
}
