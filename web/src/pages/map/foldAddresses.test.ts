import { describe, expect, it } from "vitest"
import type { MapEdge, MapNode, ServiceMap } from "../../api/contract.ts"
import { drawnAsIs, foldAddresses } from "./foldAddresses.ts"

const rates = { requests: 10, errors: 1, ratePerSecond: 1, errorRatio: 0.1, p50Us: 5, p95Us: 9 }

const node = (name: string, kind: MapNode["kind"] = "external"): MapNode => ({
  id: name,
  name,
  kind,
  processes: [],
  ...rates,
})

const edge = (client: string, server: string, p95Us = 9): MapEdge => ({
  id: `${client}>${server}`,
  client,
  server,
  protocols: ["HTTP"],
  observedAt: ["c-p"],
  ...rates,
  p95Us,
  maxUs: 20,
})

const map = (nodes: ReadonlyArray<MapNode>, edges: ReadonlyArray<MapEdge>): ServiceMap => ({
  from: "0",
  to: "1",
  seconds: 10,
  truncated: false,
  nodes,
  edges,
})

const ports = [1, 2, 3, 4].map((port) => `10.0.0.1:${port}`)

describe("foldAddresses", () => {
  it("makes one node of addresses with the same neighbours", () => {
    const drawn = foldAddresses(
      map(
        [node("app", "process"), ...ports.map((name) => node(name)), node("10.0.0.9:80")],
        [
          ...ports.map((name, i) => edge("app", name, i)),
          edge("app", "10.0.0.9:80"),
          edge("10.0.0.9:80", "app"),
        ],
      ),
    )
    expect(drawn.nodes.map((each) => each.name)).toEqual(["app", "10.0.0.9:80", "10.0.0.1 (4)"])
    expect(drawn.nodes[2]).toMatchObject({ members: ports, requests: 40, errors: 4, errorRatio: 0.1 })
    expect(drawn.edges).toHaveLength(3)
    const folded = drawn.edges.find((each) => each.members.length === 4)
    expect(folded).toMatchObject({ client: "app", requests: 40, ratePerSecond: 4, p95Us: 3 })
  })

  it("leaves few addresses and processes alone", () => {
    const few = map(
      [node("app", "process"), ...ports.slice(1).map((name) => node(name))],
      ports.slice(1).map((name) => edge("app", name)),
    )
    expect(foldAddresses(few)).toEqual(drawnAsIs(few))
    const processes = map(
      ports.map((name) => node(name, "process")),
      ports.slice(1).map((name) => edge(ports[0]!, name)),
    )
    expect(foldAddresses(processes)).toEqual(drawnAsIs(processes))
  })

  it("counts a process that changed its name once", () => {
    const processes = [
      { pid: 7, name: "node" },
      { pid: 7, name: "MainThread" },
      { pid: 8, name: "node" },
    ]
    const drawn = drawnAsIs(map([{ ...node("app", "process"), processes }], []))
    expect(drawn.nodes[0]?.processes).toEqual(processes.slice(1))
  })

  it("names addresses of several hosts by their number", () => {
    const hosts = ["a:1", "b:1", "c:1", "d:1"]
    const drawn = foldAddresses(
      map(
        [node("app", "process"), ...hosts.map((name) => node(name))],
        hosts.map((name) => edge(name, "app")),
      ),
    )
    expect(drawn.nodes[1]?.name).toBe("4 addresses")
  })
})
