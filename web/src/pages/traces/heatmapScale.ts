// Where the cells of the duration picture stand, and which times and durations a place on it is. Pure.

import type { DurationCell, DurationHeatmap } from "../../api/traceContract.ts"

/** Rows of the picture, as numbers of buckets: `last` is one past the highest. */
export interface Rows {
  readonly first: number
  readonly last: number
}

/** Enough for what there is, at least two decades, so that a few traces do not fill the picture. */
export const rowsOf = ({ cells, bucketsPerDecade }: DurationHeatmap): Rows => {
  const used = cells.map(({ bucket }) => bucket)
  if (used.length === 0) return { first: 3 * bucketsPerDecade, last: 6 * bucketsPerDecade }
  const decade = (bucket: number, round: (value: number) => number) =>
    round(bucket / bucketsPerDecade) * bucketsPerDecade
  const first = decade(Math.min(...used), Math.floor)
  const last = decade(Math.max(...used) + 1, Math.ceil)
  return { first, last: Math.max(last, first + 2 * bucketsPerDecade) }
}

/** Lower bound of a bucket in microseconds. */
export const durationOf = (bucket: number, { bucketsPerDecade }: DurationHeatmap): number =>
  10 ** (bucket / bucketsPerDecade)

/** Ratios of the picture, from its left and its top. */
export interface CellPlace {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

export const placeOf = (cell: DurationCell, map: DurationHeatmap, rows: Rows): CellPlace => {
  const height = 1 / (rows.last - rows.first)
  return {
    left: (cell.time - map.from) / map.stepSeconds / map.steps,
    top: (rows.last - 1 - cell.bucket) * height,
    width: 1 / map.steps,
    height,
  }
}

/** Between 0.2 and 1: few are seen beside many. */
export const strengthOf = (count: number, most: number): number =>
  most <= 1 ? 1 : 0.2 + 0.8 * (Math.log(count) / Math.log(most))

interface Spot {
  readonly x: number
  readonly y: number
}

const clamp = (value: number, least: number, most: number): number => Math.min(most, Math.max(least, value))

const stepAt = (x: number, { steps }: DurationHeatmap): number => clamp(Math.floor(x * steps), 0, steps - 1)

const bucketAt = (y: number, rows: Rows): number =>
  clamp(rows.last - 1 - Math.floor(y * (rows.last - rows.first)), rows.first, rows.last - 1)

export const cellAt = (spot: Spot, map: DurationHeatmap, rows: Rows): DurationCell => {
  const time = map.from + stepAt(spot.x, map) * map.stepSeconds
  const bucket = bucketAt(spot.y, rows)
  return (
    map.cells.find((cell) => cell.time === time && cell.bucket === bucket) ?? {
      time,
      bucket,
      count: 0,
      errors: 0,
    }
  )
}

export interface Selection {
  readonly fromUs: number
  readonly toUs: number
  readonly minUs: number
  readonly maxUs: number
}

/** Whole cells between two places. */
export const between = (a: Spot, b: Spot, map: DurationHeatmap, rows: Rows): Selection => {
  const [left, right] = [stepAt(Math.min(a.x, b.x), map), stepAt(Math.max(a.x, b.x), map)]
  const [high, low] = [bucketAt(Math.min(a.y, b.y), rows), bucketAt(Math.max(a.y, b.y), rows)]
  return {
    fromUs: (map.from + left * map.stepSeconds) * 1e6,
    toUs: (map.from + (right + 1) * map.stepSeconds) * 1e6,
    minUs: Math.ceil(durationOf(low, map)),
    maxUs: Math.ceil(durationOf(high + 1, map)) - 1,
  }
}
