import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { makeBatch } from "../../model/ColumnBatch.ts"
import { l7Columns } from "../../model/columns.ts"
import { keepSome, RowSampler } from "./sampleRows.ts"

/** Every column of row r tells r. */
const numbered = (rows: number) => {
  const batch = makeBatch("l7", rows)
  batch.rows = rows
  for (let row = 0; row < rows; row++) {
    for (const { name, type } of l7Columns) {
      const data = batch.columns[name] as Array<unknown>
      if (type === "ip") (batch.columns[name] as Uint8Array).fill(row, row * 16, row * 16 + 16)
      else data[row] = type === "str" ? String(row) : type === "strs" ? [String(row)] : row
    }
  }
  return batch
}

/** mulberry32 */
const randomFrom = (seed: number) => (): number => {
  seed = (seed + 0x6d2b79f5) | 0
  let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
}

describe("keepSome", () => {
  it("keeps exactly so many whole rows, in their order", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 200 }), fc.nat(200), fc.integer(), (rows, wanted, seed) => {
        const batch = numbered(rows)
        const count = Math.min(rows, wanted)
        keepSome(batch, count, randomFrom(seed))
        expect(batch.rows).toBe(count)
        const kept = [...batch.columns.flow_id].slice(0, count)
        expect(kept).toEqual([...new Set(kept)].sort((a, b) => a - b))
        for (let at = 0; at < count; at++) {
          for (const { name, type } of l7Columns) {
            const data = batch.columns[name] as ArrayLike<unknown>
            if (type === "ip") for (let i = 0; i < 16; i++) expect(data[at * 16 + i]).toBe(kept[at])
            else expect(Number(data[at])).toBe(kept[at]! & (type === "u8" ? 0xff : 0xffff))
          }
        }
      }),
      { numRuns: 30 },
    )
  })

  it("gives every row the same chance", () => {
    const random = randomFrom(1)
    const times = new Array<number>(10).fill(0)
    for (let round = 0; round < 2_000; round++) {
      const batch = numbered(10)
      keepSome(batch, 3, random)
      for (let at = 0; at < 3; at++) times[batch.columns.flow_id[at]!]!++
    }
    for (const count of times) expect(Math.abs(count - 600)).toBeLessThan(100)
  })
})

describe("RowSampler", () => {
  const run = (most: number, seconds: number, batchesASecond: number, rows: number) => {
    const sampler = new RowSampler(most, randomFrom(7))
    const kept: Array<Array<number>> = []
    for (let second = 0; second < seconds; second++) {
      kept.push([])
      for (let i = 0; i < batchesASecond; i++) {
        const batch = numbered(rows)
        sampler.thin(batch, 1_000 + second)
        kept.at(-1)!.push(batch.rows)
      }
    }
    return { kept, leftOut: sampler.leftOut }
  }
  const sum = (numbers: ReadonlyArray<number>) => numbers.reduce((all, one) => all + one, 0)

  it("touches nothing when it is off or less comes", () => {
    expect(run(0, 2, 5, 50).leftOut).toBe(0)
    expect(run(250, 2, 5, 50).leftOut).toBe(0)
  })

  it("keeps no more than wanted in a second, takes from all batches alike, and counts the others exactly", () => {
    const { kept, leftOut } = run(100, 5, 20, 50)
    for (const second of kept) expect(sum(second)).toBeLessThanOrEqual(100)
    // From the second one on the load is known.
    for (const second of kept.slice(1)) {
      expect(sum(second)).toBeGreaterThan(90)
      expect(Math.max(...second)).toBeLessThanOrEqual(6)
    }
    expect(leftOut + sum(kept.flat())).toBe(5 * 20 * 50)
  })

  it("takes small batches, too", () => {
    const { kept } = run(50, 10, 200, 1)
    for (const second of kept.slice(1)) {
      expect(sum(second)).toBeGreaterThan(25)
      expect(sum(second)).toBeLessThanOrEqual(50)
    }
  })
})
