// Recognises a packet that was captured before: on the other interfaces it passed (veth, bridge, bond, tunnel and the
// network under it), or twice on one (loopback, mirror port). Told by what stays the same on the way, so not by checksums,
// which offloading leaves to the hardware. A retransmission differs in the IP id; without one, where and when tell.

import { IpProtocol, type Packet, TcpFlag } from "../../capture/packet/Packet.ts"

export const Copy = {
  none: 0,
  /** The same packet, as it was. */
  same: 1,
  /** The same packet after a router: another observation point, which is not looked at. */
  forwarded: 2,
} as const
export type Copy = (typeof Copy)[keyof typeof Copy]

const entries = 4_096
/** A packet takes at most this long from one interface to the next; without IP id it may be another one that is equal. */
export const passUs = 20_000
const blindPassUs = 2_000
/** Two copies at one point, from a mirror port; without IP id only the time tells them from a retransmission. */
const mirrorUs = 2_000
const blindMirrorUs = 100
/** Of datagrams without IP id these bytes at both ends tell them apart. */
const tellingBytes = 32

const mix = (hash: number, word: number): number => {
  const mixed = Math.imul(hash ^ word, 0x85ebca6b)
  return mixed ^ (mixed >>> 13)
}

/** Where a packet was seen: interface, direction, and the tunnel it was in. At least 0. */
export const pointOf = (packet: Packet): number => {
  const point = packet.interfaceIndex * 2 + (packet.isOutgoing ? 1 : 0)
  if (packet.tunnelTier === 0) return point
  return mix(mix(point, packet.tunnelTier), packet.tunnelId) >>> 1
}

/** Of an entry: what was seen, when (microseconds, the low 32 bits), and place and hop limit. */
const words = 4

export class RecentPackets {
  private readonly seen = new Int32Array(entries * words)

  /** Remembers a packet that is no copy. `flow` distinguishes flow and direction, `point` is that of the packet. */
  copyOf(packet: Packet, flow: number, point: number): Copy {
    const { seen } = this
    const mark = this.markOf(packet, flow)
    const at = ((mark ^ (mark >>> 16)) & (entries - 1)) * words
    const timeUs = packet.timeUs | 0
    const place = (point << 8) | packet.hopLimit
    if (seen[at] === mark) {
      // Where a packet was seen first another one that is equal is a new one.
      const changed = place ^ seen[at + 2]
      if (this.isCopy(packet, changed >>> 8 === 0, Math.abs((timeUs - seen[at + 1]) | 0))) {
        return (changed & 0xff) === 0 ? Copy.same : Copy.forwarded
      }
    }
    seen[at] = mark
    seen[at + 1] = timeUs
    seen[at + 2] = place
    return Copy.none
  }

  private isCopy(packet: Packet, isSamePoint: boolean, afterUs: number): boolean {
    if (packet.identification !== 0) return afterUs < (isSamePoint ? mirrorUs : passUs)
    if (!isSamePoint) return afterUs < blindPassUs
    // Datagrams and bare acknowledgements may repeat, byte for byte.
    const { flags, missing, payloadEnd, payloadStart, protocol } = packet
    const isTelling =
      protocol === IpProtocol.tcp &&
      (payloadEnd + missing > payloadStart || (flags & (TcpFlag.syn | TcpFlag.fin | TcpFlag.rst)) !== 0)
    return isTelling && afterUs < blindMirrorUs
  }

  private markOf(packet: Packet, flow: number): number {
    const { identification, missing, payloadEnd, payloadStart, protocol } = packet
    let mark = mix(flow, packet.seq)
    mark = mix(mark, packet.ack)
    mark = mix(mark, (identification << 16) | packet.window)
    mark = mix(mark, (packet.flags << 24) ^ (payloadEnd - payloadStart + missing))
    return protocol === IpProtocol.udp && identification === 0 ? mixPayload(mark, packet) : mark
  }
}

const mixPayload = (start: number, { bytes, payloadEnd, payloadStart }: Packet): number => {
  let mark = start
  const firstEnd = Math.min(payloadEnd, payloadStart + tellingBytes)
  for (let at = payloadStart; at < firstEnd; at++) mark = mix(mark, bytes[at])
  for (let at = Math.max(firstEnd, payloadEnd - tellingBytes); at < payloadEnd; at++)
    mark = mix(mark, bytes[at])
  return mark
}
