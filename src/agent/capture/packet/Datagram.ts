// An IP packet that arrives in fragments: which parts of its payload are there, and their bytes. The parts never overlap;
// a fragment that would make them is refused, and so is one that contradicts what is known of the end.

import { Packet, type Parsed } from "./Packet.ts"
import { parseIp } from "./parsePacket.ts"
import type { Tunnels } from "./Tunnels.ts"

/** Before the payload: link layers and tunnels as the first fragment to come had them, then an IP header. */
const headBytes = 320
const leastBytes = 4_096
/** Twice as many as 64 KiB in packets of 1280 bytes. */
const maxParts = 104

export const Part = {
  taken: 0,
  /** It was there already, to the byte. */
  copy: 1,
  refused: 2,
} as const
export type Part = (typeof Part)[keyof typeof Part]

export class Datagram {
  readonly startedUs: number
  /** When the last fragment came. */
  lastUs: number
  /** Nothing more is expected: it was handed on or refused. */
  isOver = false
  isRefused = false
  /** What is known of it, link layers and tunnels first. */
  readonly packet = new Packet()
  private bytes = new Uint8Array(0)
  private readonly starts: Array<number> = []
  private readonly ends: Array<number> = []
  private readonly addresses = new Uint8Array(32)
  private readonly id: number
  private readonly version: number
  private protocol: number
  private heldBytes = 0
  private totalBytes = -1
  /** Where the first byte is missing that a capture cut off. */
  private cutAt = Number.POSITIVE_INFINITY

  constructor(fragment: Packet) {
    this.startedUs = this.lastUs = fragment.timeUs
    this.id = fragment.fragmentId
    this.version = fragment.ipVersion
    this.protocol = fragment.protocol
    const length = this.version === 4 ? 4 : 16
    for (let i = 0; i < length; i++) {
      this.addresses[i] = fragment.bytes[fragment.sourceAt + i]
      this.addresses[16 + i] = fragment.bytes[fragment.targetAt + i]
    }
    this.packet.packets = 0
    this.packet.wireBytes = 0
  }

  isOf(fragment: Packet): boolean {
    const { bytes, ipVersion, sourceAt, targetAt } = fragment
    if (this.id !== fragment.fragmentId || this.version !== ipVersion) return false
    if (ipVersion === 4 && this.protocol !== fragment.protocol) return false
    const length = ipVersion === 4 ? 4 : 16
    for (let i = 0; i < length; i++) {
      if (this.addresses[i] !== bytes[sourceAt + i] || this.addresses[16 + i] !== bytes[targetAt + i])
        return false
    }
    return true
  }

  /** Bytes that taking the fragment adds to what this object holds. */
  growth(fragment: Packet): number {
    const needed = headBytes + fragment.fragmentOffset + fragment.fragmentEnd - fragment.fragmentAt
    if (needed <= this.bytes.length) return 0
    let size = Math.max(leastBytes, this.bytes.length)
    while (size < needed) size *= 2
    return size - this.bytes.length
  }

  get size(): number {
    return this.bytes.length
  }

  get isWhole(): boolean {
    return this.heldBytes === this.totalBytes
  }

