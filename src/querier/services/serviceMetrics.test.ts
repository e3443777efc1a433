import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { insertApplicationSeconds, insertRequests, testEngine } from "../store/testEngine.ts"
import {
  serviceCountsStatement,
  serviceEndpointsStatement,
  serviceLatencyStatement,
  serviceMetrics,
} from "./serviceMetrics.ts"

const range = { fromUs: 1_700_000_000_500_000, toUs: 1_700_000_300_000_000 }
const inRange = "time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32})"
const rank = "transform(observation_point, ['c-p', 's-p', 'c', 's', 'local'], [0, 1, 2, 3, 4], 5)"

const answered = `flow_log.l7_flow_log
WHERE ${inRange} AND type != 1 AND auto_service_1 = {name:String}
  AND (auto_service_0, ${rank}) IN (
    SELECT auto_service_0, min(${rank})
    FROM flow_log.l7_flow_log
    WHERE ${inRange} AND type != 1 AND auto_service_1 = {name:String}
    GROUP BY auto_service_0
  )`

describe("statements about a service", () => {
  it("counts come from the metric tables, of seconds or of minutes", () => {
    const { sql, params } = serviceCountsStatement("shop", range, 5)
    assert.strictEqual(
      sql,
      `SELECT
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
  FROM flow_metrics.\`application.1s\`
  WHERE ${inRange} AND role = 1 AND auto_service = {name:String}
  GROUP BY bucket, signal_source
)
GROUP BY bucket`,
    )
    assert.deepStrictEqual(params, { from: 1700000000, to: 1700000300, step: 5, name: "shop" })
    assert.include(serviceCountsStatement("shop", range, 60).sql, "flow_metrics.`application.1m`")
  })

  it("quantiles and endpoints come from the best point of each client", () => {
    assert.strictEqual(
      serviceLatencyStatement("shop", range, 5).sql,
      `SELECT
  intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS bucket,
  count() AS requests,
  countIf(response_status IN (4, 3, 2)) AS errors,
  quantilesTDigestIf(0.5, 0.95)(response_duration, type = 2) AS quantiles,
  sumIf(response_duration, type = 2) AS rrtSum,
  countIf(type = 2) AS rrtCount,
  maxIf(response_duration, type = 2) AS rrtMax
FROM ${answered}
GROUP BY bucket`,
    )
    assert.strictEqual(
      serviceEndpointsStatement("shop", range).sql,
      `SELECT
  endpoint,
  l7_protocol,
  count() AS requests,
  countIf(response_status IN (4, 3, 2)) AS errors,
  quantilesTDigestIf(0.5, 0.95)(response_duration, type = 2) AS quantiles
FROM ${answered}
GROUP BY endpoint, l7_protocol
ORDER BY requests DESC, endpoint
LIMIT 200`,
    )
  })
})

const second = 1_700_000_100
const asked = new URLSearchParams({ from: `${second}000000`, to: `${second + 2}000000` })

layer(testEngine, { timeout: "60 seconds" })("serviceMetrics on a real engine", (it) => {
  it.effect("joins counts of the metric table with quantiles of the log", () =>
    Effect.gen(function* () {
      const seen = { time: second, auto_service_0: "curl", auto_service_1: "shop", endpoint: "/item" }
      yield* insertRequests([
        { ...seen, observation_point: "c-p", response_duration: 1000 },
        { ...seen, observation_point: "c-p", response_duration: 3000, response_status: 3 },
        { ...seen, observation_point: "s-p", response_duration: 900 },
        {
          ...seen,
          observation_point: "s-p",
          auto_service_0: "wget",
          endpoint: "/cart",
          response_duration: 500,
        },
      ])
      const counted = { time: second, auto_service: "shop", role: 1 }
      const ebpf = { ...counted, signal_source: 3, rrt_sum: 8000, rrt_count: 4, rrt_max: 3500 }
      yield* insertApplicationSeconds([
        { ...ebpf, request: 2, server_error: 1, endpoint: "/item" },
        { ...ebpf, request: 3, timeout: 1, client_error: 1, endpoint: "/cart" },
        { ...counted, signal_source: 0, request: 50 },
        { ...counted, role: 0, request: 70, signal_source: 3 },
        { ...counted, auto_service: "other", request: 90, signal_source: 3 },
      ])
      const metrics = yield* serviceMetrics("shop", asked)
      assert.deepStrictEqual(metrics, {
        stepSeconds: 1,
        points: [
          { time: second, requests: 5, errors: 3, rrtMeanUs: 2000, rrtMaxUs: 3500, p50Us: 1000, p95Us: 3000 },
          {
            time: second + 1,
            requests: 0,
            errors: 0,
            rrtMeanUs: null,
            rrtMaxUs: null,
            p50Us: null,
            p95Us: null,
          },
        ],
        endpoints: [
          { endpoint: "/item", protocol: "HTTP", requests: 2, errors: 1, p50Us: 1000, p95Us: 3000 },
          { endpoint: "/cart", protocol: "HTTP", requests: 1, errors: 0, p50Us: 500, p95Us: 500 },
        ],
      })
    }),
  )

  it.effect("counts from the log what only clients saw", () =>
    Effect.gen(function* () {
      const seen = {
        time: second + 1,
        auto_service_0: "curl",
        auto_service_1: "10.0.0.9",
        observation_point: "c-p",
      }
      yield* insertRequests([
        { ...seen, response_duration: 100 },
        { ...seen, response_duration: 300, response_status: 2 },
      ])
      const { points } = yield* serviceMetrics("10.0.0.9", asked)
      assert.deepInclude(points[1], { requests: 2, errors: 1, rrtMeanUs: 200, rrtMaxUs: 300 })
    }),
  )
})
