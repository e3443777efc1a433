// What the map emphasises: matches of the search, and the neighbourhood of what is pointed at or chosen. Pure.

import type { DrawnEdge, DrawnMap, DrawnNode } from "./foldAddresses.ts"

export const matches = (node: DrawnNode, search: string): boolean => {
  const text = search.toLowerCase()
  return (
    node.name.toLowerCase().includes(text) ||
    node.members.some((name) => name.toLowerCase().includes(text)) ||
    node.processes.some(({ name, pid }) => name.toLowerCase().includes(text) || String(pid).startsWith(text))
  )
}

export interface Emphasis {
  /** Undefined: nothing is emphasised, all is drawn alike. */
  readonly nodes: ReadonlySet<string> | undefined
  readonly edges: ReadonlySet<string> | undefined
}

const of = (edges: ReadonlyArray<DrawnEdge>, also: Iterable<string>): Emphasis => ({
  nodes: new Set([...also, ...edges.flatMap((edge) => [edge.client, edge.server])]),
  edges: new Set(edges.map((edge) => edge.id)),
})

/** `target` is the id of a node or an edge. */
export const emphasis = (map: DrawnMap, target: string | undefined, search: string): Emphasis => {
  if (target !== undefined && map.nodes.some((node) => node.id === target)) {
    return of(
      map.edges.filter((edge) => edge.client === target || edge.server === target),
      [target],
    )
  }
  const edge = map.edges.find((each) => each.id === target)
  if (edge !== undefined) return of([edge], [])
  if (search === "") return { nodes: undefined, edges: undefined }
  const found = new Set(map.nodes.filter((node) => matches(node, search)).map((node) => node.id))
  return {
    nodes: found,
    edges: new Set(
      map.edges.filter((each) => found.has(each.client) || found.has(each.server)).map((each) => each.id),
    ),
  }
}
