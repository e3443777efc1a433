import { describe, expect, it } from "vitest"
import {
  firstRows,
  isFull,
  isNewer,
  maxRows,
  newestId,
  noRows,
  type RowStore,
  type StreamedRow,
  shown,
  withNewer,
  withOlder,
} from "./rowStore.ts"

const row = (id: number): StreamedRow => ({ id: String(id) })

/** Rows from `high` down to `low`. */
const down = (high: number, low: number): ReadonlyArray<StreamedRow> =>
  Array.from({ length: high - low + 1 }, (_, i) => row(high - i))

const ids = (store: RowStore<StreamedRow>): ReadonlyArray<string> => store.rows.map(({ id }) => id)

const start = firstRows({ rows: down(12, 10), next: "10" })

describe("rowStore", () => {
  it("compares ids as numbers", () => {
    expect(isNewer("10", "9")).toBe(true)
    expect(isNewer("9", "10")).toBe(false)
    expect(isNewer("18446744073709551615", "18446744073709551614")).toBe(true)
  })

  it("puts newer rows on top, each once", () => {
    const store = withNewer(start, down(14, 11), true, false)
    expect(ids(store)).toEqual(["14", "13", "12", "11", "10"])
    expect(newestId(store)).toBe("14")
    expect(withNewer(store, down(14, 13), true, false)).toBe(store)
  })

  it("lets rows wait while it is held, then shows all of them", () => {
    const held = withNewer(withNewer(start, down(13, 13), true, true), down(15, 14), true, true)
    expect(ids(held)).toEqual(["12", "11", "10"])
    expect(held.waiting).toHaveLength(3)
    expect(newestId(held)).toBe("15")
    expect(ids(shown(held))).toEqual(["15", "14", "13", "12", "11", "10"])
    expect(ids(withNewer(held, [], true, false))).toHaveLength(6)
  })

  it("starts anew rather than hide a gap", () => {
    const store = withNewer(start, down(90, 80), false, false)
    expect(ids(store)[0]).toBe("90")
    expect(ids(store)).toHaveLength(11)
    expect(store.hasOlder).toBe(true)
  })

  it("adds older rows below, each once", () => {
    const store = withOlder(start, { rows: down(10, 8), next: null })
    expect(ids(store)).toEqual(["12", "11", "10", "9", "8"])
    expect(store.hasOlder).toBe(false)
  })

  it("keeps to its limit", () => {
    const full = withNewer(start, down(maxRows + 50, 13), true, false)
    expect(full.rows).toHaveLength(maxRows)
    expect(full.hasOlder).toBe(true)
    expect(isFull(full)).toBe(true)
    const held = withNewer(start, down(maxRows + 50, 13), true, true)
    expect(held.waiting).toHaveLength(maxRows)
    expect(shown(held).rows).toHaveLength(maxRows)
    expect(withOlder(full, { rows: down(9, 1), next: null }).rows).toHaveLength(maxRows)
  })

  it("loses no row of a burst that comes in parts", () => {
    let store: RowStore<StreamedRow> = noRows
    for (let id = 1; id <= 1_000; id += 7) {
      store = withNewer(store, down(Math.min(id + 6, 1_000), id), true, id % 3 === 0)
    }
    expect(ids(shown(store))).toEqual(down(1_000, 1).map(({ id }) => id))
  })
})
