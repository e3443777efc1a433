import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { ClickHouse } from "../../../runtime/clickhouse/ClickHouse.ts"
import { insertRequests, testEngine } from "../../store/testEngine.ts"
import { traceDurations } from "./traceDurations.ts"
import { traceList } from "./traceList.ts"

const second = 1_790_000_000
const id = (n: number): string => String((BigInt(second) << 32n) + BigInt(n))

type Stored = Parameters<typeof insertRequests>[0][number]

const row = (n: number, forUs: number, more: Stored) => ({
  _id: id(n),
  time: second + n,
  start_time: (second + n) * 1e6,
  end_time: (second + n) * 1e6 + forUs,
  observation_point: "c-p",
  request_type: "GET",
  endpoint: `/${n}`,
  process_id_0: 1,
  process_id_1: 2,
  auto_service_0: "curl",
  auto_service_1: "gateway",
  ...more,
})

const rows = [
  // curl -> gateway on this host, seen at both ends; gateway -> shop because of it.
  row(1, 5_000, { req_tcp_seq: 1 }),
  row(2, 4_000, { req_tcp_seq: 1, observation_point: "s-p", syscall_trace_id_request: 9 }),
  row(3, 3_000, {
    req_tcp_seq: 2,
    syscall_trace_id_request: 9,
    auto_service_0: "gateway",
    auto_service_1: "shop",
    attribute_names: ["user_agent.original"],
    attribute_values: ["curl/8"],
  } as never),
  // From elsewhere: nobody looks into the client.
  row(4, 200_000, { observation_point: "s-p", process_id_0: 0, auto_service_0: "", response_status: 3 }),
  // Two requests of one trace.
  row(5, 10, { trace_id: "t", l7_protocol: 80 }),
  row(6, 20, { trace_id: "t" }),
  // Spans of a program: a root and its child; and an answer without its request.
  row(7, 1, {
    observation_point: "app",
    endpoint: "job",
    request_type: "",
    l7_protocol: 0,
  }),
  row(8, 1, { observation_point: "app", parent_span_id: "7" }),
  row(9, 1, { type: 1 }),
]

const query = (more: Readonly<Record<string, string>> = {}) =>
  new URLSearchParams({ from: `${second}000000`, to: `${second + 60}000000`, ...more })

const listed = (more: Readonly<Record<string, string>> = {}) =>
  Effect.map(traceList(query(more)), ({ traces }) => traces.map(({ name, service }) => `${service} ${name}`))

