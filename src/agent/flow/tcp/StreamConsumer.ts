// What packets are delivered to: per TCP connection two byte streams in order, each byte once, and of UDP and
// ICMP echo the datagrams as they come. Narrow on
// purpose: the L7 layer and tools implement it, this folder knows neither.

import type { Packet } from "../../capture/packet/Packet.ts"
import type { PacketFlow } from "./PacketFlow.ts"

/** Direction of bytes by the initial guess of who is the client; see `FlowAccount.directionScore`. */
export const StreamDirection = { toServer: 0, toClient: 1 } as const
export type StreamDirection = (typeof StreamDirection)[keyof typeof StreamDirection]

export interface ByteStream {
  /** True once nothing more is wanted: later bytes are counted, not kept or delivered. */
  readonly isAbandoned: boolean
  /** Reads what the next delivery will need, so that its memory is at hand then. Whatever number. */
  touch?(): number
  /**
   * The next bytes of one direction, `bytes[start, end)` (the caller's: copy what is needed later), then
   * `missing` bytes that were not captured. `tcpSeq` is the unsigned sequence number of the first of them.
   * Times of a direction never go back.
   */
  deliver(
    direction: StreamDirection,
    bytes: Uint8Array,
    start: number,
    end: number,
    missing: number,
    timeUs: number,
    tcpSeq: number,
  ): void
  /** Both sides finished, one reset, or the flow was given up. Called once; nothing is delivered after it. */
  close(timeUs: number): void
}

export interface StreamConsumer {
  /** Called with the first packet of each flow, of whatever protocol. */
  begin?(flow: PacketFlow, packet: Packet, isFromClient: boolean): void
  /** Called with the first bytes of a TCP connection; null when it is of no interest. */
  open(flow: PacketFlow): ByteStream | null
  /**
   * Called with the first datagram of a UDP or ICMP flow; null when it is of no interest. Each delivery is one
   * datagram, with `tcpSeq` 0. Absent: datagrams are only counted.
   */
  openDatagrams?(flow: PacketFlow): ByteStream | null
}