  take(fragment: Packet): Part {
    const { fragmentAt, fragmentBytes, fragmentEnd, fragmentOffset: start, hasMoreFragments } = fragment
    const end = start + fragmentBytes
    const { ends, starts } = this
    let place = starts.length
    while (place > 0 && starts[place - 1] >= start) place--
    if (starts[place] === start && ends[place] === end) return Part.copy
    const isFree =
      (place === 0 || ends[place - 1] <= start) && (place === starts.length || end <= starts[place])
    const knownEnd = Math.max(end, ends.at(-1) ?? 0)
    const isEndRight = hasMoreFragments
      ? this.totalBytes < 0 || end <= this.totalBytes
      : this.totalBytes < 0 && knownEnd === end
    if (!isFree || !isEndRight || starts.length >= maxParts) return Part.refused
    if (!hasMoreFragments) this.totalBytes = end
    starts.splice(place, 0, start)
    ends.splice(place, 0, end)
    this.heldBytes += fragmentBytes
    const growth = this.growth(fragment)
    if (growth > 0) {
      const larger = new Uint8Array(this.bytes.length + growth)
      larger.set(this.bytes)
      this.bytes = larger
    }
    if (this.packet.packets === 0) this.takeHead(fragment)
    const captured = fragmentEnd - fragmentAt
    this.bytes.set(fragment.bytes.subarray(fragmentAt, fragmentEnd), headBytes + start)
    if (captured < fragmentBytes) this.cutAt = Math.min(this.cutAt, start + captured)
    // Of IPv6 only the first fragment tells what it is a part of.
    if (start === 0 && this.version === 6) this.protocol = fragment.bytes[fragmentAt - 8]
    this.lastUs = fragment.timeUs
    this.packet.packets += fragment.packets
    this.packet.wireBytes += fragment.wireBytes
    return Part.taken
  }

  /**
   * The packet as far as it is there without a gap, in `this.packet`; undefined when its beginning is not there. The rest
   * is missing, as if a capture had cut it off.
   */
  parse(tunnels: Tunnels): Parsed | undefined {
    const { addresses, bytes, ends, packet, starts, version } = this
    if (starts[0] !== 0) return undefined
    let parts = 1
    while (parts < starts.length && starts[parts] === ends[parts - 1]) parts++
    const present = Math.min(ends[parts - 1], this.cutAt)
    const total = this.totalBytes < 0 ? (ends.at(-1) as number) : this.totalBytes
    const headerBytes = version === 4 ? 20 : 40
    const at = headBytes - headerBytes
    const view = new DataView(bytes.buffer, at)
    if (version === 4) {
      view.setUint32(0, (0x4500 << 16) | (20 + total))
      view.setUint32(4, this.id << 16)
      view.setUint32(8, (packet.hopLimit << 24) | (this.protocol << 16))
      bytes.set(addresses.subarray(0, 4), at + 12)
      bytes.set(addresses.subarray(16, 20), at + 16)
    } else {
      view.setUint32(0, 0x6000_0000)
      view.setUint32(4, (total << 16) | (this.protocol << 8) | packet.hopLimit)
      bytes.set(addresses, at + 8)
    }
    packet.bytes = bytes
    packet.timeUs = this.lastUs
    return parseIp(packet, bytes, at, headBytes + present, headBytes + total, tunnels)
  }

  release(): void {
    this.isOver = true
    this.bytes = new Uint8Array(0)
  }

  /** Link layers and tunnels: the bytes end where the IP header will begin, and all offsets move with them. */
  private takeHead(fragment: Packet): void {
    const { packet } = this
    const ipAt = headBytes - (this.version === 4 ? 20 : 40)
    const length = Math.min(fragment.ipAt, ipAt)
    this.bytes.set(fragment.bytes.subarray(fragment.ipAt - length, fragment.ipAt), ipAt - length)
    const moved = (at: number): number => (at < 0 ? -1 : Math.max(-1, at + ipAt - fragment.ipAt))
    packet.hopLimit = fragment.hopLimit
    packet.interfaceIndex = fragment.interfaceIndex
    packet.isOutgoing = fragment.isOutgoing
    packet.vlan = fragment.vlan
    packet.macSourceAt = moved(fragment.macSourceAt)
    packet.macTargetAt = moved(fragment.macTargetAt)
    packet.tunnelType = fragment.tunnelType
    packet.tunnelTier = fragment.tunnelTier
    packet.tunnelId = fragment.tunnelId
    packet.outerIpVersion = fragment.outerIpVersion
    packet.outerSourceAt = moved(fragment.outerSourceAt)
    packet.outerTargetAt = moved(fragment.outerTargetAt)
    packet.outerMacSourceAt = moved(fragment.outerMacSourceAt)
    packet.outerMacTargetAt = moved(fragment.outerMacTargetAt)
  }
}
