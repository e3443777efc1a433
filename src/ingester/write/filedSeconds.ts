// The second that each row is filed under, its column `time`: that of a request's start, of the end of a flow's part or of
// an event, of an interval's start; or the time of storing where that cannot be, because a clock is wrong or nothing as old is kept. Such a row keeps
// its own `start_time` and `end_time`; it is counted.

import type { AnyBatch, ColumnBatch } from "../../model/ColumnBatch.ts"
import type { RowKind } from "../../model/columns.ts"

/** How old a row may be, seconds, by kind. */
export type KeptSeconds = Readonly<Record<RowKind, number>>

const year = 366 * 86_400
export const keptAYear: KeptSeconds = {
  l7: year,
  application: year,
  l4: year,
  network: year,
  file: year,
  process: year,
  span: year,
}

/** A clock may be ahead by so much. */
const aheadMostSeconds = 86_400

export interface TimeStats {
  /** Rows that are not filed under their own time. */
  times: number
  /** Metrics of an interval that there is no table for. */
  intervals: number
}

export const noTimeStats = (): TimeStats => ({ times: 0, intervals: 0 })

const isPossible = (second: number, nowSecond: number, keptSeconds: number): boolean =>
  second <= nowSecond + aheadMostSeconds && second >= nowSecond - keptSeconds

const ofLog = (
  timesUs: ArrayLike<number>,
  rows: number,
  nowSecond: number,
  keptSeconds: number,
  stats: TimeStats,
): Uint32Array => {
  const filed = new Uint32Array(rows)
  for (let row = 0; row < rows; row++) {
    const second = Math.floor(timesUs[row]! / 1e6)
    if (isPossible(second, nowSecond, keptSeconds)) {
      filed[row] = second
    } else {
      filed[row] = nowSecond
      stats.times++
    }
  }
  return filed
}

/** Intervals that there are tables for. */
const [second, minute] = [1, 60]

/** Metrics of another interval count in their minute; minutes begin where minutes begin. */
const ofMetrics = (
  { columns, rows }: ColumnBatch<"application"> | ColumnBatch<"network">,
  nowSecond: number,
  keptSeconds: number,
  stats: TimeStats,
): Uint32Array => {
  const filed = new Uint32Array(rows)
  const { interval, time } = columns
  for (let row = 0; row < rows; row++) {
    if (interval[row] !== second && interval[row] !== minute) {
      interval[row] = minute
      stats.intervals++
    }
    let own = time[row]!
    if (!isPossible(own, nowSecond, keptSeconds)) {
      own = nowSecond
      stats.times++
    }
    filed[row] = own - (own % interval[row]!)
  }
  return filed
}

export const filedSeconds = (
  batch: AnyBatch,
  nowSecond: number,
  kept: KeptSeconds,
  stats: TimeStats,
): Uint32Array => {
  const keptSeconds = kept[batch.kind]
  switch (batch.kind) {
    case "l7":
    case "span":
      return ofLog(batch.columns.start_time, batch.rows, nowSecond, keptSeconds, stats)
    case "l4":
    case "file":
    case "process":
      return ofLog(batch.columns.end_time, batch.rows, nowSecond, keptSeconds, stats)
    case "application":
    case "network":
      return ofMetrics(batch, nowSecond, keptSeconds, stats)
  }
}
