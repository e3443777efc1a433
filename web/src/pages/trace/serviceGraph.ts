// The services of a trace as a small picture: columns by how far they are from the first one. Pure.

import type { Trace } from "../../api/traceContract.ts"
import type { Hops } from "./hops.ts"

export interface GraphNode {
  readonly name: string
  readonly column: number
  /** Place within its column, and how many stand there. */
  readonly row: number
  readonly rows: number
}

export interface GraphEdge {
  readonly client: string
  readonly server: string
  readonly calls: number
  readonly errors: number
}

export interface ServiceGraph {
  readonly nodes: ReadonlyArray<GraphNode>
  readonly edges: ReadonlyArray<GraphEdge>
  readonly columns: number
}

/** More would not be readable at this size. */
export const maxNodes = 24

/** Undefined where a picture would say nothing (no call) or too much. */
export const serviceGraph = (trace: Trace, hops: Hops): ServiceGraph | undefined => {
  const edges = new Map<string, { client: string; server: string; calls: number; errors: number }>()
  for (const members of hops.spans) {
    const span = trace.spans[members[0]!]!
    if (span.role === "internal") continue
    const client = span.client.service || span.client.ip
    const server = span.server.service || span.server.ip
    if (client === "" || server === "") continue
    const key = `${client}\n${server}`
    const edge = edges.get(key) ?? { client, server, calls: 0, errors: 0 }
    edge.calls++
    if (members.some((at) => !["ok", "unknown"].includes(trace.spans[at]!.status))) edge.errors++
    edges.set(key, edge)
  }
  const names = new Set([...edges.values()].flatMap(({ client, server }) => [client, server]))
  if (edges.size === 0 || names.size > maxNodes) return undefined
  const columns = columnsOf(names, [...edges.values()])
  const filled = new Map<number, number>()
  const placed = [...columns].map(([name, column]) => {
    const row = filled.get(column) ?? 0
    filled.set(column, row + 1)
    return { name, column, row }
  })
  return {
    nodes: placed.map((node) => ({ ...node, rows: filled.get(node.column)! })),
    edges: [...edges.values()],
    columns: Math.max(...columns.values()) + 1,
  }
}

/** In the order of calls: one column to the right of the first who called it; who was called by none stands at the left. */
const columnsOf = (
  names: ReadonlySet<string>,
  edges: ReadonlyArray<GraphEdge>,
): ReadonlyMap<string, number> => {
  const called = new Set(edges.filter(({ client, server }) => client !== server).map(({ server }) => server))
  const columns = new Map<string, number>()
  const starts = [...names].filter((name) => !called.has(name))
  const first = starts.length === 0 ? [...names].slice(0, 1) : starts
  const waiting = first.map((name): readonly [name: string, column: number] => [name, 0])
  for (const [name, column] of waiting) {
    if (columns.has(name)) continue
    columns.set(name, column)
    for (const edge of edges) if (edge.client === name) waiting.push([edge.server, column + 1])
  }
  // Those that only circles lead to.
  for (const name of names) if (!columns.has(name)) columns.set(name, 0)
  return columns
}
