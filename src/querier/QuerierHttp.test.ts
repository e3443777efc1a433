import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as fc from "fast-check"
import { request } from "node:http"
import { AdminDoor, AdminRefused } from "./admin/AdminDoor.ts"
import { ConsoleSources } from "./ConsoleSources.ts"
import { askHttp, webTrust } from "../runtime/askHttp.ts"
import { LiveCredentials } from "../runtime/tls/LiveCredentials.ts"
import { testRegion } from "../runtime/tls/region.testing.ts"
import { webTls } from "../runtime/tls/webTls.ts"
import { QuerierHttp, type QuerierHttpOptions } from "./QuerierHttp.ts"
import type { Row } from "../runtime/clickhouse/ClickHouse.ts"
import { QueryStore, StoreError } from "./store/QueryStore.ts"

const options = { host: "127.0.0.1", port: 0, webDirectory: "/nonexistent/web", allowedHosts: [] }

const demo = (running: boolean) => Effect.succeed({ available: true, running, reason: "" })

const sources = Layer.succeed(ConsoleSources, {
  processes: Effect.succeed([]),
  status: Effect.succeed({
    version: "0.1.0",
    uptimeSeconds: 1,
    agents: [],
    storage: { mode: "embedded", rows: 0, bytes: 0, version: "26.7" },
  }),
  demo: demo(false),
  startDemo: demo(true),
  stopDemo: demo(false),
  health: Effect.succeed({ status: "down", parts: [] } as const),
  metricsText: Effect.succeed("sonde_up 1\n"),
})

const door = Layer.succeed(AdminDoor, {
  call: (name, payload, token) =>
    token === "secret"
      ? Effect.succeed({ name, payload })
      : Effect.fail(new AdminRefused({ reason: "forbidden", message: "no token", next: "make one" })),
})

type Store = Parameters<typeof QueryStore.of>[0]

const answering = (rows: ReadonlyArray<Row>, text = ""): Store => ({
  rows: () => Effect.succeed(rows),
  text: () => Effect.succeed(text),
})

const failing = (reason: StoreError["reason"]): Store => {
  const error = new StoreError({ reason, message: "connect ECONNREFUSED" })
  return { rows: () => Effect.fail(error), text: () => Effect.fail(error) }
}

interface Answer {
  readonly status: number
  readonly text: string
  readonly headers: Readonly<Record<string, unknown>>
}

/** node:http and not fetch: fetch sets Host and Origin itself. */
const ask = (
  path: string,
  asked: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: string } = {},
) =>
  Effect.flatMap(QuerierHttp, ({ port }) =>
    Effect.promise(
      () =>
        new Promise<Answer>((resolve, reject) => {
          const sent = request(
            {
              host: "127.0.0.1",
              port,
              path,
              method: asked.method ?? "GET",
              headers: asked.headers ?? {},
              agent: false,
            },
            (response) => {
              const chunks: Array<Buffer> = []
              response.on("data", (chunk: Buffer) => chunks.push(chunk))
              response.on("end", () =>
                resolve({
                  status: response.statusCode ?? 0,
                  text: Buffer.concat(chunks).toString(),
                  headers: response.headers,
                }),
              )
            },
          )
          sent.on("error", reject)
          sent.end(asked.body)
        }),
    ),
  )

const json = { "content-type": "application/json" }

const withStore =
  (store: Store) =>
  <A, E>(effect: Effect.Effect<A, E, QuerierHttp>) =>
    effect.pipe(
      Effect.provide(
        QuerierHttp.layer(options).pipe(Layer.provide([Layer.succeed(QueryStore, store), sources, door])),
      ),
    )

