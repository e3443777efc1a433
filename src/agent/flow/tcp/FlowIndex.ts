// Finds the place (slot) of a flow by the addresses, ports and protocol of a packet, the same for both
// directions: open addressing over typed arrays, no allocation. Slots are numbers below `capacity`, given out
// and taken back here. The key begins the slot's block (FlowSlots.ts), so that comparing loads what the packet needs next.

import type { Packet } from "../../capture/packet/Packet.ts"
import { blockWords } from "./FlowSlots.ts"

/** Both ports in one, version and protocol, then words of both addresses in turn: 2 of IPv4, 8 of IPv6. */
const keyWords = 10

const int32 = (bytes: Uint8Array, at: number): number =>
  (bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]

const mix = (hash: number, word: number): number => {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

export class FlowIndex {
  readonly capacity: number
  size = 0
  /** Of the packet last looked up: its source is the higher end of the key. */
  isSourceHigh = false
  private readonly key = new Int32Array(keyWords)
  /** Words of the key that the IP version uses. */
  private words = 0
  private hash = 0
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

  /** The slot of the packet's flow, or -1. */
  find(packet: Packet): number {
    this.setKey(packet)
    const { blocks, buckets, hash, key, mask, words } = this
    for (let at = (hash << 1) & mask; buckets[at] !== 0; at = (at + 2) & mask) {
      if (buckets[at + 1] !== hash) continue
      const slot = buckets[at] - 1
      const base = slot * blockWords
      let word = 0
      while (word < words && blocks[base + word] === key[word]) word++
      if (word === words) return slot
    }
    return -1
  }

  /** A slot for the packet last looked up, which was not found; there must be room. */
  insert(): number {
    const slot = this.free[this.capacity - 1 - this.size++]
    const { blocks, buckets, hash, key, mask } = this
    const base = slot * blockWords
    for (let word = 0; word < keyWords; word++) blocks[base + word] = key[word]
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

  private setKey(packet: Packet): void {
    const { key } = this
    const { bytes, ipVersion, sourceAt, sourcePort, targetAt, targetPort } = packet
    // The end with the lower port, then address, comes first.
    let isHigh = sourcePort > targetPort
    const words = ipVersion === 4 ? 1 : 4
    for (let i = 0, order = sourcePort - targetPort; i < words && order === 0; i++) {
      order = int32(bytes, sourceAt + i * 4) - int32(bytes, targetAt + i * 4)
      isHigh = order > 0
    }
    this.isSourceHigh = isHigh
    const lowAt = isHigh ? targetAt : sourceAt
    const highAt = isHigh ? sourceAt : targetAt
    const ports = isHigh ? (sourcePort << 16) | targetPort : (targetPort << 16) | sourcePort
    key[0] = ports
    key[1] = (ipVersion << 8) | packet.protocol
    let hash = mix(mix(this.seed, ports), key[1])
    for (let i = 0; i < words; i++) {
      const low = int32(bytes, lowAt + i * 4)
      const high = int32(bytes, highAt + i * 4)
      key[2 + 2 * i] = low
      key[3 + 2 * i] = high
      hash = mix(mix(hash, low), high)
    }
    this.words = 2 + 2 * words
    this.hash = hash
  }
}
