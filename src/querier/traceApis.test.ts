// The APIs of other systems over HTTP, on a store with one trace: paths, forms of answers, refusals.

import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AdminDoor, AdminRefused } from "./admin/AdminDoor.ts"
import { ConsoleSources } from "./ConsoleSources.ts"
import { QuerierHttp } from "./QuerierHttp.ts"
import { insertRequests, testEngine } from "./store/testEngine.ts"

const second = 1_790_000_000
const id = (n: number): string => String((BigInt(second) << 32n) + BigInt(n))
const name = (n: number): string => BigInt(id(n)).toString(16).padStart(32, "0")

const unused = Effect.die("not asked for here")
const sources = Layer.succeed(ConsoleSources, {
  processes: unused,
  status: unused,
  demo: unused,
  startDemo: unused,
  stopDemo: unused,
  health: unused,
  metricsText: unused,
})
const door = Layer.succeed(AdminDoor, {
  call: () => Effect.fail(new AdminRefused({ reason: "forbidden", message: "", next: "" })),
})

const options = { host: "127.0.0.1", port: 0, webDirectory: "/nonexistent/web", allowedHosts: [] }
const http = QuerierHttp.layer(options).pipe(Layer.provide([sources, door]), Layer.provideMerge(testEngine))

const row = (n: number, fromUs: number, forUs: number, more: Readonly<Record<string, string | number>>) => ({
  _id: id(n),
  time: second,
  start_time: second * 1e6 + fromUs,
  end_time: second * 1e6 + fromUs + forUs,
  agent_id: 1,
  protocol: 6,
  request_type: "GET",
  process_id_0: 1,
  process_id_1: 2,
  ...more,
})

const call = {
  req_tcp_seq: 1,
  client_port: 5,
  server_port: 80,
  endpoint: "/cart",
  auto_service_0: "curl",
  auto_service_1: "gateway",
}
const next = {
  ...call,
  req_tcp_seq: 2,
  endpoint: "/items",
  auto_service_0: "gateway",
  auto_service_1: "shop",
  process_id_0: 2,
  process_id_1: 3,
}

const rows = [
  row(1, 0, 9_000, { ...call, observation_point: "c-p" }),
  row(2, 10, 8_000, { ...call, observation_point: "s-p", syscall_trace_id_request: 7 }),
  row(3, 20, 5_000, {
    ...next,
    observation_point: "c-p",
    syscall_trace_id_request: 7,
    response_status: 3,
    response_code: 500,
  }),
]

interface Answer {
  readonly status: number
  readonly type: string
  readonly bytes: Buffer
}

const ask = (path: string, more: RequestInit = {}) =>
  Effect.flatMap(QuerierHttp, ({ url }) =>
    Effect.promise(async (): Promise<Answer> => {
      const response = await fetch(new URL(path, url), more)
      return {
        status: response.status,
        type: response.headers.get("content-type") ?? "",
        bytes: Buffer.from(await response.arrayBuffer()),
      }
    }),
  )

// Answers are compared as they come, whatever their shape.
// oxlint-disable-next-line no-explicit-any
type Json = any
const json = (path: string, more: RequestInit = {}) =>
  Effect.map(ask(path, more), ({ bytes, status }) => ({ status, body: JSON.parse(bytes.toString()) as Json }))

const range = `start=${second - 5}&end=${second + 5}`

