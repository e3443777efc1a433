import { describe, expect, it } from "vitest"
import { emptyLayout } from "./layout.ts"
import { fitted, shift, zoomed } from "./usePanZoom.ts"

describe("usePanZoom", () => {
  it("fits all of the map in the middle", () => {
    const view = fitted({ ...emptyLayout, width: 2_000, height: 100 }, 1_096, 500)
    expect(view).toEqual({ scale: 0.5, x: 48, y: 225 })
  })

  it("does not blow a small map up", () => {
    expect(fitted({ ...emptyLayout, width: 10, height: 10 }, 1_000, 1_000).scale).toBe(1.25)
  })

  it("moves as little as needed to show something", () => {
    expect(shift(50, 90, 100)).toBe(-2)
    expect(shift(-30, 10, 100)).toBe(42)
    expect(shift(20, 60, 100)).toBe(0)
  })

  it("zooms about a point that stays where it is, within limits", () => {
    const view = zoomed({ x: 10, y: 20, scale: 1 }, 2, 110, 120)
    expect(view).toEqual({ scale: 2, x: -90, y: -80 })
    expect(zoomed(view, 100, 0, 0).scale).toBe(2.5)
  })
})
