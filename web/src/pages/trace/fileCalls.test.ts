import { describe, expect, it } from "vitest"
import { callsBySpan, waitsOfServices } from "./fileCalls.ts"
import { fileCallOf, shopTrace } from "./trace.testing.ts"

describe("fileCalls", () => {
  const trace = shopTrace()
  const [stock, shop] = [
    trace.spans.findIndex((span) => span.point === "s-p" && span.service === "stock"),
    trace.spans.findIndex((span) => span.point === "s-p" && span.service === "shop"),
  ]
  const calls = callsBySpan(trace, [
    fileCallOf(trace, stock, 9_000, 700),
    fileCallOf(trace, stock, 6_000, 2_300),
    fileCallOf(trace, shop, 3_000, 100),
    { ...fileCallOf(trace, shop, 3_000, 100), spanId: "1" },
  ])

  it("stand at their spans by begin", () => {
    expect([...calls.keys()].sort((a, b) => a - b)).toEqual([shop, stock])
    expect(calls.get(stock)?.map(({ durationUs }) => durationUs)).toEqual([2_300, 700])
  })

  it("sum up by service", () => {
    expect(waitsOfServices(trace, calls)).toEqual([
      { service: "stock", us: 3_000, calls: 2 },
      { service: "shop", us: 100, calls: 1 },
    ])
    expect(waitsOfServices(trace, new Map())).toEqual([])
  })
})
