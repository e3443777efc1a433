import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { insertRequests, testEngine } from "../store/testEngine.ts"
import type { RequestFilter } from "./requestFilter.ts"
import { requestDetail, requestSidesStatement } from "./requestDetail.ts"
import { rowById, rowByIdStatement } from "./rowById.ts"
import { requestHistogram, requestHistogramStatement } from "./requestHistogram.ts"
import { requestList, requestListStatement } from "./requestList.ts"

const range = { fromUs: 1_700_000_000_500_000, toUs: 1_700_000_300_000_000 }
const inRange = "time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32})"

const rowColumns = `toString(_id) AS id,
  toUnixTimestamp64Micro(start_time) AS startUs,
  toUnixTimestamp64Micro(end_time) AS endUs,
  response_duration AS durationUs,
  l7_protocol AS protocol,
  observation_point AS point,
  auto_service_0 AS client,
  auto_service_1 AS server,
  if(is_ipv4 = 1, toString(ip4_0), toString(ip6_0)) AS clientIp,
  if(is_ipv4 = 1, toString(ip4_1), toString(ip6_1)) AS serverIp,
  client_port AS clientPort,
  server_port AS serverPort,
  process_id_0 AS clientPid,
  process_id_1 AS serverPid,
  request_type AS type,
  request_domain AS domain,
  request_resource AS resource,
  endpoint,
  response_status AS status,
  response_code AS code,
  response_exception AS exception,
  trace_id AS traceId,
  request_length AS requestLength,
  response_length AS responseLength`

const searched = [
  "request_resource",
  "endpoint",
  "request_domain",
  "request_type",
  "auto_service_0",
  "auto_service_1",
]
  .concat("trace_id")
  .map((column) => `positionCaseInsensitiveUTF8(${column}, {text:String}) > 0`)
  .join(" OR ")

describe("statements about requests", () => {
  it("list: every filter is a parameter", () => {
    const filter = {
      range,
      service: "shop",
      client: "c",
      server: "s",
      protocol: 20,
      status: "timeout",
      point: "c-p",
      minUs: 5,
      agent: 4_711,
      text: "'x",
    } satisfies RequestFilter
    const { sql, params } = requestListStatement(filter, { limit: 2, before: "9", after: "1" })
    assert.strictEqual(
      sql,
      `SELECT
  ${rowColumns}
FROM flow_log.l7_flow_log
WHERE ${inRange} AND (auto_service_0 = {service:String} OR auto_service_1 = {service:String} OR app_service = {service:String})` +
        ` AND auto_service_0 = {client:String} AND auto_service_1 = {server:String} AND l7_protocol = {protocol:UInt8}` +
        ` AND observation_point = {point:String} AND response_duration >= {minUs:UInt64}` +
        ` AND agent_id = {agent:UInt16} AND response_status = 2 AND (${searched}) AND _id < {before:UInt64} AND _id > {after:UInt64}
ORDER BY _id DESC
LIMIT {limit:UInt32}`,
    )
    const { range: _, status: __, ...values } = filter
    const page = { before: "9", after: "1", limit: 3 }
    assert.deepStrictEqual(params, { from: 1700000000, to: 1700000300, ...values, ...page })
  })

  it("histogram", () => {
    const { sql, params } = requestHistogramStatement({ range, status: "unknown" }, 5)
    assert.strictEqual(
      sql,
      `SELECT
  intDiv(toUnixTimestamp(time), {step:UInt32}) * {step:UInt32} AS bucket,
  countIf(response_status = 0) AS ok,
  countIf(response_status = 4) AS clientError,
  countIf(response_status = 3) AS serverError,
  countIf(response_status = 2) AS timeout,
  countIf(response_status NOT IN (0, 4, 3, 2)) AS unknown
FROM flow_log.l7_flow_log
WHERE ${inRange} AND response_status NOT IN (0, 4, 3, 2)
GROUP BY bucket`,
    )
    assert.deepStrictEqual(params, { from: 1700000000, to: 1700000300, step: 5 })
  })

  it("one request: near the second of its id, or anywhere", () => {
    const id = String((1_700_000_000n << 32n) + 5n)
    const near = rowByIdStatement(id, "time, _id", 30)
    assert.strictEqual(
      near.sql,
      `SELECT\n  time, _id\nFROM flow_log.l7_flow_log\nWHERE ${inRange} AND _id = {id:UInt64}\nLIMIT 1`,
    )
    assert.deepStrictEqual(near.params, { from: 1_699_999_970, to: 1_700_000_005, id })
    const anywhere = rowByIdStatement(id, "time, _id", undefined)
    assert.isTrue(anywhere.sql.endsWith("\nFROM flow_log.l7_flow_log\nWHERE _id = {id:UInt64}\nLIMIT 1"))
    assert.deepStrictEqual(anywhere.params, { id })
  })

  it.effect("a row is looked for near the second of its storing first, then further and further away", () =>
    Effect.gen(function* () {
      const id = String((1_700_000_000n << 32n) + 5n)
      const windows: Array<unknown> = []
      const found = yield* rowById(id, "_id", ({ params }) => {
        windows.push(params["from"])
        return Effect.succeed(windows.length < 3 ? [] : ["the row"])
      })
      assert.strictEqual(found, "the row")
      assert.deepStrictEqual(windows, [1_699_999_970, 1_699_999_100, undefined])
    }),
  )

  it("its other sides", () => {
    assert.strictEqual(
      requestSidesStatement({}).sql,
      `SELECT
  ${rowColumns}
FROM flow_log.l7_flow_log
WHERE time >= {time:DateTime} - 60 AND time <= {time:DateTime} + 60
  AND _id != {id:UInt64}
  AND ip4_0 = toIPv4({ip4_0:String}) AND ip4_1 = toIPv4({ip4_1:String})
  AND ip6_0 = toIPv6({ip6_0:String}) AND ip6_1 = toIPv6({ip6_1:String})
  AND client_port = {clientPort:UInt16} AND server_port = {serverPort:UInt16}
  AND l7_protocol = {protocol:UInt8}
  AND if(
    req_tcp_seq != 0 AND {sequence:UInt32} != 0,
    req_tcp_seq = {sequence:UInt32},
    start_time <= {end:DateTime64(6)} AND end_time >= {start:DateTime64(6)} AND request_resource = {resource:String}
  )
ORDER BY start_time, _id
LIMIT 20`,
    )
  })
})

