import { describe, expect, it } from "vitest"
import type { DurationHeatmap } from "../../api/traceContract.ts"
import { between, cellAt, durationOf, placeOf, rowsOf, strengthOf } from "./heatmapScale.ts"

const map: DurationHeatmap = {
  from: 1_000,
  stepSeconds: 5,
  steps: 10,
  bucketsPerDecade: 5,
  cells: [
    { time: 1_000, bucket: 16, count: 100, errors: 0 },
    { time: 1_045, bucket: 22, count: 1, errors: 1 },
  ],
}
const rows = rowsOf(map)

describe("heatmapScale", () => {
  it("has whole decades, at least two", () => {
    expect(rows).toEqual({ first: 15, last: 25 })
    expect(rowsOf({ ...map, cells: [] })).toEqual({ first: 15, last: 30 })
    expect(rowsOf({ ...map, cells: [{ time: 1_000, bucket: 19, count: 1, errors: 0 }] })).toEqual({
      first: 15,
      last: 25,
    })
    expect(durationOf(15, map)).toBeCloseTo(1_000)
    expect(durationOf(20, map)).toBeCloseTo(10_000)
  })

  it("stands slow ones on top and late ones at the right, and finds them there", () => {
    const place = placeOf(map.cells[1]!, map, rows)
    expect(place).toEqual({ left: 0.9, top: 0.2, width: 0.1, height: 0.1 })
    for (const cell of map.cells) {
      const { left, top, width, height } = placeOf(cell, map, rows)
      expect(cellAt({ x: left + width / 2, y: top + height / 2 }, map, rows)).toBe(cell)
    }
    expect(cellAt({ x: 2, y: -1 }, map, rows)).toMatchObject({ time: 1_045, bucket: 24, count: 0 })
  })

  it("chooses whole cells", () => {
    expect(between({ x: 0.95, y: 0.25 }, { x: 0.81, y: 0.35 }, map, rows)).toEqual({
      fromUs: 1_040e6,
      toUs: 1_050e6,
      minUs: Math.ceil(10 ** 4.2),
      maxUs: Math.ceil(10 ** 4.6) - 1,
    })
  })

  it("shows few beside many", () => {
    expect(strengthOf(1, 1)).toBe(1)
    expect(strengthOf(1, 1_000)).toBeCloseTo(0.2)
    expect(strengthOf(1_000, 1_000)).toBeCloseTo(1)
  })
})
