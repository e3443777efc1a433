import { describe, expect, it } from "vitest"
import { describeRange, rangeInUrl, rangeParams, readRange } from "./timeRange.ts"

const read = (query: string) => readRange(new URLSearchParams(query))

describe("timeRange", () => {
  it("is the last five minutes unless the address says otherwise", () => {
    expect(read("")).toEqual({ kind: "last", seconds: 300 })
    expect(read("last=60")).toEqual({ kind: "last", seconds: 60 })
  })

  it("takes a fixed range before a moving one", () => {
    expect(read("last=60&from=1700000000000000&to=1700000060000000")).toEqual({
      kind: "absolute",
      fromUs: 1_700_000_000_000_000,
      toUs: 1_700_000_060_000_000,
    })
  })

  it.each(["last=0", "last=-5", "last=abc", "last=99999999", "from=5&to=4", "from=5", "from=1e3&to=2e3"])(
    "falls back from %s",
    (query) => expect(read(query)).toEqual({ kind: "last", seconds: 300 }),
  )

  it("survives the way through the address", () => {
    for (const query of ["last=3600", "from=1700000000000000&to=1700000060000000"]) {
      const range = read(query)
      const again = new URLSearchParams(Object.entries(rangeInUrl(range)).filter(([, value]) => value !== ""))
      expect(readRange(again)).toEqual(range)
      expect(again.toString()).toBe(query)
    }
  })

  it("leaves the default out of the page's address but not out of the question", () => {
    expect(rangeInUrl(read("")).last).toBe("")
    expect(rangeParams(read("")).last).toBe("300")
  })

  it("names itself", () => {
    expect(describeRange(read("last=900"))).toBe("Last 15 minutes")
    expect(describeRange(read("last=42"))).toBe("Last 42 s")
  })
})
