import { describe, expect, it } from "vitest"
import { covers, type Layout, neighbourIn, nodeSize, pathOf, thickness, toneOf, withEnds } from "./layout.ts"

const layout: Layout = {
  width: 600,
  height: 200,
  nodes: { a: { x: 100, y: 100 }, b: { x: 500, y: 50 }, c: { x: 500, y: 150 } },
  edges: {
    "a>b": {
      points: [
        { x: 0, y: 0 },
        { x: 300, y: 60 },
        { x: 9, y: 9 },
      ],
      label: { x: 300, y: 60 },
    },
    "a>c": {
      points: [
        { x: 0, y: 0 },
        { x: 300, y: 140 },
        { x: 9, y: 9 },
      ],
      label: { x: 300, y: 140 },
    },
  },
}
const edges = [
  { id: "a>c", client: "a", server: "c" },
  { id: "a>b", client: "a", server: "b" },
]

describe("layout", () => {
  it("needs no new layout while everything has a place", () => {
    expect(covers(layout, ["a", "b"], [])).toBe(true)
    expect(covers(layout, ["a", "d"], [])).toBe(false)
    expect(covers(layout, ["a"], [{ id: "b>a", client: "b", server: "a" }])).toBe(false)
  })

  it("starts at the right border, ends at the left one, the upper edge above", () => {
    const { edges: placed } = withEnds(layout, edges)
    const [first, , last] = placed["a>b"]!.points
    expect(first!.x).toBe(100 + nodeSize.width / 2)
    expect(last).toEqual({ x: 500 - nodeSize.width / 2, y: 50 })
    expect(first!.y).toBeLessThan(placed["a>c"]!.points[0]!.y)
  })

  it("leaves edges that go back as they are", () => {
    const back = [{ id: "a>b", client: "b", server: "a" }]
    expect(withEnds(layout, back).edges["a>b"]).toEqual(layout.edges["a>b"])
  })

  it("loops below a service that calls itself", () => {
    const self = { id: "a>a", client: "a", server: "a" }
    const looped = { ...layout, edges: { "a>a": { points: [], label: { x: 0, y: 170 } } } }
    const { label, points } = withEnds(looped, [self]).edges["a>a"]!
    expect(label).toEqual({ x: 100, y: 170 })
    expect([points[0]!.y, points.at(-1)!.y]).toEqual([127, 127])
  })

  it("draws a path through the points", () => {
    expect(pathOf([])).toBe("")
    expect(
      pathOf([
        { x: 0, y: 0 },
        { x: 10, y: 20 },
      ]),
    ).toBe("M0 0C5 0 5 20 10 20")
    expect(
      pathOf([
        { x: 10, y: 0 },
        { x: 0, y: 0 },
      ]),
    ).toBe("M10 0L0 0")
    expect(
      pathOf([
        { x: 10, y: 0 },
        { x: 5, y: 5 },
        { x: 0, y: 0 },
      ]),
    ).toBe("M10 0Q5 5 0 0")
  })

  it("is thicker with the rate, within limits", () => {
    expect(thickness(0)).toBe(1.5)
    expect(thickness(100)).toBeGreaterThan(thickness(10))
    expect(thickness(1e9)).toBe(5)
  })

  it("marks errors", () => {
    expect([0, 0.01, 0.05, 1].map(toneOf)).toEqual(["plain", "warn", "bad", "bad"])
  })

  it("finds the neighbour in a direction", () => {
    expect(neighbourIn(layout.nodes, "b", "down")).toBe("c")
    expect(neighbourIn(layout.nodes, "c", "left")).toBe("a")
    expect(neighbourIn(layout.nodes, "a", "left")).toBeUndefined()
  })
})
