// In which order servers are asked to take an agent: weighted rendezvous hashing (each server's score of the agent, the highest first).
// The order depends on nothing but names and weights, so every server computes the same, and a server that comes or goes changes
// only the places that it takes or leaves. (docs/decisions/0010)

import * as Hash from "effect/Hash"

export interface PlaceServer {
  readonly id: string
  readonly region: string
  readonly zone: string
  /** Zones whose agents it takes; empty: all. */
  readonly servesZones: ReadonlyArray<string>
  /** Relative to the others; at least 1. */
  readonly capacity: number
  readonly isDraining: boolean
}

/** A number in (0, 1) that two names give, evenly spread. */
const chance = (agent: string, server: string): number => {
  // 32 bits of a good mix (murmur3's last step) over the string's hash: the hash alone is not even in its low bits.
  let mixed = Hash.string(`${agent}\u0000${server}`)
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  mixed = (mixed ^ (mixed >>> 16)) >>> 0
  return (mixed + 0.5) / 4_294_967_296
}

const scoreOf = (agent: string, server: PlaceServer): number =>
  -server.capacity / Math.log(chance(agent, server.id))

/** Servers by preference; the share of agents that a server is first for is that of its capacity. */
export const inOrder = (agent: string, servers: ReadonlyArray<PlaceServer>): ReadonlyArray<PlaceServer> =>
  servers
    .map((server) => ({ server, score: scoreOf(agent, server) }))
    .sort((one, other) => other.score - one.score || (one.server.id < other.server.id ? -1 : 1))
    .map(({ server }) => server)

/** The first of `inOrder`. */
export const firstFor = (agent: string, servers: ReadonlyArray<PlaceServer>): PlaceServer | undefined => {
  let first: PlaceServer | undefined
  let best = -1
  for (const server of servers) {
    const score = scoreOf(agent, server)
    if (score > best || (score === best && server.id < first!.id)) {
      first = server
      best = score
    }
  }
  return first
}

export interface AgentWish {
  readonly id: string
  readonly region: string
  readonly zone: string
  /** Servers that it cannot reach. */
  readonly avoid?: ReadonlyArray<string>
}

export interface PlaceRules {
  readonly region: string
  /** Agents may go to servers of other regions when their own has none. */
  readonly allowSpill: boolean
}

export const isServing = (server: PlaceServer, zone: string): boolean =>
  server.servesZones.length === 0 || server.servesZones.includes(zone)

export const homeRegion = (agent: AgentWish, rules: PlaceRules): string =>
  agent.region === "" ? rules.region : agent.region

/** Who may take the agent, the preferred alone where there are any; or why nobody may. */
export const allowedFor = (
  agent: AgentWish,
  servers: ReadonlyArray<PlaceServer>,
  rules: PlaceRules,
): ReadonlyArray<PlaceServer> | string => {
  const home = homeRegion(agent, rules)
  const near = servers.filter(({ region }) => region === home)
  const inRegion = near.length > 0 || !rules.allowSpill ? near : servers
  if (inRegion.length === 0)
    return `region ${home} has no living server, and agents may not go to others (cluster.spill)`
  const working = inRegion.filter(({ isDraining }) => !isDraining)
  if (working.length === 0) return "all servers are being drained"
  const serving = working.filter((server) => isServing(server, agent.zone))
  if (serving.length === 0) return `no server takes agents of zone "${agent.zone}" (cluster.servesZones)`
  const avoid = agent.avoid ?? []
  const reachable = avoid.length === 0 ? serving : serving.filter(({ id }) => !avoid.includes(id))
  // Better one that it could not reach lately than none.
  const usable = reachable.length > 0 ? reachable : serving
  const sameZone = agent.zone === "" ? [] : usable.filter(({ zone }) => zone === agent.zone)
  return sameZone.length > 0 ? sameZone : usable
}

/** Why this one server does not take the agent, whatever others there are; undefined: it does. */
export const refusalOf = (agent: AgentWish, server: PlaceServer, rules: PlaceRules): string | undefined => {
  if (server.isDraining) return `server ${server.id} is being drained`
  const home = homeRegion(agent, rules)
  if (server.region !== home && !rules.allowSpill)
    return `server ${server.id} is in region ${server.region}, the agent in ${home} (cluster.spill)`
  if (!isServing(server, agent.zone))
    return `server ${server.id} takes no agents of zone "${agent.zone}" (cluster.servesZones)`
  return undefined
}
