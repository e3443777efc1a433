// The groups of the network's metrics by what they are about. Found by a hash of numbers and compared in full: a text for each flow
// would cost more than all its counting. Bounded by whoever adds.

import type { Endpoint } from "../flow/Endpoint.ts"
import type { NetworkGroup, NetworkGroupKey } from "./NetworkGroup.ts"

const mix = (hash: number, word: number): number => {
  const mixed = Math.imul(hash ^ word, 0x9e3779b1)
  return mixed ^ (mixed >>> 15)
}

const hashOfEnd = (hash: number, { ip, processId }: Endpoint): number => {
  let mixed = mix(hash, processId)
  for (let i = 0; i < 16; i += 4)
    mixed = mix(mixed, (ip[i]! << 24) | (ip[i + 1]! << 16) | (ip[i + 2]! << 8) | ip[i + 3]!)
  return mixed
}

const hashOf = ({ client, point, server, serverPort, signalSource, transport }: NetworkGroupKey): number =>
  hashOfEnd(hashOfEnd(mix(mix(serverPort, transport), point * 256 + signalSource), client), server)

const isSameEnd = (a: Endpoint, b: Endpoint): boolean => {
  if (a.processId !== b.processId || a.service !== b.service) return false
  for (let i = 0; i < 16; i++) if (a.ip[i] !== b.ip[i]) return false
  return true
}

const isSame = (a: NetworkGroupKey, b: NetworkGroupKey): boolean =>
  a.serverPort === b.serverPort &&
  a.transport === b.transport &&
  a.point === b.point &&
  a.signalSource === b.signalSource &&
  isSameEnd(a.client, b.client) &&
  isSameEnd(a.server, b.server)

export class NetworkGroups {
  size = 0
  /** The first of those that share a hash. */
  readonly #first = new Map<number, NetworkGroup>()

  find(key: NetworkGroupKey): NetworkGroup | undefined {
    for (let group = this.#first.get(hashOf(key)); group !== undefined; group = group.next)
      if (isSame(group, key)) return group
    return undefined
  }

  add(group: NetworkGroup): void {
    const hash = hashOf(group)
    group.next = this.#first.get(hash)
    this.#first.set(hash, group)
    this.size++
  }

  /** Forgets those that nobody needs. */
  sweep(isNeeded: (group: NetworkGroup) => boolean): void {
    for (const [hash, first] of this.#first) {
      let kept: NetworkGroup | undefined
      for (let group: NetworkGroup | undefined = first; group !== undefined;) {
        const next: NetworkGroup | undefined = group.next
        if (isNeeded(group)) {
          group.next = kept
          kept = group
        } else {
          group.isRetired = true
          this.size--
        }
        group = next
      }
      if (kept === undefined) this.#first.delete(hash)
      else this.#first.set(hash, kept)
    }
  }
}
