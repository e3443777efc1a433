import { describe, expect, it } from "vitest"
import { makeBatch } from "../../model/ColumnBatch.ts"
import { filedSeconds, type KeptSeconds, noTimeStats } from "./filedSeconds.ts"

const day = 86_400
const now = 1_790_000_000
const minute = now - (now % 60)
const kept: KeptSeconds = {
  l7: 3 * day,
  l4: 3 * day,
  application: 30 * day,
  network: 30 * day,
  file: 7 * day,
  process: 30 * day,
  span: 3 * day,
}

const requests = (...seconds: ReadonlyArray<number>) => {
  const batch = makeBatch("l7", seconds.length)
  batch.rows = seconds.length
  batch.columns.start_time.set(seconds.map((second) => second * 1e6 + 999_999))
  return batch
}

const metrics = (...rows: ReadonlyArray<readonly [time: number, interval: number]>) => {
  const batch = makeBatch("application", rows.length)
  batch.rows = rows.length
  batch.columns.time.set(rows.map(([time]) => time))
  batch.columns.interval.set(rows.map(([, interval]) => interval))
  return batch
}

describe("filedSeconds", () => {
  it("files requests under the second of their start", () => {
    const stats = noTimeStats()
    const possible = [now, now + 3_600, now + day - 1, now - 3 * day]
    expect([...filedSeconds(requests(...possible), now, kept, stats)]).toEqual(possible)
    expect(stats).toEqual(noTimeStats())
  })

  it("files what cannot be, or is older than anything kept, under now, and leaves its start alone", () => {
    const stats = noTimeStats()
    const batch = requests(0, now - 3 * day - 1, now + 2 * day, 9e9)
    const starts = [...batch.columns.start_time]
    expect([...filedSeconds(batch, now, kept, stats)]).toEqual([now, now, now, now])
    expect([...batch.columns.start_time]).toEqual(starts)
    expect(stats).toEqual({ times: 4, intervals: 0 })
  })

  it("takes what is no number for a time that cannot be", () => {
    const stats = noTimeStats()
    const batch = requests(NaN, Infinity, -1e12)
    expect([...filedSeconds(batch, now, kept, stats)]).toEqual([now, now, now])
    expect(stats.times).toBe(3)
  })

  it("does the same for metrics, whose minutes stay whole", () => {
    const stats = noTimeStats()
    const batch = metrics([now, 1], [minute, 60], [12, 1], [12, 60], [minute + 7, 60])
    expect([...filedSeconds(batch, now, kept, stats)]).toEqual([now, minute, now, minute, minute])
    expect(stats).toEqual({ times: 2, intervals: 0 })
  })

  it("counts metrics of an unknown interval in their minute", () => {
    const stats = noTimeStats()
    const batch = metrics([now, 7], [now, 0], [now, 255])
    expect([...filedSeconds(batch, now, kept, stats)]).toEqual([minute, minute, minute])
    expect([...batch.columns.interval]).toEqual([60, 60, 60])
    expect(stats).toEqual({ times: 0, intervals: 3 })
  })
})
