import { describe, expect, it } from "vitest"
import { RowIds } from "./RowIds.ts"

describe("RowIds", () => {
  it("puts second, server and counter in their bits", () => {
    const ids = new RowIds(0x3fff, 100)
    expect([...ids.take(100, 2)]).toEqual([
      (101n << 32n) | (0x3fffn << 18n),
      (101n << 32n) | (0x3fffn << 18n) | 1n,
    ])
    expect(ids.take(205, 1)[0]).toBe((205n << 32n) | (0x3fffn << 18n))
  })

  it("only grows: within a second, over its end, and when the clock goes back", () => {
    const ids = new RowIds(1, 50)
    const all = [60, 60, 61, 40, 61, 62].flatMap((second) => [...ids.take(second, 100_000)])
    for (let i = 1; i < all.length; i++) {
      if (all[i]! <= all[i - 1]!) expect.fail(`id ${i} does not grow`)
    }
    expect(all).toHaveLength(600_000)
  })
})
