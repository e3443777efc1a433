// One flow of packets: TCP connection or UDP exchange, its ends, counters and handshake times.

import { FlowHalf } from "./FlowHalf.ts"
import { makeRtt, type Rtt } from "./Handshake.ts"
import type { ByteStream } from "./StreamConsumer.ts"

export interface FlowEnd {
  /** 16 bytes; IPv4 as ::ffff:a.b.c.d. Owned by this object. */
  readonly ip: Uint8Array
  readonly port: number
}

export const CloseType = {
  open: "open",
  /** Both sides sent FIN. */
  fin: "fin",
  clientRst: "client_rst",
  serverRst: "server_rst",
  /** Nothing came for too long. */
  timeout: "timeout",
  /** Another connection between the same ports began. */
  reused: "reused",
  /** It made room for a newer one. */
  evicted: "evicted",
  captureEnd: "capture_end",
} as const
export type CloseType = (typeof CloseType)[keyof typeof CloseType]

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
  /** How sure it is who is the client, see `DirectionScore`. */
  readonly directionScore: number
  readonly vlan: number
  readonly startUs: number
  endUs: number
  readonly toServer = new FlowHalf()
  readonly toClient = new FlowHalf()
  /** Packets captured twice (loopback, bridges); not among the packets of either half. */
  duplicates = 0
  closeType: CloseType = CloseType.open
  /** The idle list it is in (-1: none) and when it was last moved to its front. */
  list = -1
  listedUs = 0

  /** First SYN, first SYN-ACK that answers it; -1: not seen. */
  synUs = -1
  synAckUs = -1
  isEstablished = false
  /** First SYN to the acknowledgement of its SYN-ACK; -1: not seen. */
  rttUs = -1
  /** SYN-ACK to the client's acknowledgement: the network between here and the client. */
  readonly rttClient: Rtt = makeRtt()
  /** SYN to SYN-ACK: the network between here and the server. */
  readonly rttServer: Rtt = makeRtt()

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
    this.directionScore = init.directionScore
    this.vlan = init.vlan
    this.startUs = init.startUs
    this.endUs = init.startUs
  }
}
