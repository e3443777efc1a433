// One flow of packets: TCP connection or datagrams between two ends, its state and where its streams stand.

import { SignalSource } from "../../../model/observation.ts"
import { IpProtocol } from "../../../model/protocol.ts"
import { CloseType } from "../../../model/closeType.ts"
import { FlowAccount } from "../FlowAccount.ts"
import { FlowHalf } from "./FlowHalf.ts"
import type { ByteStream } from "./StreamConsumer.ts"
import { closeTypeOfState, TcpState } from "./TcpState.ts"

export interface FlowEnd {
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. Owned by this object. */
  readonly ip: Uint8Array
  readonly port: number
}

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

export class PacketFlow {
  readonly id: number
  /** Place in the flow table. */
  readonly slot: number
  /** IpProtocol. */
  readonly protocol: number
  readonly client: FlowEnd
  readonly server: FlowEnd
  /** The server is the end with the lower key in the table. */
  readonly isServerLow: boolean
  readonly vlan: number
  readonly account: FlowAccount
  readonly toServer = new FlowHalf()
  readonly toClient = new FlowHalf()
  /** Hardware addresses of the first packet, 48 bits; 0: the link has none. */
  clientMac = 0
  serverMac = 0
  /** Whether these, and the addresses, are of this host. */
  isClientMacLocal = false
  isServerMacLocal = false
  isClientIpLocal = false
  isServerIpLocal = false
  /** Packets captured twice (loopback, bridges); not among the packets of either half. */
  duplicates = 0
  endReason: EndReason = EndReason.open
  state: TcpState = TcpState.raw
  /** The idle list it is in (-1: none) and when it was last moved to its front. */
  list = -1
  listedUs = 0

  /** First SYN, first SYN-ACK that answers it; -1: not seen. */
  synUs = -1
  synAckUs = -1
  isEstablished = false
  /** Established, and no payload since. */
  isFresh = false
  keepAliveSeq = 0
  keepAliveAck = 0

  stream: ByteStream | null = null
  /** Bytes are delivered to nobody any more: the consumer did not want them, or the connection is over. */
  isDeaf = false

  constructor(init: {
    readonly id: number
    readonly slot: number
    readonly protocol: number
    readonly client: FlowEnd
    readonly server: FlowEnd
    readonly isServerLow: boolean
    /** How sure it is who is the client, see `DirectionScore`. */
    readonly directionScore: number
    readonly vlan: number
    readonly startUs: number
  }) {
    this.id = init.id
    this.slot = init.slot
    this.protocol = init.protocol
    this.client = init.client
    this.server = init.server
    this.isServerLow = init.isServerLow
    this.vlan = init.vlan
    const { directionScore, protocol, startUs } = init
    this.account = new FlowAccount(protocol, SignalSource.packet, directionScore, startUs, this)
  }

  /** How the flow ended; while it is open, and where nobody saw its end, that it goes on. */
  get closeType(): CloseType {
    const { endReason } = this
    if (endReason === EndReason.open || endReason === EndReason.evicted) return CloseType.forcedReport
    const ofState = this.protocol === IpProtocol.tcp ? closeTypeOfState(this.state) : undefined
    if (ofState !== undefined) return ofState
    return endReason === EndReason.timeout ? CloseType.timeout : CloseType.forcedReport
  }
}
