// Who may serve whom: draining servers take nobody, a server may take some zones only, other regions come last and only when that
// is allowed. Says why not, in words for operators.

export interface PlaceableServer {
  readonly id: string
  readonly region: string
  readonly zone: string
  /** Zones whose agents it takes; `ALL` or empty: every zone; `!ZONE`: not this one, whatever else stands here. */
  readonly servesZones: ReadonlyArray<string>
  /** What it can take, relative to the others. */
  readonly capacity: number
  readonly isDraining: boolean
}

export interface PlaceableAgent {
  readonly id: string
  /** Empty: not known, taken for that of the servers here. */
  readonly region: string
  /** Empty: not known; every server is as near as any other. */
  readonly zone: string
}

export interface PlacementRules {
  /** Of the servers here. */
  readonly region: string
  /** Agents may go to another region when no server of their own may take them. */
  readonly allowSpill: boolean
}

/** How near a server is: 0 the agent's zone, 1 its region, 2 another region. */
export type Nearness = 0 | 1 | 2

export type Refusal = "draining" | "not allowed" | "region"

export const everyZone = "ALL"

const takesZone = (servesZones: ReadonlyArray<string>, zone: string): boolean => {
  let isLimited = false
  let isTaken = false
  for (const entry of servesZones) {
    if (entry.startsWith("!")) {
      if (entry.slice(1) === zone) return false
    } else {
      isLimited = true
      if (entry === everyZone || entry === zone) isTaken = true
    }
  }
  return isTaken || !isLimited
}

export const regionOf = (agent: Pick<PlaceableAgent, "region">, rules: PlacementRules): string =>
  agent.region === "" ? rules.region : agent.region

export const nearness = (
  agent: Pick<PlaceableAgent, "region" | "zone">,
  server: PlaceableServer,
  rules: PlacementRules,
): Nearness | Refusal => {
  if (server.isDraining) return "draining"
  if (!takesZone(server.servesZones, agent.zone)) return "not allowed"
  if (server.region !== regionOf(agent, rules)) return rules.allowSpill ? 2 : "region"
  return agent.zone === "" || server.zone === "" || server.zone === agent.zone ? 0 : 1
}

/** Servers that a reason tells of one by one. */
const toldMost = 5

/** Why none of `servers` takes the agent, and what to do. */
export const nobodyBecause = (
  agent: Pick<PlaceableAgent, "region" | "zone">,
  servers: ReadonlyArray<PlaceableServer>,
  rules: PlacementRules,
  cannotReach: ReadonlyArray<string> = [],
): string => {
  if (servers.length === 0) return "no server is alive"
  const zone = agent.zone === "" ? "without a zone" : `of zone ${agent.zone}`
  const why = servers.slice(0, toldMost).map((server) => {
    const refusal = nearness(agent, server, rules)
    if (refusal === "draining") return `${server.id} is draining`
    if (refusal === "not allowed")
      return `${server.id} takes no agents ${zone} (cluster.servesZones: ${server.servesZones.join(", ")})`
    if (refusal === "region")
      return `${server.id} is in region ${server.region}, the agent in ${regionOf(agent, rules)} (cluster.spill is off)`
    return cannotReach.includes(server.id)
      ? `${server.id} cannot be reached by the agent`
      : `${server.id} is further away than one that cannot be reached`
  })
  const rest = servers.length - why.length
  return `${why.join("; ")}${rest > 0 ? `; and ${rest} more` : ""}`
}
