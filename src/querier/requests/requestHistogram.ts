// GET /api/v1/requests/histogram: how many requests ended how, over the range, for the same filters as the
// list.

import * as Effect from "effect/Effect"
import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { stepSeconds, stepsOf } from "../http/timeRange.ts"
import { QueryStore, type Statement } from "../store/QueryStore.ts"
import { filterConditions, type RequestFilter, requestFilter, requestTable } from "./requestFilter.ts"
import { statusSql } from "./status.ts"

const maxBuckets = 120

export interface RequestBucket {
  /** Start of the bucket, seconds since 1970. */
  readonly time: number
  readonly ok: number
  readonly clientError: number
  readonly serverError: number
  readonly timeout: number
  readonly unknown: number
}

export interface RequestHistogram {
  readonly stepSeconds: number
  readonly buckets: ReadonlyArray<RequestBucket>
}

export const requestHistogramStatement = (filter: RequestFilter, step: number): Statement => {
  const conditions = filterConditions(filter)
  return {
    sql: `SELECT
  intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS bucket,
  countIf(${statusSql.ok}) AS ok,
  countIf(${statusSql.client_error}) AS clientError,
  countIf(${statusSql.server_error}) AS serverError,
  countIf(${statusSql.timeout}) AS timeout,
  countIf(${statusSql.unknown}) AS unknown
FROM ${requestTable}
WHERE ${conditions.sql}
GROUP BY bucket`,
    params: { ...conditions.params, step },
  }
}

const bucketAt = (time: number, row: Row | undefined): RequestBucket => ({
  time,
  ok: Number(row?.ok ?? 0),
  clientError: Number(row?.clientError ?? 0),
  serverError: Number(row?.serverError ?? 0),
  timeout: Number(row?.timeout ?? 0),
  unknown: Number(row?.unknown ?? 0),
})

export const requestHistogram = Effect.fn("requestHistogram")(function* (query: URLSearchParams) {
  const filter = yield* requestFilter(query)
  const step = stepSeconds(filter.range, maxBuckets)
  const found = yield* (yield* QueryStore).rows(requestHistogramStatement(filter, step))
  const byTime = new Map(found.map((row) => [Number(row.bucket), row]))
  const histogram: RequestHistogram = {
    stepSeconds: step,
    buckets: stepsOf(filter.range, step).map((time) => bucketAt(time, byTime.get(time))),
  }
  return histogram
})
