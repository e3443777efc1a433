import { describe, expect, it } from "vitest"
import { hexName, meaningsOf, nameOfRow } from "./traceIds.ts"

const row = "7712553364193807505"
const trace = "4bf92f3577b34da6a3ce929d0e0e4736"

describe("names of traces", () => {
  it("are their trace ids, or those of a row", () => {
    expect(hexName(trace, row)).toBe(trace)
    expect(hexName(trace.toUpperCase(), row)).toBe(trace)
    for (const id of ["", "some text", "0".repeat(32)]) expect(hexName(id, row)).toBe(nameOfRow(row))
    expect(nameOfRow(row)).toBe("00000000000000006b087e6c00040c91")
  })

  it("may mean several things, the likeliest first", () => {
    expect(meaningsOf(row)).toEqual([{ rowId: row }, { traceId: row }])
    expect(meaningsOf(trace)).toEqual([{ traceId: trace }])
    expect(meaningsOf(nameOfRow(row))).toEqual([{ traceId: nameOfRow(row) }, { rowId: row }])
    // Grafana leaves leading zeros out.
    expect(meaningsOf("6b087e6c00040c91")).toEqual([
      { traceId: "6b087e6c00040c91" },
      { traceId: nameOfRow(row) },
      { rowId: row },
    ])
    expect(meaningsOf("order 5")).toEqual([{ traceId: "order 5" }])
    expect(meaningsOf("0".repeat(32))).toEqual([{ traceId: "0".repeat(32) }])
    expect(meaningsOf("99999999999999999999")[0]).toEqual({ traceId: "99999999999999999999" })
  })
})
