// Where the bars of the histogram stand, and which time a place on it is. Pure.

import type { Histogram, HistogramBucket } from "../../api/contract.ts"
import { statusKinds } from "../../parts/status.tsx"

export const totalOf = (bucket: HistogramBucket): number =>
  statusKinds.reduce((sum, kind) => sum + bucket[kind.count], 0)

export interface Part {
  readonly name: string
  readonly color: string
  /** In parts of the height, from the bottom. */
  readonly from: number
  readonly size: number
}

/** The stacked parts of a bar, the worst on top, where the eye finds them. */
export const partsOf = (bucket: HistogramBucket, max: number): ReadonlyArray<Part> => {
  let from = 0
  return statusKinds.flatMap((kind) => {
    const size = bucket[kind.count] / Math.max(1, max)
    if (size === 0) return []
    const part = { name: kind.name, color: kind.color, from, size }
    from += size
    return [part]
  })
}

/** Which bucket is at a place between 0 and 1. */
export const bucketAt = (histogram: Histogram, place: number): number =>
  Math.max(0, Math.min(histogram.buckets.length - 1, Math.floor(place * histogram.buckets.length)))

/** Time between two places, in microseconds, whole buckets of it. */
export const rangeBetween = (
  histogram: Histogram,
  a: number,
  b: number,
): { readonly fromUs: number; readonly toUs: number } => {
  const [first, last] = [bucketAt(histogram, Math.min(a, b)), bucketAt(histogram, Math.max(a, b))]
  return {
    fromUs: (histogram.buckets[first]?.time ?? 0) * 1e6,
    toUs: ((histogram.buckets[last]?.time ?? 0) + histogram.stepSeconds) * 1e6,
  }
}

/** A round number at or above, for the scale. */
export const niceMax = (value: number): number => {
  if (value <= 4) return 4
  const unit = 10 ** Math.floor(Math.log10(value))
  return [1, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * unit).find((nice) => nice >= value) ?? value
}
