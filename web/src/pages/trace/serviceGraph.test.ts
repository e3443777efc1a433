import { describe, expect, it } from "vitest"
import { hopsOf } from "./hops.ts"
import { serviceGraph } from "./serviceGraph.ts"
import { shopTrace, side, traceOf } from "./trace.testing.ts"

const graphOf = (trace: Parameters<typeof serviceGraph>[0]) => serviceGraph(trace, hopsOf(trace))

describe("serviceGraph", () => {
  it("stands services in columns by how far they are", () => {
    const graph = graphOf(shopTrace())!
    expect(graph.nodes.map(({ name, column, row, rows }) => `${name} ${column} ${row}/${rows}`)).toEqual([
      "demo-visitor 0 0/1",
      "nginx 1 0/1",
      "shop 2 0/1",
      "redis-server 3 0/3",
      "stock 3 1/3",
      "rabbitmq 3 2/3",
      "postgres 4 0/1",
    ])
    expect(graph.edges.find(({ server }) => server === "redis-server")).toMatchObject({ calls: 2, errors: 0 })
    expect(graph.edges.find(({ server }) => server === "stock")).toMatchObject({ calls: 1, errors: 1 })
  })

  it("ends in circles, and is none where there is nothing or too much to see", () => {
    const [a, b] = [side("a", "10.0.0.1", 1, 1), side("b", "10.0.0.2", 2, 2)]
    const circle = traceOf([
      {
        point: "s-p",
        from: 0,
        to: 9,
        client: b,
        server: a,
        below: [{ point: "c-p", from: 1, to: 8, reason: "causal_id", client: a, server: b }],
      },
    ])
    expect(graphOf(circle)?.nodes).toHaveLength(2)
    expect(graphOf(traceOf([{ point: "app", from: 0, to: 1 }]))).toBeUndefined()
    const many = Array.from({ length: 40 }, (_, i) => ({
      point: "c-p",
      from: i,
      to: i + 1,
      client: a,
      server: side(`s${i}`, "10.0.0.9", 1, 1),
    }))
    expect(graphOf(traceOf(many))).toBeUndefined()
  })
})
