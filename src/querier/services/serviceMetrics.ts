// GET /api/v1/services/:name/metrics: what a service does as a server over time, and by endpoint. Counts come
// from the metric tables where they have the service, quantiles always from the request log.

import * as Effect from "effect/Effect"
import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { l7ProtocolName } from "../../model/protocol.ts"
import { ApiError } from "../http/ApiError.ts"
import { rangeSeconds, stepSeconds, stepsOf, type TimeRange, timeRange } from "../http/timeRange.ts"
import { isAnsweredSql, isRequestSql, pointRankSql } from "../map/bestPoint.ts"
import { rangeConditions, requestTable } from "../requests/requestFilter.ts"
import { errorSql } from "../requests/status.ts"
import { QueryStore, type Statement } from "../store/QueryStore.ts"

const maxPoints = 120
const maxEndpoints = 200
const maxNameLength = 512
/** The 1 s table is kept for a short time only. */
const longestSecondsFrom1s = 1800

export interface ServicePoint {
  /** Start of the step, seconds since 1970. */
  readonly time: number
  readonly requests: number
  readonly errors: number
  /** Null, a gap in a chart, where no request was answered. */
  readonly rrtMeanUs: number | null
  readonly rrtMaxUs: number | null
  readonly p50Us: number | null
  readonly p95Us: number | null
}

export interface ServiceEndpoint {
  readonly endpoint: string
  readonly protocol: string
  readonly requests: number
  readonly errors: number
  /** 0 where no request was answered. */
  readonly p50Us: number
  readonly p95Us: number
}

export interface ServiceMetrics {
  readonly stepSeconds: number
  readonly points: ReadonlyArray<ServicePoint>
  readonly endpoints: ReadonlyArray<ServiceEndpoint>
}

/**
 * A service seen by system calls and by packets has rows of both sources: those of the higher source
 * (eBPF) count.
 */
export const serviceCountsStatement = (name: string, range: TimeRange, step: number): Statement => {
  const conditions = rangeConditions(range)
  const table = step % 60 === 0 || rangeSeconds(range) > longestSecondsFrom1s ? "1m" : "1s"
  return {
    sql: `SELECT
  bucket,
  argMax(sourceRequests, signal_source) AS requests,
  argMax(sourceErrors, signal_source) AS errors,
  argMax(sourceRrtSum, signal_source) AS rrtSum,
  argMax(sourceRrtCount, signal_source) AS rrtCount,
  argMax(sourceRrtMax, signal_source) AS rrtMax
FROM (
  SELECT
    intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS bucket,
    signal_source,
    sum(request) AS sourceRequests,
    sum(client_error) + sum(server_error) + sum(timeout) AS sourceErrors,
    sum(rrt_sum) AS sourceRrtSum,
    sum(rrt_count) AS sourceRrtCount,
    max(rrt_max) AS sourceRrtMax
  FROM flow_metrics.\`application.${table}\`
  WHERE ${conditions.sql} AND role = 1 AND auto_service = {name:String}
  GROUP BY bucket, signal_source
)
GROUP BY bucket`,
    params: { ...conditions.params, step, name },
  }
}

/**
 * The requests a service answered, each once: the rows of the best observation point of each of its
 * clients.
 */
const answeredBy = (range: TimeRange) => `${requestTable}
WHERE ${rangeConditions(range).sql} AND ${isRequestSql} AND auto_service_1 = {name:String}
  AND (auto_service_0, ${pointRankSql}) IN (
    SELECT auto_service_0, min(${pointRankSql})
    FROM ${requestTable}
    WHERE ${rangeConditions(range).sql} AND ${isRequestSql} AND auto_service_1 = {name:String}
    GROUP BY auto_service_0
  )`

const logMeters = `count() AS requests,
  countIf(${errorSql}) AS errors,
  quantilesTDigestIf(0.5, 0.95)(response_duration, ${isAnsweredSql}) AS quantiles`

export const serviceLatencyStatement = (name: string, range: TimeRange, step: number): Statement => ({
  sql: `SELECT
  intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS bucket,
  ${logMeters},
  sumIf(response_duration, ${isAnsweredSql}) AS rrtSum,
  countIf(${isAnsweredSql}) AS rrtCount,
  maxIf(response_duration, ${isAnsweredSql}) AS rrtMax
FROM ${answeredBy(range)}
GROUP BY bucket`,
  params: { ...rangeConditions(range).params, step, name },
})

export const serviceEndpointsStatement = (name: string, range: TimeRange): Statement => ({
  sql: `SELECT
  endpoint,
  l7_protocol,
  ${logMeters}
FROM ${answeredBy(range)}
GROUP BY endpoint, l7_protocol
ORDER BY requests DESC, endpoint
LIMIT ${maxEndpoints}`,
  params: { ...rangeConditions(range).params, name },
})

const rounded = (value: unknown): number | null =>
  value === null || value === undefined ? null : Math.round(Number(value))

const quantilesOf = (row: Row | undefined) => {
  const quantiles = (row?.quantiles ?? []) as ReadonlyArray<unknown>
  return { p50Us: rounded(quantiles[0]), p95Us: rounded(quantiles[1]) }
}

const pointAt = (time: number, counts: Row | undefined, latency: Row | undefined): ServicePoint => {
  const answered = Number(counts?.rrtCount ?? 0)
  return {
    time,
    requests: Number(counts?.requests ?? 0),
    errors: Number(counts?.errors ?? 0),
    rrtMeanUs: answered === 0 ? null : Math.round(Number(counts?.rrtSum) / answered),
    rrtMaxUs: answered === 0 ? null : Number(counts?.rrtMax),
    ...quantilesOf(latency),
  }
}

const endpointOf = (row: Row): ServiceEndpoint => {
  const { p50Us, p95Us } = quantilesOf(row)
  return {
    endpoint: String(row.endpoint),
    protocol: l7ProtocolName(Number(row.l7_protocol)),
    requests: Number(row.requests),
    errors: Number(row.errors),
    p50Us: p50Us ?? 0,
    p95Us: p95Us ?? 0,
  }
}

const byBucket = (rows: ReadonlyArray<Row>) => new Map(rows.map((row) => [Number(row.bucket), row]))

export const serviceMetrics = Effect.fn("serviceMetrics")(function* (name: string, query: URLSearchParams) {
  if (name.length > maxNameLength) {
    return yield* new ApiError({
      status: 400,
      code: "bad_parameter",
      message: `the service's name is longer than ${maxNameLength} characters`,
      next: "take the name from the service map",
    })
  }
  const range = yield* timeRange(query)
  const step = stepSeconds(range, maxPoints)
  const store = yield* QueryStore
  const [counts, latency, endpoints] = yield* Effect.all(
    [
      store.rows(serviceCountsStatement(name, range, step)),
      store.rows(serviceLatencyStatement(name, range, step)),
      store.rows(serviceEndpointsStatement(name, range)),
    ],
    { concurrency: 3 },
  )
  const latencyByBucket = byBucket(latency)
  /** A service that only its clients' agents see has no metrics of its own. */
  const countsByBucket = counts.length > 0 ? byBucket(counts) : latencyByBucket
  const metrics: ServiceMetrics = {
    stepSeconds: step,
    points: stepsOf(range, step).map((time) =>
      pointAt(time, countsByBucket.get(time), latencyByBucket.get(time)),
    ),
    endpoints: endpoints.map(endpointOf),
  }
  return metrics
})
