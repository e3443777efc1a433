// Which agents should belong to another server, and why: pure. Nothing moves that need not: servers that are gone, drained or
// forbidden lose their agents; a server above its bound gives as many as bring it clearly below, largest first.

import { type AgentWish, allowedFor, inOrder, type PlaceRules, type PlaceServer } from "./order.ts"

export interface PlacedAgent extends AgentWish {
  /** Rows a second, smoothed; an idle agent costs `idleLoad` all the same. */
  readonly load: number
  /** Empty: none yet. */
  readonly server: string
  /** When it came to this server, milliseconds since 1970; 0: not known. */
  readonly sinceMs: number
}

export interface PlanOptions extends PlaceRules {
  /** A server may have this much more than its share: `epsilon` 0.2 is 20 %. */
  readonly epsilon?: number
  /** Moves for balance in one plan; those that must be are not counted. */
  readonly movesMost?: number
  /** An agent that came later stays, unless it must go. */
  readonly restMs?: number
  readonly nowMs: number
}

export type MoveReason = "server gone" | "draining" | "not allowed here" | "above its share"

export interface Move {
  readonly agent: string
  readonly from: string
  readonly to: string
  readonly reason: MoveReason
  readonly load: number
}

export interface ServerLoad {
  readonly id: string
  readonly loadBefore: number
  readonly loadAfter: number
  readonly agentsBefore: number
  readonly agentsAfter: number
}

export interface Plan {
  readonly moves: ReadonlyArray<Move>
  readonly servers: ReadonlyArray<ServerLoad>
  readonly unplaced: ReadonlyArray<{ readonly agent: string; readonly reason: string }>
}

/** Rows a second that an agent counts at least. */
export const idleLoad = 10
export const defaultEpsilon = 0.2

export const costOf = (rowsPerSecond: number): number => Math.max(idleLoad, rowsPerSecond)

/** Loads of servers while places are chosen. */
export class Loads {
  readonly #loads = new Map<string, number>()
  readonly #agents = new Map<string, number>()
  total = 0

  add(server: string, load: number): void {
    this.#loads.set(server, this.of(server) + load)
    this.#agents.set(server, this.agentsOf(server) + 1)
    this.total += load
  }

  remove(server: string, load: number): void {
    this.#loads.set(server, this.of(server) - load)
    this.#agents.set(server, this.agentsOf(server) - 1)
    this.total -= load
  }

  of(server: string): number {
    return this.#loads.get(server) ?? 0
  }

  agentsOf(server: string): number {
    return this.#agents.get(server) ?? 0
  }
}

/** What a server would have of `total` by its capacity. */
const shareOf = (server: PlaceServer, servers: ReadonlyArray<PlaceServer>, total: number): number => {
  let capacity = 0
  for (const one of servers) if (!one.isDraining) capacity += one.capacity
  return capacity === 0 ? 0 : (total * server.capacity) / capacity
}

/** The first in the agent's order that has room below `1 + slack` of its share; the one with the most room when none has. */
export const choose = (
  agent: AgentWish,
  load: number,
  servers: ReadonlyArray<PlaceServer>,
  loads: Loads,
  rules: PlaceRules,
  slack = defaultEpsilon,
): PlaceServer | string => {
  const allowed = allowedFor(agent, servers, rules)
  if (typeof allowed === "string") return allowed
  const total = loads.total + load
  let best: PlaceServer | undefined
  let bestRatio = Infinity
  for (const server of inOrder(agent.id, allowed)) {
    const share = shareOf(server, servers, total)
    const ratio = (loads.of(server.id) + load) / share
    if (ratio <= 1 + slack) return server
    if (ratio < bestRatio) {
      bestRatio = ratio
      best = server
    }
  }
  return best!
}

const mustMove = (
  agent: PlacedAgent,
  servers: ReadonlyMap<string, PlaceServer>,
  rules: PlaceRules,
): MoveReason | undefined => {
  const server = servers.get(agent.server)
  if (server === undefined) return "server gone"
  if (server.isDraining) return "draining"
  const isServing = server.servesZones.length === 0 || server.servesZones.includes(agent.zone)
  const isAtHome = server.region === (agent.region === "" ? rules.region : agent.region)
  return isServing && (isAtHome || rules.allowSpill) ? undefined : "not allowed here"
}

export const makePlan = (
  agents: ReadonlyArray<PlacedAgent>,
  servers: ReadonlyArray<PlaceServer>,
  options: PlanOptions,
): Plan => {
  const epsilon = options.epsilon ?? defaultEpsilon
  const byId = new Map(servers.map((server) => [server.id, server]))
  const before = new Loads()
  const loads = new Loads()
  const moves: Array<Move> = []
  const unplaced: Array<{ readonly agent: string; readonly reason: string }> = []
  const homeless: Array<readonly [PlacedAgent, MoveReason]> = []
  const placed: Array<PlacedAgent> = []
  for (const agent of agents) {
    if (agent.server === "") continue
    before.add(agent.server, agent.load)
    const reason = mustMove(agent, byId, options)
    if (reason === undefined) {
      loads.add(agent.server, agent.load)
      placed.push(agent)
    } else homeless.push([agent, reason])
  }
  // The largest first: what is small fills the gaps.
  homeless.sort(([one], [other]) => other.load - one.load || (one.id < other.id ? -1 : 1))
  for (const [agent, reason] of homeless) {
    const server = choose(agent, agent.load, servers, loads, options, epsilon)
    if (typeof server === "string") {
      unplaced.push({ agent: agent.id, reason: server })
      continue
    }
    loads.add(server.id, agent.load)
    moves.push({ agent: agent.id, from: agent.server, to: server.id, reason, load: agent.load })
  }

  let left = options.movesMost ?? Number.POSITIVE_INFINITY
  const restMs = options.restMs ?? 0
  for (const server of servers) {
    if (server.isDraining || left <= 0) continue
    const share = shareOf(server, servers, loads.total)
    if (loads.of(server.id) <= (1 + epsilon) * share) continue
    const goal = (1 + epsilon / 2) * share
    const own = placed
      .filter((agent) => agent.server === server.id && options.nowMs - agent.sinceMs >= restMs)
      .sort((one, other) => other.load - one.load || (one.id < other.id ? -1 : 1))
    for (const agent of own) {
      const excess = loads.of(server.id) - goal
      if (excess <= 0 || left <= 0) break
      // One that is larger than what is too much would only be too much elsewhere, or leave this one empty.
      if (agent.load > excess * 1.5 && agent.load > share * (epsilon / 2)) continue
      const others = servers.filter(({ id }) => id !== server.id)
      const allowed = allowedFor(agent, others, options)
      if (typeof allowed === "string") continue
      const to = inOrder(agent.id, allowed).find(
        (other) =>
          loads.of(other.id) + agent.load <= (1 + epsilon / 2) * shareOf(other, servers, loads.total),
      )
      if (to === undefined) continue
      loads.remove(server.id, agent.load)
      loads.add(to.id, agent.load)
      moves.push({ agent: agent.id, from: server.id, to: to.id, reason: "above its share", load: agent.load })
      left--
    }
  }
  return {
    moves,
    servers: servers.map(({ id }) => ({
      id,
      loadBefore: before.of(id),
      loadAfter: loads.of(id),
      agentsBefore: before.agentsOf(id),
      agentsAfter: loads.agentsOf(id),
    })),
    unplaced,
  }
}
