import { describe, expect, it } from "vitest"
import { RecentTokens } from "./RecentTokens.ts"

describe("RecentTokens", () => {
  it("forgets the oldest beyond its capacity", () => {
    const tokens = new RecentTokens(3)
    for (const token of ["a", "b", "c", "d"]) tokens.add(token)
    expect(["a", "b", "c", "d"].map((token) => tokens.has(token))).toEqual([false, true, true, true])
  })
})
