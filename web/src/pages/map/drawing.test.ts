import { describe, expect, it } from "vitest"
import { emphasis, matches } from "./drawing.ts"
import type { DrawnEdge, DrawnMap, DrawnNode } from "./foldAddresses.ts"

const rates = { requests: 1, errors: 0, ratePerSecond: 1, errorRatio: 0, p50Us: 1, p95Us: 1 }

const node = (name: string, pid: number): DrawnNode => ({
  id: name,
  name,
  kind: "process",
  processes: [{ pid, name: `comm-${name}` }],
  members: [],
  ...rates,
})

const edge = (client: string, server: string): DrawnEdge => ({
  id: `${client}>${server}`,
  client,
  server,
  protocols: [],
  observedAt: [],
  ...rates,
  maxUs: 1,
  members: [],
})

const map: DrawnMap = {
  nodes: [node("web", 11), node("api", 22), node("db", 33)],
  edges: [edge("web", "api"), edge("api", "db")],
}

const of = (target: string | undefined, search: string) => {
  const { nodes, edges } = emphasis(map, target, search)
  return [nodes === undefined ? undefined : [...nodes], edges === undefined ? undefined : [...edges]]
}

describe("drawing", () => {
  it("emphasises nothing unasked", () => expect(of(undefined, "")).toEqual([undefined, undefined]))

  it("emphasises a node with its neighbours, an edge with its ends", () => {
    expect(of("web", "")).toEqual([["web", "api"], ["web>api"]])
    expect(of("api>db", "")).toEqual([["api", "db"], ["api>db"]])
  })

  it("finds by name, process and pid", () => {
    expect(of(undefined, "WEB")).toEqual([["web"], ["web>api"]])
    expect(matches(map.nodes[2]!, "comm-d")).toBe(true)
    expect(matches(map.nodes[2]!, "33")).toBe(true)
    expect(matches(map.nodes[2]!, "3333")).toBe(false)
  })

  it("puts what is pointed at before the search", () => expect(of("db", "web")[0]).toEqual(["db", "api"]))
})
