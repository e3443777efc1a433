// GET /api/v1/traces/durations: how many traces took how long at which time, as cells of a picture: steps of time by steps of
// duration that are equally wide on a logarithmic scale.

import * as Effect from "effect/Effect"
import { stepSeconds, stepsOf } from "../../http/timeRange.ts"
import { requestTable } from "../../requests/requestFilter.ts"
import { errorSql } from "../../requests/status.ts"
import { QueryStore, type Statement } from "../../store/QueryStore.ts"
import { durationUsSql, traceConditions, type TraceFilter, traceFilter } from "./traceFilter.ts"

export interface DurationCell {
  /** Seconds since 1970. */
  readonly time: number
  /** From 10^(bucket / bucketsPerDecade) microseconds up to the next. */
  readonly bucket: number
  readonly count: number
  readonly errors: number
}

export interface DurationHeatmap {
  /** Start of the first step, seconds since 1970. */
  readonly from: number
  readonly stepSeconds: number
  readonly steps: number
  readonly bucketsPerDecade: number
  /** Only those that are not empty. */
  readonly cells: ReadonlyArray<DurationCell>
}

const bucketsPerDecade = 6
const maxSteps = 120

export const traceDurationsStatement = (filter: TraceFilter, step: number): Statement => {
  const conditions = traceConditions(filter)
  return {
    sql: `SELECT
  intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS t_time,
  toUInt32(floor(log10(greatest(${durationUsSql}, 1)) * ${bucketsPerDecade})) AS t_bucket,
  count() AS t_count,
  countIf(${errorSql}) AS t_errors
FROM ${requestTable}
WHERE ${conditions.sql}
GROUP BY t_time, t_bucket
ORDER BY t_time, t_bucket`,
    params: { ...conditions.params, step },
  }
}

export const traceDurations = Effect.fn("traceDurations")(function* (query: URLSearchParams) {
  const filter = yield* traceFilter(query)
  const step = stepSeconds(filter.request.range, maxSteps)
  const rows = yield* (yield* QueryStore).rows(traceDurationsStatement(filter, step))
  const steps = stepsOf(filter.request.range, step)
  const heatmap: DurationHeatmap = {
    from: steps[0]!,
    stepSeconds: step,
    steps: steps.length,
    bucketsPerDecade,
    cells: rows.map((row) => ({
      time: Number(row.t_time),
      bucket: Number(row.t_bucket),
      count: Number(row.t_count),
      errors: Number(row.t_errors),
    })),
  }
  return heatmap
})