layer(http, { timeout: 60_000 })("traces for other systems", (it) => {
  it.effect("as the console has them, by row, by name and as OTLP", () =>
    Effect.gen(function* () {
      yield* insertRequests(rows)
      for (const asked of [id(1), id(3), name(2)]) {
        const { body } = yield* json(`/api/v1/traces/${asked}`)
        assert.deepStrictEqual(
          body.spans.map((span: Json) => span.id),
          [id(1), id(2), id(3)],
        )
      }
      const otlp = yield* json(`/api/v1/traces/${id(2)}?format=otlp`)
      assert.lengthOf(otlp.body.resourceSpans, 3 - 1)
      assert.deepInclude(yield* json("/api/v1/traces/5"), { status: 404 })
      assert.deepInclude(yield* json(`/api/v1/traces/${id(2)}?spans=0`), { status: 400 })
      const list = yield* json(`/api/v1/traces?from=${second}000000&to=${second + 5}000000`)
      assert.deepStrictEqual(
        list.body.traces.map((one: Json) => one.name),
        ["GET /cart"],
      )
      const durations = yield* json(`/api/v1/traces/durations?from=${second}000000&to=${second + 5}000000`)
      assert.lengthOf(durations.body.cells, 1)
    }),
  )

  it.effect("DeepFlow's: in its envelope, whatever the case of its keys", () =>
    Effect.gen(function* () {
      const post = (path: string, body: unknown, type = "application/json") =>
        json(`/v1/stats/querier/${path}`, {
          method: "POST",
          headers: { "content-type": type },
          body: typeof body === "string" ? body : JSON.stringify(body),
        })
      for (const body of [
        { _id: id(2), TIME_START: 1, TABLE: "l7_flow_log" },
        { _id: id(3), table: "l7_flow_log", max_iteration: 30 },
      ]) {
        const { body: answer, status } = yield* post("L7FlowTracing", body)
        assert.strictEqual(status, 200)
        assert.strictEqual(answer.OPT_STATUS, "SUCCESS")
        assert.deepStrictEqual(
          answer.DATA.tracing.map((span: Json) => span.parent_id),
          [-1, 0, 1],
        )
      }
      const form = yield* post("L7FlowTracing", `_id=${id(2)}`, "application/x-www-form-urlencoded")
      assert.lengthOf(form.body.DATA.tracing, 3)
      const short = yield* post("L7FlowTracing", { _id: id(1), MAX_ITERATION: 1 })
      assert.lengthOf(short.body.DATA.tracing, 3)
      assert.strictEqual(short.body.DESCRIPTION, "")
      assert.deepInclude((yield* post("L7FlowTracing", { trace_id: "none" })).body, {
        OPT_STATUS: "SUCCESS",
        DATA: {},
      })
      for (const bad of [{}, { _id: "x" }, { _id: id(1), table: "l4_flow_log" }, "{", "[]"])
        assert.deepInclude(yield* post("L7FlowTracing", bad), { status: 400 })
      const spans = [
        { trace_id: "t", span_id: "a", parent_span_id: "", span_kind: 3, start_time_us: 5, end_time_us: 9 },
      ]
      const completed = yield* post("tracing-completion-by-external-app-spans", { app_spans: spans })
      assert.strictEqual(completed.body.DATA.tracing[0].span_id, "a")
      assert.deepInclude(yield* post("tracing-completion-by-external-app-spans", {}), { status: 400 })
      assert.strictEqual((yield* json("/v1/stats/querier/TracingAlgoParams")).body.DATA.max_iteration, 16)
    }),
  )

  it.effect("Tempo's: by id in protobuf and JSON, search, tags", () =>
    Effect.gen(function* () {
      const protobuf = { headers: { accept: "application/protobuf" } }
      const one = yield* ask(`/api/traces/${name(1)}`, protobuf)
      const two = yield* ask(`/api/v2/traces/${name(1)}`, protobuf)
      assert.strictEqual(one.type, "application/protobuf")
      assert.isTrue(two.bytes.includes(one.bytes))
      assert.deepStrictEqual(
        one.bytes,
        (yield* ask(`/tempo/api/traces/${name(1).replace(/^0+/, "")}`, protobuf)).bytes,
      )
      assert.lengthOf((yield* json(`/api/traces/${name(1)}`)).body.batches, 2)
      assert.lengthOf((yield* json(`/api/v2/traces/${name(1)}`)).body.trace.resourceSpans, 2)
      assert.deepInclude(yield* json(`/api/v2/traces/${"a".repeat(32)}`), { status: 404 })
      const all = yield* json(`/api/search?${range}`)
      assert.deepStrictEqual(
        all.body.traces.map((trace: Json) => [trace.traceID, trace.rootServiceName, trace.durationMs]),
        [[name(1), "gateway", 9]],
      )
      const inner = yield* json(
        `/api/search?${range}&q=${encodeURIComponent('{resource.service.name="shop" && status=error}')}`,
      )
      assert.deepStrictEqual(
        inner.body.traces.map((trace: Json) => trace.rootTraceName),
        ["GET /items"],
      )
      const related = (q: string) => json(`/api/search?${range}&q=${encodeURIComponent(q)}`)
      const below = yield* related("{resource.service.name=`curl`} >> {status=error}")
      assert.deepStrictEqual(
        below.body.traces.map((trace: Json) => [trace.rootTraceName, trace.spanSet.matched]),
        [["GET /cart", 1]],
      )
      assert.strictEqual(below.body.traces[0].spanSet.spans[0].name, "GET /items")
      assert.deepStrictEqual(
        (yield* related("{status=error} >> {resource.service.name=`gateway`}")).body.traces,
        [],
      )
      const none = yield* json(`/api/search?${range}&minDuration=1s`)
      assert.deepStrictEqual(none.body.traces, [])
      assert.deepInclude(yield* json("/api/search?q=%7B%7D%20%7C%20rate()"), { status: 400 })
      assert.deepInclude(yield* json("/api/search?start=9&end=5"), { status: 400 })
      assert.include((yield* json("/api/search/tags")).body.tagNames, "service.name")
      assert.deepStrictEqual((yield* json("/api/v2/search/tags?scope=intrinsic")).body.scopes.length, 1)
      const values = yield* json(`/api/v2/search/tag/resource.service.name/values?${range}`)
      assert.sameMembers(
        values.body.tagValues.map(({ value }: Json) => value),
        ["curl", "gateway", "shop"],
      )
      const twice = encodeURIComponent(encodeURIComponent("span.http.route"))
      assert.sameMembers((yield* json(`/api/search/tag/${twice}/values?${range}`)).body.tagValues, [
        "/cart",
        "/items",
      ])
      assert.deepStrictEqual((yield* json("/api/search/tag/span.unknown/values")).body.tagValues, [])
      assert.strictEqual((yield* ask("/api/echo")).bytes.toString(), "echo")
    }),
  )

  it.effect("Jaeger's: v1 and v3, in either spelling", () =>
    Effect.gen(function* () {
      const times = `start=${second - 5}000000&end=${second + 5}000000`
      const found = yield* json(`/jaeger/api/traces?service=shop&${times}&limit=5`)
      assert.lengthOf(found.body.data, 1)
      const [trace] = found.body.data
      assert.strictEqual(trace.traceID, name(1))
      assert.deepStrictEqual(
        trace.spans.map((span: Json) => span.references.map(({ spanID }: Json) => spanID)),
        [[], [trace.spans[0].spanID], [trace.spans[1].spanID]],
      )
      assert.deepStrictEqual(
        Object.values(trace.processes).map((process: Json) => process.serviceName),
        ["curl", "gateway"],
      )
      assert.deepStrictEqual((yield* json(`/jaeger/api/traces/${name(2)}`)).body.data[0].traceID, name(1))
      for (const query of ["operation=GET%20%2Fitems", 'tags={"error":"true"}', "minDuration=1ms"])
        assert.lengthOf((yield* json(`/api/traces?service=shop&${times}&${query}`)).body.data, 1)
      assert.lengthOf((yield* json(`/api/traces?service=shop&${times}&minDuration=1m`)).body.data, 0)
      const bad = yield* json(`/api/traces?service=shop&tags=5`)
      assert.deepStrictEqual([bad.status, bad.body.errors[0].code], [400, 400])
      const iso = (us: number) => encodeURIComponent(new Date(second * 1_000 + us).toISOString())
      for (const [service, min, max] of [
        ["serviceName", "startTimeMin", "startTimeMax"],
        ["service_name", "start_time_min", "start_time_max"],
      ]) {
        const { body } = yield* json(
          `/api/v3/traces?query.${service}=shop&query.${min}=${iso(-5_000)}&query.${max}=${iso(5_000)}`,
        )
        assert.lengthOf(body.result.resourceSpans, 2)
      }
      assert.lengthOf((yield* json(`/jaeger/api/v3/traces/${name(3)}`)).body.result.resourceSpans, 2)
      assert.deepStrictEqual(yield* json("/api/v3/traces/abc"), {
        status: 404,
        body: { error: { httpCode: 404, message: "No traces found" } },
      })
      const links = yield* json(`/jaeger/api/dependencies?endTs=${second + 5}000&lookback=10000`)
      assert.deepStrictEqual(links.body.data, [
        { parent: "curl", child: "gateway", callCount: 1 },
        { parent: "gateway", child: "shop", callCount: 1 },
      ])
      assert.deepStrictEqual((yield* json("/api/v3/services")).body, { services: [] })
      assert.deepInclude(yield* json("/api/operations"), { status: 400 })
    }),
  )
})
