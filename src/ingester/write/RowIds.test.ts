import { describe, expect, it } from "vitest"
import { RecentTokens } from "./RecentTokens.ts"
import { RowIds } from "./RowIds.ts"

describe("RowIds", () => {
  it("puts second, server and counter in their bits, and wraps the counter only", () => {
    const ids = new RowIds(0x3fff, 2 ** 18 - 1)
    const seconds = Uint32Array.of(0xffff_ffff, 7, 7)
    const [first, next, last] = ids.take(seconds, 3)
    expect(first).toBe((0xffff_ffffn << 32n) | (0x3fffn << 18n) | 0x3ffffn)
    expect(next).toBe((7n << 32n) | (0x3fffn << 18n))
    expect(last).toBe(next! + 1n)
    expect(ids.take(seconds, 1)[0]! & 0x3ffffn).toBe(2n)
  })

  it("gives out no id twice over batches of the same second", () => {
    const ids = new RowIds(1, -5)
    const seconds = new Uint32Array(1_000).fill(9)
    const all = Array.from({ length: 100 }, () => [...ids.take(seconds, 1_000)]).flat()
    expect(new Set(all).size).toBe(100_000)
  })
})

describe("RecentTokens", () => {
  it("forgets the oldest beyond its capacity", () => {
    const tokens = new RecentTokens(3)
    for (const token of ["a", "b", "c", "d"]) tokens.add(token)
    expect(["a", "b", "c", "d"].map((token) => tokens.has(token))).toEqual([false, true, true, true])
  })
})
