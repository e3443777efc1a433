// What must be so whenever nothing is being done to the region. Every check says the first thing that is not, or nothing.

import * as Effect from "effect/Effect"
import type { Deliveries } from "./Deliveries.ts"
import type { Region } from "./Region.ts"

/** Each agent at one living server, which is where it belongs, by the store's word and by its own; one leader. */
const inStore = ({ agents, history, servers, words }: Region): string => {
  for (const { id } of servers) if (!history.servers.has(id)) return `${id} is not among the living servers`
  if (history.leader === undefined) return "nobody leads"
  if (history.owners.size !== agents) {
    const homeless = [...words.keys()].find((agent) => !history.owners.has(agent)) ?? ""
    const place = history.places.get(homeless)
    return `${history.owners.size} of ${agents} agents are had by a server (${homeless}, which belongs to ${place}, is not)`
  }
  for (const [agent, owner] of history.owners) {
    if (!history.servers.has(owner)) return `${agent} is had by ${owner}, which does not live`
    const place = history.places.get(agent)
    if (place !== owner) return `${agent} is had by ${owner} and belongs to ${place}`
    const { server } = words.get(agent)!
    if (server !== owner) return `${agent} is had by ${owner} and was told ${server}`
  }
  return ""
}

/** An agent may be ahead of what was acknowledged: a change that was not may have happened. */
const ofConfig = ({ words }: Region, acknowledged: number): string => {
  for (const [agent, { flushMs }] of words) {
    if (flushMs === undefined) return `${agent} has no configuration`
    if (flushMs < acknowledged) return `${agent} runs with ${flushMs}, acknowledged was ${acknowledged}`
  }
  return ""
}

const lostBatches = async (deliveries: Deliveries): Promise<string> => {
  const lost = await deliveries.lost()
  return lost.length === 0
    ? ""
    : `${lost.length} acknowledged batches are not stored (${lost.slice(0, 3).join(", ")})`
}

/** What servers say: all the same, and what the store says. */
const byServers = async (region: Region): Promise<string> => {
  const { agents, history, servers } = region
  const owners = new Map<string, string>()
  for (const server of servers) {
    const [listed, living, leader, here] = await region.ask(server, (client) =>
      Effect.all([client.Agents({}), client.Servers({}), client.Leader({}), client.AgentsHere({})]),
    )
    if (living.length !== servers.length) return `${server.id} sees ${living.length} servers`
    if (leader.server !== history.leader?.server)
      return `${server.id} says that ${leader.server || "nobody"} leads, and it is ${history.leader?.server ?? "nobody"}`
    if (listed.length !== agents) return `${server.id} knows ${listed.length} agents`
    for (const { id, place, server: owner, state } of listed)
      if (owner === "" || owner !== place || state === "lost")
        return `${server.id}: ${id} is ${state}, had by "${owner}" and belongs to "${place}"`
    for (const { id } of here) {
      const other = owners.get(id)
      if (other !== undefined) return `${id} is had by ${other} and ${server.id}`
      owners.set(id, server.id)
    }
  }
  return owners.size === agents ? "" : `servers have ${owners.size} of ${agents} agents`
}

/** The cheap checks first: none of the others is asked for before they hold. */
export const wrong = async (
  region: Region,
  deliveries: Deliveries,
  acknowledged: number,
): Promise<string> => {
  const seen = inStore(region) || ofConfig(region, acknowledged)
  return seen || (await byServers(region)) || lostBatches(deliveries)
}
