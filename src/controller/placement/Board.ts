// What the servers carry while places are chosen, and what each should: sums that are kept by change, and shares that follow them.

import { allowedFor, type AgentWish, homeRegion, type PlaceRules, type PlaceServer } from "./order.ts"
import { type Demand, fairShares } from "./shares.ts"

/** The servers that agents of one region and zone belong to; or why there are none. */
export interface Home {
  readonly servers: ReadonlyArray<PlaceServer>
  readonly nobody: string
  /** Undefined where there is nobody. */
  readonly demand: Demand | undefined
}

/** Shares are worked out anew when the load has changed by this part of the total. */
const driftMost = 0.01
/** Regions and zones that are remembered: agents say them, and could say anything. */
const homesMost = 10_000

export class Board {
  readonly servers: ReadonlyArray<PlaceServer>
  readonly #rules: PlaceRules
  readonly #places: ReadonlyMap<string, number>
  readonly #loads: Array<number>
  readonly #agents: Array<number>
  readonly #homes = new Map<string, Home>()
  /** By the servers that take it: zones that nobody names share one. */
  readonly #demands = new Map<string, Demand>()
  #shares: ReadonlyArray<number>
  readonly #sharedLoads = new Map<Demand, number>()
  /** How far the demands are from those that the shares were worked out for. */
  #drift = 0
  #total = 0

  constructor(servers: Iterable<PlaceServer>, rules: PlaceRules) {
    this.servers = [...servers].sort((one, other) => (one.id < other.id ? -1 : 1))
    this.#rules = rules
    this.#places = new Map(this.servers.map(({ id }, at) => [id, at]))
    this.#loads = this.servers.map(() => 0)
    this.#agents = this.servers.map(() => 0)
    this.#shares = this.servers.map(() => 0)
  }

  has(server: string): boolean {
    return this.#places.has(server)
  }

  /** Where the agent belongs by the rules, whatever it can reach. */
  homeOf(agent: AgentWish): Home {
    const key = `${homeRegion(agent, this.#rules)}\u0000${agent.zone}`
    const known = this.#homes.get(key)
    if (known !== undefined) return known
    const { id, region, zone } = agent
    const allowed = allowedFor({ id, region, zone }, this.servers, this.#rules)
    const home =
      typeof allowed === "string"
        ? { servers: [], nobody: allowed, demand: undefined }
        : { servers: allowed, nobody: "", demand: this.#demandAt(allowed) }
    if (this.#homes.size >= homesMost) this.#homes.clear()
    this.#homes.set(key, home)
    return home
  }

  /** The servers that may take the agent, those that it cannot reach left out if there are others. */
  openTo(agent: AgentWish, home: Home): ReadonlyArray<PlaceServer> {
    if (home.demand === undefined || agent.avoid === undefined || agent.avoid.length === 0)
      return home.servers
    const allowed = allowedFor(agent, this.servers, this.#rules)
    return typeof allowed === "string" ? [] : allowed
  }

  /** Counts the load (less than 0: no longer) of an agent that has this home, wherever it is. */
  expect({ demand }: Home, load: number): void {
    if (demand === undefined) return
    const shared = this.#sharedLoads.get(demand) ?? 0
    this.#drift -= Math.abs(demand.load - shared)
    demand.load += load
    this.#total += load
    this.#drift += Math.abs(demand.load - shared)
  }

  /** Counts an agent at a server; a server that is not there counts nothing. */
  add(server: string, load: number): void {
    this.#count(server, load, 1)
  }

  remove(server: string, load: number): void {
    this.#count(server, -load, -1)
  }

  loadOf(server: string): number {
    return this.#loads[this.#places.get(server) ?? -1] ?? 0
  }

  agentsOf(server: string): number {
    return this.#agents[this.#places.get(server) ?? -1] ?? 0
  }

  shareOf(server: string): number {
    if (this.#drift > this.#total * driftMost) this.#share()
    return this.#shares[this.#places.get(server) ?? -1] ?? 0
  }

  get total(): number {
    return this.#total
  }

  /** Load over share, with `added` more. */
  pressure(server: string, added = 0): number {
    const load = this.loadOf(server) + added
    return load <= 0 ? 0 : load / this.shareOf(server)
  }

  #count(server: string, load: number, agents: number): void {
    const at = this.#places.get(server)
    if (at === undefined) return
    this.#loads[at] = this.#loads[at]! + load
    this.#agents[at] = this.#agents[at]! + agents
  }

  #demandAt(servers: ReadonlyArray<PlaceServer>): Demand {
    const places = servers.map(({ id }) => this.#places.get(id)!)
    const key = places.join()
    let demand = this.#demands.get(key)
    if (demand === undefined) this.#demands.set(key, (demand = { servers: places, load: 0 }))
    return demand
  }

  #share(): void {
    const demands = [...this.#demands.values()]
    this.#shares = fairShares(
      demands,
      this.servers.map(({ capacity }) => Math.max(1, capacity)),
    )
    for (const demand of demands) this.#sharedLoads.set(demand, demand.load)
    this.#drift = 0
  }
}
