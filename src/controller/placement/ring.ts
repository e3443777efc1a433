// Where an agent goes: the order of the servers is the agent's own and hardly changes when servers come and go (consistent hashing,
// weighted by capacity); the first that is near enough and has room takes it.

import * as Hash from "effect/Hash"
import * as HashRing from "effect/HashRing"
import * as PrimaryKey from "effect/PrimaryKey"
import {
  nearness,
  nobodyBecause,
  type PlaceableAgent,
  type PlaceableServer,
  type PlacementRules,
} from "./rules.ts"

/** Capacity of a server with the ring's usual number of points. */
const usualCapacity = 100
/** More points than this many usual servers have make the ring large; what is beyond is left to the bound. */
const weightMost = 16

/** The hash spreads what differs only when enough follows it: short names would crowd on one stretch of the ring. */
const onRing = (id: string): string => `sonde server on the ring/${id}`
const agentOnRing = (id: string): string => `sonde agent on the ring/${id}`

class RingNode implements PrimaryKey.PrimaryKey {
  readonly key: string
  readonly server: PlaceableServer
  constructor(server: PlaceableServer) {
    this.key = onRing(server.id)
    this.server = server
  }
  [PrimaryKey.symbol](): string {
    return this.key
  }
}

export const byId = (one: { readonly id: string }, other: { readonly id: string }): number =>
  one.id < other.id ? -1 : one.id > other.id ? 1 : 0

export class ServerRing {
  /** By id. */
  readonly servers: ReadonlyArray<PlaceableServer>
  readonly #points: ReadonlyArray<readonly [hash: number, node: string]>
  readonly #index: ReadonlyMap<string, number>

  constructor(servers: Iterable<PlaceableServer>) {
    this.servers = [...servers].sort(byId)
    const ring = HashRing.make<RingNode>()
    for (const server of this.servers) {
      HashRing.add(ring, new RingNode(server), {
        weight: Math.min(server.capacity / usualCapacity, weightMost),
      })
    }
    this.#points = ring.ring
    this.#index = new Map(this.servers.map(({ id }, at) => [onRing(id), at]))
  }

  /** Places in `servers` in the agent's order, each once; computed as far as it is read. */
  *order(agentId: string): Generator<number, void, undefined> {
    const points = this.#points
    const hash = Hash.string(agentOnRing(agentId))
    let low = 0
    let high = points.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (points[middle]![0] < hash) low = middle + 1
      else high = middle
    }
    const seen = new Set<number>()
    for (let step = 0; step < points.length && seen.size < this.servers.length; step++) {
      const at = this.#index.get(points[(low + step) % points.length]![1])!
      if (seen.has(at)) continue
      seen.add(at)
      yield at
    }
  }
}

/** What the servers carry: rows a second by place in `ServerRing.servers`. */
export interface Carried {
  readonly load: ReadonlyArray<number>
  /** Fair share of each (`fairShares`). */
  readonly fair: ReadonlyArray<number>
}

/** Load over fair share. */
export const pressure = (load: number, fair: number): number =>
  load <= 0 ? 0 : load / Math.max(fair, Number.MIN_VALUE)

export type Choice = { readonly server: number } | { readonly nobody: string }

/**
 * The server for an agent of `agentLoad` rows a second. Nearest first, within a distance by the agent's order, the first that stays
 * at or under `limits[0]` times its fair share with it; else the same with the further limits; else the least pressed of the nearest
 * region. `limits` ascend.
 */
export const choose = (
  ring: ServerRing,
  agent: PlaceableAgent,
  agentLoad: number,
  carried: Carried,
  limits: ReadonlyArray<number>,
  rules: PlacementRules,
  cannotReach: ReadonlyArray<string> = [],
): Choice => {
  const near: [Array<number>, Array<number>, Array<number>] = [[], [], []]
  for (const at of ring.order(agent.id)) {
    const server = ring.servers[at]!
    if (cannotReach.includes(server.id)) continue
    const distance = nearness(agent, server, rules)
    if (typeof distance === "number") near[distance].push(at)
  }
  // Another region is for agents that nobody in theirs may take, not for relief.
  const distances = near[0].length + near[1].length > 0 ? [near[0], near[1]] : [near[2]]
  const after = (at: number): number => pressure(carried.load[at]! + agentLoad, carried.fair[at]!)
  for (const limit of limits) {
    for (const candidates of distances) {
      for (const at of candidates) if (after(at) <= limit) return { server: at }
    }
  }
  let least: number | undefined
  for (const at of distances.flat()) if (least === undefined || after(at) < after(least)) least = at
  if (least !== undefined) return { server: least }
  return { nobody: nobodyBecause(agent, ring.servers, rules, cannotReach) }
}
