// Finds the place (slot) of a flow by the addresses, ports and protocol of a packet, the same for both
// directions: open addressing over typed arrays, no allocation. Slots are numbers below `capacity`, given out
// and taken back here. The key begins the slot's block (FlowSlots.ts), so that comparing loads what the packet needs next.

import type { Packet } from "../../capture/packet/Packet.ts"
import { touched } from "../touched.ts"
import { blockWords } from "./FlowSlots.ts"

/** Both ports in one, version and protocol, then words of both addresses in turn: 2 of IPv4, 8 of IPv6. */
const keyWords = 10

const int32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]

const mix = (hash: number, word: number): number => {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

/** Lines of the processor's cache that almost every packet needs of its flow's block, from the first on. */
const packetLines = 6
const lineWords = 16

const kindOf = ({ ipVersion, protocol }: Packet): number => (ipVersion << 8) | protocol

const isKeyOf = (blocks: Int32Array, base: number, packet: Packet): boolean => {
  if (blocks[base] !== packet.ports || blocks[base + 1] !== kindOf(packet)) return false
  const { bytes, ipVersion, isSourceHigh, sourceAt, targetAt } = packet
  const lowAt = isSourceHigh ? targetAt : sourceAt
  const highAt = isSourceHigh ? sourceAt : targetAt
  const words = ipVersion === 4 ? 1 : 4
  for (let i = 0; i < words; i++) {
    if (blocks[base + 2 + 2 * i] !== int32(bytes, lowAt + i * 4)) return false
    if (blocks[base + 3 + 2 * i] !== int32(bytes, highAt + i * 4)) return false
  }
  return true
}

const writeKey = (blocks: Int32Array, base: number, packet: Packet): void => {
  const { bytes, ipVersion, isSourceHigh, sourceAt, targetAt } = packet
  const lowAt = isSourceHigh ? targetAt : sourceAt
  const highAt = isSourceHigh ? sourceAt : targetAt
  const words = ipVersion === 4 ? 1 : 4
  blocks[base] = packet.ports
  blocks[base + 1] = kindOf(packet)
  for (let i = 0; i < words; i++) {
    blocks[base + 2 + 2 * i] = int32(bytes, lowAt + i * 4)
    blocks[base + 3 + 2 * i] = int32(bytes, highAt + i * 4)
  }
}

export class FlowIndex {
  readonly capacity: number
  size = 0
  /** Keys, `blockWords` apart. */
  blocks: Int32Array
  /** Pairs by hash: slot + 1 (0: empty) and the hash, so that a block is loaded only if it is very likely the right one. */
  private readonly buckets: Int32Array
  private readonly mask: number
  private readonly free: Int32Array
  /** Makes collisions unpredictable to who chooses addresses and ports. */
  private readonly seed: number

  constructor(capacity: number, seed: number, blocks: Int32Array) {
    this.capacity = capacity
    this.seed = seed | 0
    let buckets = 16
    while (buckets < capacity * 2) buckets *= 2
    this.mask = buckets * 2 - 2
    this.buckets = new Int32Array(buckets * 2)
    this.blocks = blocks
    this.free = new Int32Array(capacity)
    for (let i = 0; i < capacity; i++) this.free[i] = capacity - 1 - i
  }

  /** The slot of the packet's flow, or -1. The packet has its key. */
  find(packet: Packet): number {
    const { blocks, buckets, mask } = this
    const { hash } = packet
    for (let at = (hash << 1) & mask; buckets[at] !== 0; at = (at + 2) & mask) {
      if (buckets[at + 1] !== hash) continue
      const slot = buckets[at] - 1
      if (isKeyOf(blocks, slot * blockWords, packet)) return slot
    }
    return -1
  }

  /** Reads what packets need next of the index and of their blocks, and says where their flows are likely to stand. */
  touch(packets: ReadonlyArray<Packet>, count: number): void {
    const { blocks, buckets, mask } = this
    let sum = 0
    for (let i = 0; i < count; i++) sum ^= buckets[(packets[i].hash << 1) & mask]
    for (let i = 0; i < count; i++) {
      const { hash } = packets[i]
      const at = (hash << 1) & mask
      packets[i].slot = -1
      if (buckets[at] === 0 || buckets[at + 1] !== hash) continue
      const slot = buckets[at] - 1
      packets[i].slot = slot
      const base = slot * blockWords
      for (let line = 0; line < packetLines; line++) sum ^= blocks[base + line * lineWords]
    }
    touched.sum = sum
  }

  /** A slot for a packet that was not found; there must be room. */
  insert(packet: Packet): number {
    const slot = this.free[this.capacity - 1 - this.size++]
    const { blocks, buckets, mask } = this
    const { hash } = packet
    writeKey(blocks, slot * blockWords, packet)
    let at = (hash << 1) & mask
    while (buckets[at] !== 0) at = (at + 2) & mask
    buckets[at] = slot + 1
    buckets[at + 1] = hash
    return slot
  }

  remove(slot: number): void {
    const { buckets, mask } = this
    let hole = (this.hashOf(slot) << 1) & mask
    while (buckets[hole] !== slot + 1) hole = (hole + 2) & mask
    buckets[hole] = 0
    // Entries behind the hole that could not be found past it move up.
    for (let at = (hole + 2) & mask; buckets[at] !== 0; at = (at + 2) & mask) {
      const home = (buckets[at + 1] << 1) & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      buckets[hole] = buckets[at]
      buckets[hole + 1] = buckets[at + 1]
      buckets[at] = 0
      hole = at
    }
    this.free[this.capacity - this.size--] = slot
  }

  private hashOf(slot: number): number {
    const { blocks } = this
    const base = slot * blockWords
    let hash = this.seed
    const words = blocks[base + 1] >> 8 === 4 ? 4 : keyWords
    for (let word = 0; word < words; word++) hash = mix(hash, blocks[base + word])
    return hash
  }

  /** Gives the packet its key. */
  setKey(packet: Packet): void {
    const { bytes, ipVersion, sourceAt, sourcePort, targetAt, targetPort } = packet
    // The end with the lower port, then address, comes first.
    let isHigh = sourcePort > targetPort
    const words = ipVersion === 4 ? 1 : 4
    for (let i = 0, order = sourcePort - targetPort; i < words && order === 0; i++) {
      order = int32(bytes, sourceAt + i * 4) - int32(bytes, targetAt + i * 4)
      isHigh = order > 0
    }
    const lowAt = isHigh ? targetAt : sourceAt
    const highAt = isHigh ? sourceAt : targetAt
    const ports = isHigh ? (sourcePort << 16) | targetPort : (targetPort << 16) | sourcePort
    let hash = mix(mix(this.seed, ports), kindOf(packet))
    for (let i = 0; i < words; i++)
      hash = mix(mix(hash, int32(bytes, lowAt + i * 4)), int32(bytes, highAt + i * 4))
    packet.isSourceHigh = isHigh
    packet.ports = ports
    packet.hash = hash
  }
}
