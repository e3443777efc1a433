import { describe, expect, it } from "vitest"
import { marksBetween } from "./timeMarks.ts"

describe("timeMarks", () => {
  it("has round marks", () => {
    expect(marksBetween(0, 794)).toEqual([0, 200, 400, 600])
    expect(marksBetween(0, 1)).toEqual([0])
    expect(marksBetween(0, 106, 8)).toEqual([0, 20, 40, 60, 80])
  })

  it("starts at a round one within", () => {
    expect(marksBetween(1_234, 2_200)).toEqual([1_400, 1_600, 1_800, 2_000])
    expect(marksBetween(-150, 350)).toEqual([-100, 0, 100, 200, 300])
  })
})
