// Finds the place (slot) of a flow by the addresses, ports and protocol of a packet, the same for both
// directions: open addressing over typed arrays, no allocation. Slots are numbers below `capacity`, given out
// and taken back here.

import type { Packet } from "../../capture/packet/Packet.ts"

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
  private readonly keys: Int32Array
  private readonly hashes: Int32Array
  /** Slot + 1 by hash; 0: empty. */
  private readonly buckets: Int32Array
  private readonly mask: number
  private readonly free: Int32Array
  /** Makes collisions unpredictable to who chooses addresses and ports. */
  private readonly seed: number

  constructor(capacity: number, seed: number) {
    this.capacity = capacity
    this.seed = seed | 0
    let buckets = 16
    while (buckets < capacity * 2) buckets *= 2
    this.mask = buckets - 1
    this.buckets = new Int32Array(buckets)
    this.keys = new Int32Array(capacity * keyWords)
    this.hashes = new Int32Array(capacity)
    this.free = new Int32Array(capacity)
    for (let i = 0; i < capacity; i++) this.free[i] = capacity - 1 - i
  }

  /** The slot of the packet's flow, or -1. */
  find(packet: Packet): number {
    this.setKey(packet)
    const { buckets, hash, key, keys, mask, words } = this
    for (let at = hash & mask; buckets[at] !== 0; at = (at + 1) & mask) {
      const slot = buckets[at] - 1
      const base = slot * keyWords
      let word = 0
      while (word < words && keys[base + word] === key[word]) word++
      if (word === words) return slot
    }
    return -1
  }

  /** A slot for the packet last looked up, which was not found; there must be room. */
  insert(): number {
    const slot = this.free[this.capacity - 1 - this.size++]
    this.keys.set(this.key, slot * keyWords)
    this.hashes[slot] = this.hash
    let at = this.hash & this.mask
    while (this.buckets[at] !== 0) at = (at + 1) & this.mask
    this.buckets[at] = slot + 1
    return slot
  }

  remove(slot: number): void {
    const { buckets, hashes, mask } = this
    let hole = hashes[slot] & mask
    while (buckets[hole] !== slot + 1) hole = (hole + 1) & mask
    buckets[hole] = 0
    // Entries behind the hole that could not be found past it move up.
    for (let at = (hole + 1) & mask; buckets[at] !== 0; at = (at + 1) & mask) {
      const home = hashes[buckets[at] - 1] & mask
      if (((at - home) & mask) < ((at - hole) & mask)) continue
      buckets[hole] = buckets[at]
      buckets[at] = 0
      hole = at
    }
    this.free[this.capacity - this.size--] = slot
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
