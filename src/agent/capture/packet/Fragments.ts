// Fragmented IP packets on their way to be whole again (RFC 791, 8200). Bounded in packets, bytes and age; what does not
// become whole is handed on as far as it goes. Fragments that overlap are an attack (RFC 5722): the packet is dropped.

import { Datagram, Part } from "./Datagram.ts"
import type { Packet, Parsed } from "./Packet.ts"
import type { Tunnels } from "./Tunnels.ts"

export interface FragmentsOptions {
  /** A packet put together, valid during the call. */
  readonly onPacket: (packet: Packet, parsed: Parsed) => void
  readonly tunnels: () => Tunnels
  /** Random, so that nobody can choose packets that collide. */
  readonly seed: number
  readonly maxPackets?: number
  readonly maxBytes?: number
}

const defaultMaxPackets = 1_024
const defaultMaxBytes = 4 * 1024 * 1024
const maxAgeUs = 5_000_000
/** Fragments of a packet that is whole already are copies, seen on another interface; later ones are of another packet. */
const copyUs = 20_000
/** Largest payload that IPv4 or IPv6 can announce. */
const maxPayloadBytes = { 4: 65_515, 6: 65_535 } as const

const mix = (hash: number, word: number): number => {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

export class Fragments {
  readonly counters = {
    /** Packets that became whole. */
    reassembled: 0,
    /** Packets that did not, for lack of time, room or captured bytes. */
    incomplete: 0,
    /** Packets dropped because fragments contradicted each other. */
    overlapping: 0,
    /** Fragments that belong to no flow: the first of their packet never came, or it was dropped. */
    lost: 0,
    malformed: 0,
    copies: 0,
  }
  heldBytes = 0
  /** By hash, oldest first. */
  private readonly datagrams = new Map<number, Datagram>()
  private readonly options: FragmentsOptions
  private readonly maxPackets: number
  private readonly maxBytes: number

  constructor(options: FragmentsOptions) {
    this.options = options
    this.maxPackets = options.maxPackets ?? defaultMaxPackets
    this.maxBytes = options.maxBytes ?? defaultMaxBytes
  }

  get size(): number {
    return this.datagrams.size
  }

  /** Takes a packet for which `isFragment` holds. */
  add(fragment: Packet): void {
    const { fragmentBytes, fragmentOffset, hasMoreFragments, ipVersion, timeUs } = fragment
    const isRightLength = fragmentBytes > 0 && (!hasMoreFragments || fragmentBytes % 8 === 0)
    if (!isRightLength || fragmentOffset + fragmentBytes > maxPayloadBytes[ipVersion as 4 | 6]) {
      this.counters.malformed++
      return
    }
    const hash = this.hashOf(fragment)
    let datagram = this.datagrams.get(hash)
    if (datagram !== undefined) {
      const isPast = Math.abs(timeUs - datagram.lastUs) >= (datagram.isOver ? copyUs : maxAgeUs)
      if (!datagram.isOf(fragment) || (isPast && !datagram.isRefused)) {
        this.end(hash, datagram)
        datagram = undefined
      } else if (datagram.isRefused) {
        this.counters.lost += fragment.packets
        return
      } else if (datagram.isOver) {
        this.counters.copies++
        return
      }
    }
    if (datagram === undefined) {
      if (this.datagrams.size >= this.maxPackets) this.endOldest()
      datagram = new Datagram(fragment)
      this.datagrams.set(hash, datagram)
    }
    this.take(datagram, fragment)
  }

  /** Ends what waits for too long. */
  expire(nowUs: number): void {
    for (const [hash, datagram] of this.datagrams) {
      if (Math.abs(nowUs - datagram.startedUs) < maxAgeUs) break
      this.end(hash, datagram)
    }
  }

  endAll(): void {
    for (const [hash, datagram] of this.datagrams) this.end(hash, datagram)
  }

  private take(datagram: Datagram, fragment: Packet): void {
    const sizeBefore = datagram.size
    const hasRoom = (): boolean => this.heldBytes + datagram.growth(fragment) <= this.maxBytes
    // The oldest may be the one that wants to grow.
    while (!hasRoom() && !datagram.isOver && this.endOldestHeld());
    if (datagram.isOver || !hasRoom()) {
      this.counters.lost += fragment.packets
      return
    }
    const part = datagram.take(fragment)
    this.heldBytes += datagram.size - sizeBefore
    if (part === Part.copy) this.counters.copies++
    else if (part === Part.refused) {
      this.counters.overlapping++
      this.counters.lost += datagram.packet.packets + fragment.packets
      datagram.isRefused = true
      this.release(datagram)
    } else if (datagram.isWhole) {
      this.counters.reassembled++
      this.handOn(datagram)
    }
  }

  private end(hash: number, datagram: Datagram): void {
    this.datagrams.delete(hash)
    if (datagram.isOver) return
    this.counters.incomplete++
    this.handOn(datagram)
  }

  private handOn(datagram: Datagram): void {
    // Said first: what is within may be a fragment again and come back here.
    datagram.isOver = true
    const parsed = datagram.parse(this.options.tunnels())
    if (parsed === undefined) this.counters.lost += datagram.packet.packets
    else this.options.onPacket(datagram.packet, parsed)
    this.release(datagram)
  }

  private release(datagram: Datagram): void {
    this.heldBytes -= datagram.size
    datagram.release()
  }

  private endOldest(): void {
    for (const [hash, datagram] of this.datagrams) return this.end(hash, datagram)
  }

  /** False when nobody holds anything. */
  private endOldestHeld(): boolean {
    for (const [hash, datagram] of this.datagrams) {
      if (datagram.size === 0) continue
      this.end(hash, datagram)
      return true
    }
    return false
  }

  private hashOf({ bytes, fragmentId, ipVersion, protocol, sourceAt, targetAt }: Packet): number {
    const length = ipVersion === 4 ? 4 : 16
    let hash = mix(mix(this.options.seed, fragmentId), ipVersion === 4 ? protocol : 256)
    for (let i = 0; i < length; i++) hash = mix(hash, (bytes[sourceAt + i] << 8) | bytes[targetAt + i])
    return hash
  }
}
