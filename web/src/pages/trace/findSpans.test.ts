import { describe, expect, it } from "vitest"
import { findSpans, nextFound } from "./findSpans.ts"
import { shopTrace } from "./trace.testing.ts"

const trace = shopTrace()
const names = (text: string, service = "") =>
  [...(findSpans(trace, { text, service }) ?? [])].map((at) => trace.spans[at]!.name)

describe("findSpans", () => {
  it("finds by words and by service", () => {
    expect(findSpans(trace, { text: " ", service: "" })).toBeUndefined()
    expect(names("select")).toEqual(["SELECT items"])
    expect(names("SHOP.example")).toHaveLength(4)
    expect(names("", "postgres")).toEqual(["SELECT items"])
    expect(names("GET product", "redis-server")).toHaveLength(2)
    expect(names("nothing like it")).toEqual([])
  })

  it("goes round", () => {
    const found = new Set([9, 3])
    expect(nextFound(found, -1)).toBe(3)
    expect(nextFound(found, 3)).toBe(9)
    expect(nextFound(found, 9)).toBe(3)
    expect(nextFound(new Set(), 0)).toBeUndefined()
  })
})
