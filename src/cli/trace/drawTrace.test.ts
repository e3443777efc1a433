import { stripVTControlCharacters } from "node:util"
import { describe, expect, it } from "vitest"
import { shopTrace } from "../../querier/trace/traces.testing.ts"
import { drawTrace } from "./drawTrace.ts"

const drawn = (columns: number, why = false): string =>
  stripVTControlCharacters(drawTrace(shopTrace(), { columns, why }))
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")

describe("a trace in a terminal", () => {
  it("is a tree with bars and what each service took", () => {
    expect(drawn(78)).toBe(`GET /cart  no trace id
10.00 ms  4 spans  3 services  2 errors  2026-09-21 14:13:20.000 UTC

›→ service-1  GET /cart          10.00 ms ████████████████████████████████████
 └─● service-2  GET /cart         9.98 ms ████████████████████████████████████
   └─→ service-2  GET /items      7.00 ms    █████████████████████████▊
     │ 500 out of stock
     └─● service-3  GET /items    6.00 ms      ██████████████████████
         500 out of stock

  Time by service, without waiting for others
  service-3    6.00 ms  60 %  1 span  1 error
  service-2    3.98 ms  40 %  2 spans  1 error
  service-1      20 µs   0 %  1 span

  Clock of right moved back by 1.00 s.`)
  })

  it("says why each span hangs where it hangs", () => {
    expect(drawn(100, true)).toContain("│ same causal id 7 in process program (2) (strong)")
  })

  it.each([40, 60, 100, 200])("is no wider than %i columns", (columns) => {
    for (const line of drawn(columns)
      .split("\n")
      .filter((text) => text.includes("█")))
      expect(line.length).toBeLessThanOrEqual(Math.max(columns, 55))
  })
})
