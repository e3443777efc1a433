import { describe, expect, it } from "vitest"
import { makeBatch } from "../../model/ColumnBatch.ts"
import {
  attributesMost,
  attributeTextMost,
  type ClipStats,
  clipRows,
  filedSecond,
  textMost,
} from "./clipRows.ts"

const now = 1_790_000_000
const fresh = (): ClipStats => ({ times: 0, texts: 0, attributes: 0 })

const one = () => {
  const batch = makeBatch("l7", 2)
  batch.rows = 2
  batch.columns.start_time.fill(now * 1e6)
  return batch
}

describe("clipRows", () => {
  it("leaves usual rows as they are", () => {
    const batch = one()
    batch.columns.request_resource[0] = "x".repeat(textMost)
    batch.columns.attribute_names[0] = ["a"]
    batch.columns.attribute_values[0] = ["1"]
    const before = structuredClone(batch.columns)
    const stats = fresh()
    clipRows(batch, now, stats)
    expect(batch.columns).toEqual(before)
    expect(stats).toEqual(fresh())
  })

  it("cuts a megabyte, and only there", () => {
    const batch = one()
    batch.columns.request_resource[0] = "x".repeat(1_048_576)
    batch.columns.request_resource[1] = "/ok"
    const stats = fresh()
    clipRows(batch, now, stats)
    expect(batch.columns.request_resource.map(({ length }) => length)).toEqual([textMost, 3])
    expect(stats).toEqual({ ...fresh(), texts: 1 })
  })

  it("keeps a bounded number of attributes, of bounded length, and none that do not match", () => {
    const batch = one()
    const many = Array.from({ length: 10_000 }, (_, i) => `name-${i}`)
    batch.columns.attribute_names[0] = many
    batch.columns.attribute_values[0] = many
    batch.columns.attribute_names[1] = ["a", "b"]
    batch.columns.attribute_values[1] = ["1"]
    const stats = fresh()
    clipRows(batch, now, stats)
    expect(batch.columns.attribute_names.map(({ length }) => length)).toEqual([attributesMost, 0])
    expect(batch.columns.attribute_values.map(({ length }) => length)).toEqual([attributesMost, 0])
    expect(stats).toEqual({ ...fresh(), attributes: 2 })
    batch.columns.attribute_names[0] = ["small", "large", "last"]
    batch.columns.attribute_values[0] = ["1", "x".repeat(attributeTextMost), "2"]
    clipRows(batch, now, stats)
    expect(batch.columns.attribute_names[0]).toEqual(["small"])
  })

  it("files what is years off under now", () => {
    const day = 86_400
    expect(filedSecond(now - 30 * day, now)).toBe(now - 30 * day)
    expect(filedSecond(now + 3_600, now)).toBe(now + 3_600)
    for (const wrong of [0, -1e12, now + 2 * day, now - 400 * day, 1e15]) {
      expect(filedSecond(wrong, now)).toBe(now)
    }
    const batch = one()
    batch.columns.start_time[0] = 0
    batch.columns.start_time[1] = (now + 400 * day) * 1e6
    const stats = fresh()
    clipRows(batch, now, stats)
    expect(stats.times).toBe(2)
    // The row keeps its own start.
    expect(batch.columns.start_time[0]).toBe(0)
  })

  it("does the same for metrics, whose minutes stay whole", () => {
    const batch = makeBatch("application", 1)
    batch.rows = 1
    batch.columns.time[0] = 12
    batch.columns.interval[0] = 60
    batch.columns.endpoint[0] = "e".repeat(100_000)
    const stats = fresh()
    clipRows(batch, now, stats)
    expect(batch.columns.time[0]).toBe(now - (now % 60))
    expect(stats).toEqual({ times: 1, texts: 1, attributes: 0 })
  })
})
