// Keeps the map readable where a service talks to many addresses: external nodes with the same neighbours become one node.

import type { MapEdge, MapNode, Rates, ServiceMap } from "../../api/contract.ts"

/** Fewer than these stay as they are. */
const leastFolded = 4

export interface DrawnNode extends MapNode {
  /** What it stands for when it is several addresses. */
  readonly members: ReadonlyArray<string>
}

export interface DrawnEdge extends MapEdge {
  readonly members: ReadonlyArray<MapEdge>
}

export interface DrawnMap {
  readonly nodes: ReadonlyArray<DrawnNode>
  readonly edges: ReadonlyArray<DrawnEdge>
}

/** Quantiles of several sets of requests cannot be added; the highest is an upper bound. */
const sumOf = (all: ReadonlyArray<Rates>): Rates => {
  const requests = all.reduce((sum, each) => sum + each.requests, 0)
  const errors = all.reduce((sum, each) => sum + each.errors, 0)
  return {
    requests,
    errors,
    ratePerSecond: all.reduce((sum, each) => sum + each.ratePerSecond, 0),
    errorRatio: requests === 0 ? 0 : errors / requests,
    p50Us: Math.max(...all.map((each) => each.p50Us)),
    p95Us: Math.max(...all.map((each) => each.p95Us)),
  }
}

const hostOf = (address: string): string => address.replace(/:\d+$/, "")

const nameOf = (members: ReadonlyArray<string>): string => {
  const hosts = new Set(members.map(hostOf))
  return hosts.size === 1 ? `${[...hosts].join()} (${members.length})` : `${members.length} addresses`
}

/** For each external node, whom it calls and who calls it, as one text. */
const neighbours = (map: ServiceMap): ReadonlyMap<string, string> => {
  const sets = new Map<string, Set<string>>(
    map.nodes.filter((node) => node.kind === "external").map((node) => [node.id, new Set()]),
  )
  for (const edge of map.edges) {
    sets.get(edge.client)?.add(`>${edge.server}`)
    sets.get(edge.server)?.add(`<${edge.client}`)
  }
  return new Map([...sets].map(([id, set]) => [id, [...set].sort().join("\n")]))
}

const groupsOf = (map: ServiceMap): ReadonlyMap<string, ReadonlyArray<MapNode>> => {
  const keys = neighbours(map)
  const groups = new Map<string, Array<MapNode>>()
  for (const node of map.nodes) {
    const key = keys.get(node.id)
    if (key === undefined || key === "") continue
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [node])
    else group.push(node)
  }
  return new Map([...groups].filter(([, group]) => group.length >= leastFolded))
}

export const foldAddresses = (map: ServiceMap): DrawnMap => {
  const drawnAs = new Map<string, string>()
  const folded: Array<DrawnNode> = []
  for (const [key, group] of groupsOf(map)) {
    const id = `* ${key}`
    const members = group.map((node) => node.name).sort()
    for (const node of group) drawnAs.set(node.id, id)
    folded.push({ id, name: nameOf(members), kind: "external", processes: [], members, ...sumOf(group) })
  }
  const edges = new Map<string, { client: string; server: string; members: Array<MapEdge> }>()
  for (const edge of map.edges) {
    const client = drawnAs.get(edge.client) ?? edge.client
    const server = drawnAs.get(edge.server) ?? edge.server
    const id = client === edge.client && server === edge.server ? edge.id : `${client}>${server}`
    const known = edges.get(id)
    if (known === undefined) edges.set(id, { client, server, members: [edge] })
    else known.members.push(edge)
  }
  return {
    nodes: [...map.nodes.filter((node) => !drawnAs.has(node.id)).map(asDrawn), ...folded],
    edges: [...edges].map(([id, { client, server, members }]) => ({
      id,
      client,
      server,
      members,
      protocols: [...new Set(members.flatMap((edge) => edge.protocols))].sort(),
      observedAt: [...new Set(members.flatMap((edge) => edge.observedAt))].sort(),
      ...sumOf(members),
      maxUs: Math.max(...members.map((edge) => edge.maxUs)),
    })),
  }
}

/** A process that changed its name while it ran comes once for each name. */
const onceEach = (processes: MapNode["processes"]): MapNode["processes"] => [
  ...new Map(processes.map((process) => [process.pid, process])).values(),
]

const asDrawn = (node: MapNode): DrawnNode => ({
  ...node,
  processes: onceEach(node.processes),
  members: [],
})

/** Every node as it is. */
export const drawnAsIs = (map: ServiceMap): DrawnMap => ({
  nodes: map.nodes.map(asDrawn),
  edges: map.edges.map((edge) => ({ ...edge, members: [edge] })),
})

/** The name of a node by its id. */
export const nameOfNode = (map: DrawnMap, id: string): string =>
  map.nodes.find((node) => node.id === id)?.name ?? id
