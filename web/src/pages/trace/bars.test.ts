import { describe, expect, it } from "vitest"
import { around, criticalParts, lengthOf, placeOf, uncovered, wholeOf } from "./bars.ts"
import { foldableSpans, hopsOf } from "./hops.ts"
import { nothingFolded, rowsOf, shownAs } from "./rows.ts"
import { shopTrace, singleTrace } from "./trace.testing.ts"

describe("bars", () => {
  const view = { from: 100, to: 300 }

  it("stand where the time is in what is shown", () => {
    expect(placeOf({ from: 150, to: 250 }, view)).toEqual({ left: 0.25, width: 0.5 })
    expect(placeOf({ from: 0, to: 200 }, view)).toEqual({ left: 0, width: 0.5 })
    expect(placeOf({ from: 250, to: 900 }, view)).toEqual({ left: 0.75, width: 0.25 })
    expect(placeOf({ from: 0, to: 99 }, view)).toBeUndefined()
    expect(placeOf({ from: 301, to: 400 }, view)).toBeUndefined()
    expect(placeOf({ from: 200, to: 200 }, view)).toEqual({ left: 0.5, width: 0 })
  })

  it("are zoomed to with a margin, within the whole", () => {
    expect(around({ from: 100, to: 200 }, { from: 0, to: 1_000 })).toEqual({ from: 92, to: 208 })
    expect(around({ from: 0, to: 0 }, { from: 0, to: 900 })).toEqual({ from: 0, to: 5 })
  })

  it("show what no child explains", () => {
    const whole = { from: 0, to: 100 }
    expect(uncovered(whole, [])).toEqual([whole])
    expect(
      uncovered(whole, [
        { from: 40, to: 60 },
        { from: 10, to: 20 },
        { from: 15, to: 30 },
      ]),
    ).toEqual([
      { from: 0, to: 10 },
      { from: 30, to: 40 },
      { from: 60, to: 100 },
    ])
    // Children may begin before and end after, where clocks differ or work goes on.
    expect(
      uncovered(whole, [
        { from: -5, to: 5 },
        { from: 90, to: 140 },
      ]),
    ).toEqual([{ from: 5, to: 90 }])
    expect(uncovered(whole, [{ from: 120, to: 140 }])).toEqual([whole])
    expect(uncovered(whole, [{ from: -9, to: 140 }])).toEqual([])
  })

  it("lie on the critical path without gaps, whatever is folded", () => {
    const trace = shopTrace()
    const hops = hopsOf(trace)
    const foldings = [
      nothingFolded,
      { ...nothingFolded, isNetworkShown: true },
      { ...nothingFolded, closed: new Set([0]) },
    ]
    for (const folding of foldings) {
      const rows = rowsOf(trace, hops, foldableSpans(trace, hops), folding)
      const parts = criticalParts(trace, shownAs(trace, rows))
      const sum = [...parts.values()].map(lengthOf).reduce((a, b) => a + b, 0)
      expect(sum).toBe(trace.spans[0]!.durationUs)
    }
    const closed = rowsOf(trace, hops, new Set(), foldings[2]!)
    expect(criticalParts(trace, shownAs(trace, closed)).get(0)).toEqual([{ from: 0, to: 48_200 }])
  })

  it("have a length even of a trace of no time", () => {
    const trace = singleTrace()
    const none = { ...trace, spans: trace.spans.map((span) => ({ ...span, endUs: span.startUs })) }
    expect(wholeOf(none)).toEqual({ from: 0, to: 1 })
    expect(wholeOf(trace)).toEqual({ from: 0, to: 900 })
  })
})
