// The groups of the network's metrics by what they are about. Bounded by whoever adds.

import { hashOfEnd, isSameEnd, mix } from "./endHash.ts"
import { HashChains } from "./HashChains.ts"
import type { NetworkGroup, NetworkGroupKey } from "./NetworkGroup.ts"

const hashOf = ({ client, point, server, serverPort, signalSource, transport }: NetworkGroupKey): number =>
  hashOfEnd(hashOfEnd(mix(mix(serverPort, transport), point * 256 + signalSource), client), server)

const isSame = (a: NetworkGroupKey, b: NetworkGroupKey): boolean =>
  a.serverPort === b.serverPort &&
  a.transport === b.transport &&
  a.point === b.point &&
  a.signalSource === b.signalSource &&
  isSameEnd(a.client, b.client) &&
  isSameEnd(a.server, b.server)

export class NetworkGroups {
  readonly #chains = new HashChains<NetworkGroup>()

  get size(): number {
    return this.#chains.size
  }

  find(key: NetworkGroupKey): NetworkGroup | undefined {
    for (let group = this.#chains.first(hashOf(key)); group !== undefined; group = group.next)
      if (isSame(group, key)) return group
    return undefined
  }

  add(group: NetworkGroup): void {
    this.#chains.add(hashOf(group), group)
  }

  /** Forgets those that nobody needs. */
  sweep(isNeeded: (group: NetworkGroup) => boolean): void {
    this.#chains.sweep(isNeeded)
  }
}
