import { describe, expect, it } from "vitest"
import type { RequestRow } from "../../api/contract.ts"
import { rowOf } from "./storedRow.ts"
import { timingOf } from "./timing.ts"

const seen = (point: string, startUs: number, durationUs: number, endUs: number): RequestRow => ({
  ...rowOf({}),
  point,
  startUs,
  durationUs,
  endUs,
})

describe("timing", () => {
  it("puts the client above the server and divides its wait", () => {
    const timing = timingOf([seen("s-p", 1_010, 70, 1_100), seen("c-p", 1_000, 100, 1_120)])
    expect(
      timing.lanes.map(({ row, start, firstAnswer, end }) => [row.point, start, firstAnswer, end]),
    ).toEqual([
      ["c-p", 0, 100, 120],
      ["s-p", 10, 80, 100],
    ])
    expect(timing).toMatchObject({ startUs: 1_000, lengthUs: 120, clientUs: 100, serverUs: 70, wayUs: 30 })
  })

  it("says nothing of the way when only one side saw it, or none an answer", () => {
    expect(timingOf([seen("c-p", 1, 5, 6)]).wayUs).toBeUndefined()
    expect(timingOf([seen("c-p", 1, 0, 1), seen("s-p", 1, 5, 6)])).toMatchObject({
      wayUs: undefined,
      lengthUs: 5,
    })
    expect(timingOf([seen("c-p", 1, 5, 6), seen("s-p", 1, 9, 10)]).wayUs).toBeUndefined()
  })
})
