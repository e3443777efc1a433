import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { insertRequests, testEngine } from "../store/testEngine.ts"
import { mapProcessesStatement, mapStatement, serviceMap } from "./serviceMap.ts"

const range = { fromUs: 1_700_000_000_500_000, toUs: 1_700_000_300_000_000 }

describe("mapStatement", () => {
  it("states its SQL", () => {
    const { sql, params } = mapStatement({ range, service: "shop", protocol: 20 })
    assert.strictEqual(
      sql,
      `WITH points AS (
  SELECT
    auto_service_0 AS client,
    auto_service_1 AS server,
    transform(observation_point, ['c-p', 's-p', 'c', 's', 'local'], [0, 1, 2, 3, 4], 5) AS rank,
    groupUniqArray(8)(l7_protocol) AS protocols,
    groupUniqArray(8)(observation_point) AS seenAt,
    count() AS requests,
    countIf(response_status IN (4, 3, 2)) AS errors,
    maxIf(response_duration, type = 2) AS maxUs,
    quantilesTDigestStateIf(0.5, 0.95)(response_duration, type = 2) AS durations
  FROM flow_log.l7_flow_log
  WHERE time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32}) AND type != 1 AND (auto_service_0 = {service:String} OR auto_service_1 = {service:String}) AND l7_protocol = {protocol:UInt8}
  GROUP BY client, server, rank
), edges AS (
  SELECT
    client,
    server,
    groupUniqArrayArray(seenAt) AS allSeenAt,
    argMin(protocols, rank) AS bestProtocols,
    argMin(requests, rank) AS bestRequests,
    argMin(errors, rank) AS bestErrors,
    argMin(maxUs, rank) AS bestMaxUs,
    argMin(durations, rank) AS bestDurations
  FROM points
  GROUP BY client, server
)
SELECT
  grouping(client) AS isNode,
  client,
  server,
  arraySort(groupUniqArrayArray(bestProtocols)) AS protocols,
  arraySort(groupUniqArrayArray(allSeenAt)) AS observedAt,
  sum(bestRequests) AS requests,
  sum(bestErrors) AS errors,
  max(bestMaxUs) AS maxUs,
  quantilesTDigestMerge(0.5, 0.95)(bestDurations) AS quantiles
FROM edges
GROUP BY GROUPING SETS ((client, server), (server))
ORDER BY isNode, requests DESC, client, server
LIMIT 501 BY isNode`,
    )
    assert.deepStrictEqual(params, { from: 1700000000, to: 1700000300, service: "shop", protocol: 20 })
  })

  it("states the SQL of the processes behind the names", () => {
    assert.strictEqual(
      mapProcessesStatement({ range, service: undefined, protocol: undefined }).sql,
      `SELECT side.1 AS name, groupUniqArray(16)((side.2, side.3)) AS processes
FROM flow_log.l7_flow_log
ARRAY JOIN [
  (toString(auto_service_0), process_id_0, process_kname_0),
  (toString(auto_service_1), process_id_1, process_kname_1)
] AS side
WHERE time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32}) AND type != 1 AND side.2 != 0
GROUP BY name
LIMIT 1000`,
    )
  })
})

const second = 1_700_000_100
const asked = new URLSearchParams({ from: "1700000000000000", to: "1700000200000000" })
const curlToShop = { time: second, auto_service_0: "curl", auto_service_1: "shop" }
const shopToRedis = { time: second, auto_service_0: "shop", auto_service_1: "redis", l7_protocol: 80 }

layer(testEngine, { timeout: "60 seconds" })("serviceMap on a real engine", (it) => {
  it.effect("counts an edge once however many points saw it, and a node as a server", () =>
    Effect.gen(function* () {
      yield* insertRequests([
        {
          ...curlToShop,
          observation_point: "c-p",
          process_id_0: 7,
          process_kname_0: "curl",
          response_duration: 1000,
        },
        { ...curlToShop, observation_point: "c-p", response_duration: 3000, response_status: 3 },
        {
          ...curlToShop,
          observation_point: "s-p",
          process_id_1: 8,
          process_kname_1: "node",
          response_duration: 900,
        },
        { ...curlToShop, observation_point: "s-p", response_duration: 2900, response_status: 3 },
        { ...curlToShop, observation_point: "local", response_duration: 950 },
        { ...curlToShop, observation_point: "c-p", type: 1, response_duration: 0 },
        { ...shopToRedis, observation_point: "s-p", response_duration: 100 },
        { ...shopToRedis, observation_point: "local", response_duration: 100 },
        { ...shopToRedis, observation_point: "s-p", type: 0, response_status: 2, response_duration: 0 },
        { ...curlToShop, time: second + 1000, auto_service_0: "late" },
      ])
      const map = yield* serviceMap(asked)
      assert.deepStrictEqual(map.edges, [
        {
          id: "curl>shop",
          client: "curl",
          server: "shop",
          protocols: ["HTTP"],
          observedAt: ["c-p", "local", "s-p"],
          requests: 2,
          errors: 1,
          ratePerSecond: 0.01,
          errorRatio: 0.5,
          p50Us: 1000,
          p95Us: 3000,
          maxUs: 3000,
        },
        {
          id: "shop>redis",
          client: "shop",
          server: "redis",
          protocols: ["Redis"],
          observedAt: ["local", "s-p"],
          requests: 2,
          errors: 1,
          ratePerSecond: 0.01,
          errorRatio: 0.5,
          p50Us: 100,
          p95Us: 100,
          maxUs: 100,
        },
      ])
      const nodes = map.nodes.map(({ name, kind, processes, requests }) => ({
        name,
        kind,
        processes,
        requests,
      }))
      assert.deepStrictEqual(nodes, [
        { name: "curl", kind: "process", processes: [{ pid: 7, name: "curl" }], requests: 0 },
        { name: "shop", kind: "process", processes: [{ pid: 8, name: "node" }], requests: 2 },
        { name: "redis", kind: "external", processes: [], requests: 2 },
      ])
      assert.deepInclude(map, {
        from: "1700000000000000",
        to: "1700000200000000",
        seconds: 200,
        truncated: false,
      })
    }),
  )

  it.effect("is filtered by service and protocol", () =>
    Effect.gen(function* () {
      const edges = (filter: Record<string, string>) =>
        Effect.map(serviceMap(new URLSearchParams({ ...Object.fromEntries(asked), ...filter })), (map) =>
          map.edges.map((edge) => edge.id),
        )
      assert.deepStrictEqual(yield* edges({ protocol: "redis" }), ["shop>redis"])
      assert.deepStrictEqual(yield* edges({ service: "curl" }), ["curl>shop"])
      assert.deepStrictEqual(yield* edges({ service: "' OR 1 = 1 --" }), [])
    }),
  )

  it.effect("keeps to 500 edges, those with the most requests, and says so", () =>
    Effect.gen(function* () {
      const time = second + 100_000
      const rows = Array.from({ length: 600 }, (_, i) => ({
        time,
        auto_service_0: `c${i}`,
        auto_service_1: "big",
      }))
      yield* insertRequests([...rows, ...rows.slice(590)])
      const from = String((time - 1) * 1e6)
      const map = yield* serviceMap(new URLSearchParams({ from, to: String((time + 1) * 1e6) }))
      assert.strictEqual(map.edges.length, 500)
      assert.isTrue(map.truncated)
      assert.deepStrictEqual(new Set(map.edges.slice(0, 10).map((edge) => edge.requests)), new Set([2]))
      assert.strictEqual(map.nodes.find((node) => node.name === "big")?.requests, 610)
    }),
  )
})
