// The state of a plan while it is made: where each agent is, what each server carries, which servers are open to whom.

import { type Carried, pressure, ServerRing } from "./ring.ts"
import {
  nearness,
  type Nearness,
  type PlaceableAgent,
  type PlaceableServer,
  type PlacementRules,
} from "./rules.ts"
import { fairShares } from "./shares.ts"

export interface PlacedAgent extends PlaceableAgent {
  /** Where its place says it belongs; empty: nowhere yet. */
  readonly server: string
  /** Rows a second; positive. */
  readonly load: number
  /** When it was placed, milliseconds since 1970. */
  readonly placedMs: number
}

/** Servers open to all agents of one region and zone. */
interface Openness {
  /** Places of the servers, ascending: of the region, or of others where it has none. */
  readonly open: ReadonlyArray<number>
  /** By place; undefined: not open. */
  readonly nearness: ReadonlyArray<Nearness | undefined>
}

export interface BoardAgent extends PlacedAgent {
  /** Place of the server it is at; -1: nowhere, or the server is gone. */
  at: number
  readonly openness: Openness
  isMoved: boolean
}

const openTo = (
  agent: PlaceableAgent,
  servers: ReadonlyArray<PlaceableServer>,
  rules: PlacementRules,
): Openness => {
  const near = servers.map((server) => {
    const distance = nearness(agent, server, rules)
    return typeof distance === "number" ? distance : undefined
  })
  const hasOwn = near.some((distance) => distance !== undefined && distance < 2)
  const kept = near.map((distance) => (distance === 2 && hasOwn ? undefined : distance))
  return { nearness: kept, open: [...kept.keys()].filter((at) => kept[at] !== undefined) }
}

export class Board implements Carried {
  readonly ring: ServerRing
  /** By id. */
  readonly agents: ReadonlyArray<BoardAgent>
  /** Agents at each server. */
  readonly at: ReadonlyArray<Set<BoardAgent>>
  readonly load: Array<number>
  readonly fair: ReadonlyArray<number>
  readonly total: number

  constructor(agents: Iterable<PlacedAgent>, servers: Iterable<PlaceableServer>, rules: PlacementRules) {
    this.ring = new ServerRing(servers)
    const { servers: sorted } = this.ring
    const place = new Map(sorted.map(({ id }, at) => [id, at]))
    const byRegion = new Map<string, Map<string, Openness>>()
    this.load = sorted.map(() => 0)
    this.at = sorted.map(() => new Set())
    const ordered = [...agents].sort((one, other) => (one.id < other.id ? -1 : one.id > other.id ? 1 : 0))
    this.agents = ordered.map((agent) => {
      let byZone = byRegion.get(agent.region)
      if (byZone === undefined) byRegion.set(agent.region, (byZone = new Map()))
      let openness = byZone.get(agent.zone)
      if (openness === undefined) byZone.set(agent.zone, (openness = openTo(agent, sorted, rules)))
      return { ...agent, at: place.get(agent.server) ?? -1, openness, isMoved: false }
    })
    const classes = new Map<string, { readonly servers: ReadonlyArray<number>; load: number }>()
    let total = 0
    for (const agent of this.agents) {
      total += agent.load
      if (agent.at >= 0) {
        this.load[agent.at]! += agent.load
        this.at[agent.at]!.add(agent)
      }
      const { open } = agent.openness
      const key = open.join()
      const known = classes.get(key)
      if (known === undefined) classes.set(key, { servers: open, load: agent.load })
      else known.load += agent.load
    }
    this.total = total
    this.fair = fairShares(
      [...classes.values()],
      sorted.map(({ capacity }) => Math.max(capacity, Number.MIN_VALUE)),
    )
  }

  pressure(at: number, added = 0): number {
    return pressure(this.load[at]! + added, this.fair[at]!)
  }

  move(agent: BoardAgent, to: number): void {
    if (agent.at >= 0) {
      this.load[agent.at]! -= agent.load
      this.at[agent.at]!.delete(agent)
    }
    this.load[to]! += agent.load
    this.at[to]!.add(agent)
    agent.at = to
    agent.isMoved = true
  }
}
