// Recognises a packet that was captured twice within a millisecond: loopback shows each when it is sent and
// when it arrives, bridges show it at every port. A retransmission comes later or differs (identification).

import { IpProtocol, type Packet, TcpFlag } from "../../capture/packet/Packet.ts"

const entries = 4096
const windowUs = 1_000

const mix = (hash: number, word: number): number => {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}

export class RecentPackets {
  private readonly marks = new Int32Array(entries)
  private readonly timesUs = new Float64Array(entries)

  /** True for a copy; remembers the packet otherwise. `flow` distinguishes flow and direction. */
  isCopy(packet: Packet, flow: number): boolean {
    const { flags, identification } = packet
    // Datagrams and bare acknowledgements may repeat, byte for byte; then only IPv4's identification tells
    // copies apart.
    const isTelling =
      packet.protocol === IpProtocol.tcp &&
      (packet.payloadEnd + packet.missing > packet.payloadStart ||
        (flags & (TcpFlag.syn | TcpFlag.fin | TcpFlag.rst)) !== 0)
    if (identification === 0 && !isTelling) return false
    let mark = mix(flow, packet.seq)
    mark = mix(mark, packet.ack)
    mark = mix(mark, (identification << 16) | packet.window)
    mark = mix(mark, flags)
    mark = mix(mark, packet.payloadEnd - packet.payloadStart + packet.missing)
    const at = (mark ^ (mark >>> 16)) & (entries - 1)
    const isCopy = this.marks[at] === mark && Math.abs(packet.timeUs - this.timesUs[at]) < windowUs
    this.marks[at] = mark
    this.timesUs[at] = packet.timeUs
    return isCopy
  }
}
