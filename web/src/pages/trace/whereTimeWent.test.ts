import { describe, expect, it } from "vitest"
import { hopsOf } from "./hops.ts"
import { shopTrace, side, singleTrace, traceOf } from "./trace.testing.ts"
import { shareText, whereTimeWent } from "./whereTimeWent.ts"

const said = (trace: Parameters<typeof whereTimeWent>[0]) =>
  whereTimeWent(trace, hopsOf(trace)).map((share) => `${share.kind} ${share.us} ${shareText(share)}`)

describe("whereTimeWent", () => {
  it("divides the whole time", () => {
    const trace = shopTrace()
    const shares = whereTimeWent(trace, hopsOf(trace))
    expect(shares.reduce((sum, { us }) => sum + us, 0)).toBe(trace.spans[0]!.durationUs)
    expect(said(trace)).toEqual([
      "work 9930 shop",
      "work 6000 stock",
      "work 1000 nginx",
      "work 396 redis-server",
      "unseen 25000 postgres, not seen inside",
      "queue 880 queues in the host of nginx",
      "queue 320 queues in the host of demo-visitor",
      "network 1300 network",
      "way 3374 network and queues",
    ])
  })

  it("points at the span with the most of it", () => {
    const trace = shopTrace()
    const database = whereTimeWent(trace, hopsOf(trace)).find(({ kind }) => kind === "unseen")
    expect(trace.spans[database!.span]!.name).toBe("SELECT items")
  })

  it("says that one span is all work, or all waiting", () => {
    expect(said(singleTrace())).toEqual(["work 900 nginx"])
    const ends = { client: side("curl", "10.0.0.1", 1, 3), server: side("", "10.0.0.2", 80, 0) }
    expect(said(traceOf([{ point: "c-p", from: 0, to: 5, ...ends }]))).toEqual([
      "unseen 5 10.0.0.2, not seen inside",
    ])
    expect(said({ ...singleTrace(), criticalPath: [] })).toEqual([])
  })
})