layer(testEngine, { timeout: 60_000 })("the list of traces", (it) => {
  it.effect("has the requests that traces begin with, the newest first, one of each trace id", () =>
    Effect.gen(function* () {
      yield* insertRequests(rows)
      assert.deepStrictEqual(yield* listed(), [
        "gateway job",
        "gateway GET /6",
        "gateway GET /4",
        "gateway GET /1",
      ])
      const { next, traces } = yield* traceList(query({ limit: "2" }))
      assert.deepStrictEqual(traces[1], {
        id: id(6),
        traceId: "t",
        service: "gateway",
        client: "curl",
        name: "GET /6",
        protocol: "HTTP",
        startUs: (second + 6) * 1e6,
        durationUs: 20,
        status: "ok",
        code: null,
      })
      assert.strictEqual(next, id(6))
      assert.deepStrictEqual(yield* listed({ before: next! }), [
        "gateway GET /5",
        "gateway GET /4",
        "gateway GET /1",
      ])
      assert.deepStrictEqual(yield* listed({ after: id(6) }), ["gateway job"])
      assert.deepStrictEqual(yield* listed({ order: "slowest", limit: "2" }), [
        "gateway GET /4",
        "gateway GET /1",
      ])
    }),
  )

  it.effect("has whatever fits of what happens within traces", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* listed({ service: "shop" }), ["shop GET /3"])
      assert.deepStrictEqual(yield* listed({ endpoint: "/3" }), ["shop GET /3"])
      assert.deepStrictEqual(yield* listed({ protocol: "redis" }), ["gateway GET /5"])
      assert.deepStrictEqual(yield* listed({ q: "/1" }), ["gateway GET /1"])
      assert.deepStrictEqual(yield* listed({ tag: "user_agent.original=curl/8" }), ["shop GET /3"])
      assert.deepStrictEqual(yield* listed({ tag: "auto_service = shop" }), ["shop GET /3"])
      assert.deepStrictEqual(yield* listed({ tag: "k8s.label.app=shop" }), [])
    }),
  )

  it.effect("knows nothing of an end that a program does not name", () =>
    Effect.gen(function* () {
      const nobody = { ip4_1: "0.0.0.0", server_port: 0 }
      const call = { observation_point: "c-app", auto_service_1: "", ...nobody }
      yield* insertRequests([
        row(30, 3, { ...call, auto_service_0: "worker" }),
        row(31, 3, { ...call, auto_service_0: "worker", app_service: "billing" }),
        row(32, 3, { ...call, auto_service_0: "", ip4_0: "0.0.0.0" }),
      ])
      const { traces } = yield* traceList(query({ minUs: "3", maxUs: "4" }))
      assert.deepStrictEqual(
        traces.map(({ client, service }) => [service, client]),
        [
          ["", ""],
          ["billing", ""],
          ["worker", ""],
        ],
      )
    }),
  )

  it.effect("has custom tags of the resources", () =>
    Effect.gen(function* () {
      const { command } = yield* ClickHouse
      yield* command("INSERT INTO flow_tag.custom_tag (id, key, value) VALUES (5, 'k8s.label.app', 'web')")
      yield* command(
        "INSERT INTO flow_tag.resource (id, auto_service, tag_set_id) VALUES (900, 'labelled', 5)",
      )
      yield* command("SYSTEM RELOAD DICTIONARY flow_tag.custom_tag_map")
      yield* command("SYSTEM RELOAD DICTIONARY flow_tag.resource_map")
      const { auto_service_1: _, ...labelled } = row(20, 7, { resource_id_1: 900 })
      yield* insertRequests([labelled])
      assert.deepStrictEqual(yield* listed({ tag: "k8s.label.app=web" }), ["labelled GET /20"])
    }),
  )

  it.effect("is filtered by outcome and whole duration", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* listed({ status: "server_error" }), ["gateway GET /4"])
      assert.deepStrictEqual(yield* listed({ minUs: "5000" }), ["gateway GET /4", "gateway GET /1"])
      assert.deepStrictEqual(yield* listed({ minUs: "5", maxUs: "5000" }), [
        "labelled GET /20",
        "gateway GET /6",
        "gateway GET /1",
      ])
    }),
  )

  it.effect("refuses tags without a value, and too many", () =>
    Effect.gen(function* () {
      const error = yield* Effect.flip(traceList(query({ tag: "pod" })))
      assert.include(error.message, 'tag: "pod" is not a tag as name=value')
      const many = query()
      for (let n = 0; n < 9; n++) many.append("tag", "a=b")
      assert.include((yield* Effect.flip(traceList(many))).message, "more than 8")
    }),
  )

  it.effect("is a picture of durations over time", () =>
    Effect.gen(function* () {
      const { bucketsPerDecade, cells, from, stepSeconds, steps } = yield* traceDurations(
        query({ maxUs: "300000" }),
      )
      assert.strictEqual(stepSeconds, 1)
      assert.deepStrictEqual([from, steps, bucketsPerDecade], [second, 60, 6])
      assert.deepStrictEqual(
        cells.map(({ bucket, count, errors, time }) => [time - second, bucket, count, errors]),
        [
          [1, 22, 1, 0],
          [4, 31, 1, 1],
          [5, 6, 1, 0],
          [6, 7, 1, 0],
          [7, 0, 1, 0],
          [20, 5, 1, 0],
          [30, 2, 1, 0],
          [31, 2, 1, 0],
          [32, 2, 1, 0],
        ],
      )
    }),
  )
})