const second = 1_700_000_100
const query = (more: Record<string, string> = {}) =>
  new URLSearchParams({ from: "1700000000000000", to: "1700000200000000", ...more })

const idOf = (storedSecond: number, count: number): string =>
  String((BigInt(storedSecond) << 32n) + BigInt(count))

/** Ten requests, one a second; the last number of the resource is that of the row. */
const tenRequests = Array.from({ length: 10 }, (_, i) => ({
  _id: idOf(second + i, 1),
  time: second + i,
  start_time: (second + i) * 1e6,
  end_time: (second + i) * 1e6 + 5_000,
  response_duration: 1_000 * (i + 1),
  observation_point: i % 2 === 0 ? "c-p" : "s-p",
  auto_service_0: "curl",
  auto_service_1: i < 5 ? "shop" : "stock",
  l7_protocol: i === 9 ? 80 : 20,
  request_type: "GET",
  request_resource: `/Item/${i}`,
  response_status: [0, 4, 3, 2, 5, 6, 0, 0, 0, 0][i],
  response_code: i === 0 ? 200 : null,
  request_length: i === 0 ? 12 : null,
  client_port: 40_000,
  server_port: 80,
}))

layer(testEngine, { timeout: "60 seconds" })("requests on a real engine", (it) => {
  const resources = (more: Record<string, string>) =>
    Effect.map(requestList(query(more)), (list) =>
      list.rows.map((row) => row.resource.slice("/Item/".length)).join(""),
    )

  it.effect("lists newest first with every field", () =>
    Effect.gen(function* () {
      yield* insertRequests(tenRequests)
      const { rows, next } = yield* requestList(query())
      assert.strictEqual(next, null)
      assert.strictEqual(rows.map((row) => row.resource.slice(6)).join(""), "9876543210")
      assert.deepStrictEqual(rows[9], {
        id: idOf(second, 1),
        startUs: second * 1e6,
        endUs: second * 1e6 + 5000,
        durationUs: 1000,
        protocol: "HTTP",
        point: "c-p",
        client: "curl",
        server: "shop",
        clientIp: "127.0.0.1",
        serverIp: "127.0.0.1",
        clientPort: 40_000,
        serverPort: 80,
        clientPid: 0,
        serverPid: 0,
        type: "GET",
        domain: "",
        resource: "/Item/0",
        endpoint: "",
        status: "ok",
        code: 200,
        exception: "",
        traceId: "",
        requestLength: 12,
        responseLength: null,
      })
    }),
  )

  it.effect("filters", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* resources({ service: "stock" }), "98765")
      assert.strictEqual(yield* resources({ server: "shop", point: "s-p" }), "31")
      assert.strictEqual(yield* resources({ client: "shop" }), "")
      assert.strictEqual(yield* resources({ protocol: "Redis" }), "9")
      assert.strictEqual(yield* resources({ status: "client_error" }), "1")
      assert.strictEqual(yield* resources({ status: "server_error" }), "2")
      assert.strictEqual(yield* resources({ status: "timeout" }), "3")
      assert.strictEqual(yield* resources({ status: "unknown" }), "54")
      assert.strictEqual(yield* resources({ minUs: "9000" }), "98")
      assert.strictEqual(yield* resources({ q: "ITEM/7" }), "7")
      assert.strictEqual(yield* resources({ q: "' OR 1=1 --" }), "")
      assert.strictEqual(yield* resources({ q: "%" }), "")
    }),
  )

  it.effect("pages back to the oldest without a gap or a repetition", () =>
    Effect.gen(function* () {
      const first = yield* requestList(query({ limit: "4" }))
      const second = yield* requestList(query({ limit: "4", before: String(first.next) }))
      const third = yield* requestList(query({ limit: "4", before: String(second.next) }))
      const seen = [first, second, third].flatMap((list) => list.rows.map((row) => row.resource.slice(6)))
      assert.strictEqual(seen.join(""), "9876543210")
      assert.strictEqual(third.next, null)
    }),
  )

  it.effect("gives what was stored since, also what happened long before", () =>
    Effect.gen(function* () {
      const after = idOf(second + 9, 1)
      assert.deepStrictEqual(yield* requestList(query({ after })), { rows: [], next: null })
      const late = { ...tenRequests[0], request_resource: "/Item/late" }
      yield* insertRequests([
        { ...late, _id: idOf(second + 10, 1), time: second - 50 },
        { ...late, _id: idOf(second + 10, 2), time: second - 40 },
      ])
      const both = yield* requestList(query({ after }))
      assert.deepStrictEqual(
        both.rows.map((row) => row.id),
        [idOf(second + 10, 2), idOf(second + 10, 1)],
      )
      const newest = yield* requestList(query({ after, limit: "1" }))
      assert.strictEqual(newest.next, idOf(second + 10, 2))
      const rest = yield* requestList(query({ after, limit: "1", before: String(newest.next) }))
      assert.deepStrictEqual(
        rest.rows.map((row) => row.id),
        [idOf(second + 10, 1)],
      )
      assert.strictEqual(rest.next, null)
    }),
  )

  it.effect("counts outcomes by time, empty buckets too", () =>
    Effect.gen(function* () {
      const { stepSeconds, buckets } = yield* requestHistogram(
        new URLSearchParams({ from: `${second}000000`, to: `${second + 6}000000`, q: "/item/" }),
      )
      assert.strictEqual(stepSeconds, 1)
      const none = { ok: 0, clientError: 0, serverError: 0, timeout: 0, unknown: 0 }
      assert.deepStrictEqual(buckets, [
        { time: second, ...none, ok: 1 },
        { time: second + 1, ...none, clientError: 1 },
        { time: second + 2, ...none, serverError: 1 },
        { time: second + 3, ...none, timeout: 1 },
        { time: second + 4, ...none, unknown: 1 },
        { time: second + 5, ...none, unknown: 1 },
      ])
    }),
  )

  it.effect("shows one request with the sides that saw the same bytes", () =>
    Effect.gen(function* () {
      const time = second + 5000
      const mine = {
        ...tenRequests[0],
        time,
        start_time: time * 1e6,
        end_time: time * 1e6 + 5000,
        req_tcp_seq: 77,
      }
      const id = (count: number) => idOf(time, count)
      yield* insertRequests([
        { ...mine, _id: id(1), observation_point: "c-p" },
        { ...mine, _id: id(2), observation_point: "s-p", time: time + 1 },
        { ...mine, _id: id(3), observation_point: "s-p", req_tcp_seq: 78 },
        { ...mine, _id: id(4), observation_point: "local", client_port: 40_001 },
        { ...mine, _id: id(5), observation_point: "local", req_tcp_seq: 0 },
        { ...mine, _id: id(6), observation_point: "local", req_tcp_seq: 0, request_resource: "/other" },
        {
          ...mine,
          _id: id(7),
          observation_point: "s",
          req_tcp_seq: 0,
          start_time: (time + 9) * 1e6,
          end_time: (time + 9) * 1e6,
        },
      ])
      const { request, sides } = yield* requestDetail(id(1))
      assert.deepInclude(request, {
        _id: id(1),
        request_resource: "/Item/0",
        l7_protocol_name: "HTTP",
        response_status_name: "ok",
      })
      assert.deepStrictEqual(
        sides.map((side) => side.id),
        [id(2), id(5)],
      )
    }),
  )

  it.effect("finds a request whose agent delivered it hours later", () =>
    Effect.gen(function* () {
      const late = idOf(second + 20_000, 1)
      yield* insertRequests([{ ...tenRequests[0], _id: late }])
      assert.strictEqual((yield* requestDetail(late)).request._id, late)
      const error = yield* Effect.flip(requestDetail("1"))
      assert.strictEqual("status" in error ? error.status : 0, 404)
    }),
  )
})