describe("QuerierHttp", () => {
  it.live("answers SQL in the shape of DeepFlow's querier with all digits of 64-bit integers", () =>
    Effect.gen(function* () {
      for (const [headers, body] of [
        [json, JSON.stringify({ db: "flow_log", sql: "select x, s from t" })],
        [{ "content-type": "application/x-www-form-urlencoded" }, "db=flow_log&sql=select+x%2C+s+from+t"],
      ] as const) {
        const { status, text } = yield* ask("/v1/query/", { method: "POST", headers, body })
        assert.strictEqual(status, 200)
        assert.include(
          text,
          `"OPT_STATUS":"SUCCESS","DESCRIPTION":"","result":{"columns":["x","s"],"values":[[18446744073709551615,"a"]],`,
        )
        assert.deepInclude(JSON.parse(text).result.schemas[0], { value_type: "UInt64" })
      }
      assert.strictEqual((yield* ask("/v1/query?sql=select+1")).status, 200)
    }).pipe(withStore(answering([], `["x","s"]\n["UInt64","String"]\n[18446744073709551615,"a"]\n`))),
  )

  it.live("refuses SQL that may not run, and bodies that are none", () =>
    Effect.gen(function* () {
      const post = (body: string) => ask("/v1/query/", { method: "POST", headers: json, body })
      for (const body of [
        `{"sql":"drop table t"}`,
        `{"sql":"select 1","db":"system"}`,
        `{"sql":1}`,
        `{"sql":`,
        `null`,
        "",
        JSON.stringify({ sql: "x".repeat(2_000_000) }),
      ]) {
        const { status, text } = yield* post(body)
        assert.strictEqual(status, 400, body.slice(0, 50))
        const answer = JSON.parse(text)
        assert.strictEqual(answer.OPT_STATUS, "INVALID_PARAMETERS")
        assert.isNotEmpty(answer.DESCRIPTION)
      }
    }).pipe(withStore(answering([]))),
  )

  it.live("answers 503, 408 or 400 with the next step when the store cannot", () =>
    Effect.gen(function* () {
      const map = yield* ask("/api/v1/map")
      assert.strictEqual(map.status, 503)
      const { error } = JSON.parse(map.text)
      assert.strictEqual(error.code, "store_unavailable")
      assert.include(error.message, "ECONNREFUSED")
      assert.isNotEmpty(error.next)
      const sql = yield* ask("/v1/query?sql=select+1")
      assert.strictEqual(sql.status, 503)
      assert.strictEqual(JSON.parse(sql.text).OPT_STATUS, "SERVER_ERROR")
    }).pipe(withStore(failing("unavailable"))),
  )

  it.live("tells a slow question from a wrong one", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask("/api/v1/requests")).status, 408)
      assert.strictEqual((yield* ask("/v1/query?sql=select+1")).status, 408)
    }).pipe(withStore(failing("timeout"))),
  )

  it.live("names what is wrong with a parameter", () =>
    Effect.gen(function* () {
      for (const [path, key] of [
        ["/api/v1/map?protocol=gopher", "protocol"],
        ["/api/v1/requests?limit=0", "limit"],
        ["/api/v1/requests?limit=1001", "limit"],
        ["/api/v1/requests?after=18446744073709551616", "after"],
        ["/api/v1/requests?status=bad", "status"],
        ["/api/v1/requests?point=x", "point"],
        ["/api/v1/requests/abc", "id"],
        ["/api/v1/requests/histogram?last=x", "last"],
        ["/api/v1/services/a/metrics?to=1", "to"],
      ]) {
        const { status, text } = yield* ask(path)
        assert.strictEqual(status, 400, path)
        assert.match(JSON.parse(text).error.message, new RegExp(`^${key}: ".*" is not `))
      }
    }).pipe(withStore(answering([]))),
  )

  it.live("answers any query string with what was asked or what is wrong", () =>
    Effect.gen(function* () {
      const keys = fc.constantFrom(
        "from",
        "to",
        "last",
        "limit",
        "before",
        "after",
        "q",
        "service",
        "status",
        "minUs",
      )
      const values = fc.oneof(
        fc.string({ unit: "binary" }),
        fc.integer().map(String),
        fc.constantFrom("-1", "1e9", "ok"),
      )
      const paths = fc.constantFrom(
        "/api/v1/map",
        "/api/v1/requests",
        "/api/v1/requests/histogram",
        "/api/v1/services/a/metrics",
      )
      const asked = fc.sample(fc.tuple(paths, fc.array(fc.tuple(keys, values), { maxLength: 4 })), 300)
      for (const [path, pairs] of asked) {
        const query = pairs
          .map(([key, value]) => `${key}=${encodeURIComponent(value.toWellFormed())}`)
          .join("&")
        const { status } = yield* ask(`${path}?${query}`)
        assert.include([200, 400], status, query)
      }
    }).pipe(withStore(answering([]))),
  )

  it.live("serves what other components know", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(JSON.parse((yield* ask("/api/v1/processes")).text), { processes: [] })
      assert.strictEqual(JSON.parse((yield* ask("/api/v1/status")).text).version, "0.1.0")
      assert.strictEqual(JSON.parse((yield* ask("/api/v1/demo")).text).running, false)
      const start = yield* ask("/api/v1/demo", { method: "POST", headers: json, body: `{"action":"start"}` })
      assert.strictEqual(JSON.parse(start.text).running, true)
      assert.strictEqual(
        (yield* ask("/api/v1/demo", { method: "POST", headers: json, body: "{}" })).status,
        400,
      )
      assert.strictEqual((yield* ask("/healthz")).status, 503)
      assert.strictEqual((yield* ask("/metrics")).text, "sonde_up 1\n")
    }).pipe(withStore(answering([]))),
  )

  it.live("answers unknown endpoints in JSON and unknown pages with the console", () =>
    Effect.gen(function* () {
      for (const path of ["/api/v1/nothing", "/v1/", "/api"]) {
        const { status, text } = yield* ask(path)
        assert.strictEqual(status, 404, path)
        assert.strictEqual(JSON.parse(text).error.code, "no_such_endpoint")
      }
      assert.strictEqual((yield* ask("/api/v1/map", { method: "DELETE" })).status, 404)
      assert.include((yield* ask("/some/page")).text, "npm run build:web")
    }).pipe(withStore(answering([]))),
  )

  it.live("guards against rebound names and foreign pages", () =>
    Effect.gen(function* () {
      assert.strictEqual((yield* ask("/api/v1/status", { headers: { host: "evil.example" } })).status, 403)
      assert.strictEqual((yield* ask("/", { headers: { host: "evil.example" } })).status, 403)
      const forged = { ...json, origin: "http://evil.example" }
      const post = { method: "POST", headers: forged, body: `{"action":"start"}` }
      assert.strictEqual((yield* ask("/api/v1/demo", post)).status, 403)
    }).pipe(withStore(answering([]))),
  )

  it.live("refuses more requests at once than it can hold, and recovers", () => {
    let release = (): void => {}
    const held = new Promise<ReadonlyArray<Row>>((resolve) => {
      release = () => resolve([])
    })
    return Effect.gen(function* () {
      const waiting = yield* Effect.forkChild(
        Effect.all(
          Array.from({ length: 100 }, () => ask("/api/v1/requests")),
          { concurrency: "unbounded" },
        ),
      )
      while ((yield* ask("/api/v1/status")).status !== 503) yield* Effect.sleep("10 millis")
      release()
      const statuses = (yield* Fiber.join(waiting)).map(({ status }) => status)
      assert.include(statuses, 503)
      assert.include(statuses, 200)
      assert.strictEqual((yield* ask("/api/v1/requests")).status, 200)
    }).pipe(withStore({ rows: () => Effect.promise(() => held), text: () => Effect.succeed("") }))
  })

  it.live("passes administration on, with the token, and says why not", () =>
    Effect.gen(function* () {
      const call = (headers: Record<string, string>, body: string) =>
        ask("/api/v1/admin/Servers", { method: "POST", headers: { ...json, ...headers }, body })
      const refused = yield* call({}, "{}")
      assert.strictEqual(refused.status, 403)
      assert.deepStrictEqual(JSON.parse(refused.text).error, {
        code: "forbidden",
        message: "no token",
        next: "make one",
      })
      const taken = yield* call({ authorization: "Bearer secret" }, `{"a":1}`)
      assert.deepStrictEqual(JSON.parse(taken.text), { name: "Servers", payload: { a: 1 } })
      assert.strictEqual((yield* call({ authorization: "Bearer secret" }, "{")).status, 400)
    }).pipe(withStore(answering([]))),
  )

  it.live("says who has its port", () =>
    Effect.gen(function* () {
      const { port } = yield* QuerierHttp
      const error = yield* Effect.flip(
        Effect.provide(QuerierHttp, QuerierHttp.layer({ ...options, port })).pipe(
          Effect.provide([Layer.succeed(QueryStore, answering([])), sources, door]),
        ),
      )
      assert.match(
        error.message,
        new RegExp(
          `^127\\.0\\.0\\.1:${port} is taken by pid ${process.pid} \\(.+\\): choose another with --http PORT$`,
        ),
      )
    }).pipe(withStore(answering([]))),
  )

  it.live("speaks TLS where it is given some, and refuses to be reached by others without", () =>
    Effect.gen(function* () {
      const served = (changes: Partial<QuerierHttpOptions>) =>
        QuerierHttp.layer({ ...options, ...changes }).pipe(
          Layer.provide([Layer.succeed(QueryStore, answering([])), sources, door]),
        )
      const refused = yield* Effect.flip(Effect.scoped(Layer.build(served({ host: "0.0.0.0" }))))
      assert.match(refused.message, /^0\.0\.0\.0 can be reached by others and there is no TLS/)
      const region = yield* testRegion()
      const live = new LiveCredentials(yield* region.credentials("server", "s1"))
      const context = yield* Layer.build(served({ host: "0.0.0.0", tls: webTls(live) }))
      const { port, url } = Context.get(context, QuerierHttp)
      assert.strictEqual(url, `https://0.0.0.0:${port}/`)
      const tls = webTrust(region.authority.certificate)
      const get = (scheme: string) =>
        Effect.tryPromise((signal) =>
          askHttp(`${scheme}://127.0.0.1:${port}/metrics`, { tls, bytesMost: 1_000_000, signal }),
        )
      assert.include((yield* get("https")).text, "sonde_up 1")
      yield* Effect.flip(get("http"))
    }).pipe(Effect.scoped),
  )
})
