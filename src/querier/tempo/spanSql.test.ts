// Expressions of TraceQL asked of real rows: which of them they find.

import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { insertRequests, testEngine } from "../store/testEngine.ts"
import { tracesOf } from "../trace/list/traceList.ts"
import { searchFilter } from "./searchFilter.ts"

const second = 1_790_000_000
const range = { fromUs: second * 1e6, toUs: (second + 60) * 1e6 }

type Stored = Parameters<typeof insertRequests>[0][number]

const row = (n: number, name: string, more: Stored) => ({
  _id: String((BigInt(second) << 32n) + BigInt(n)),
  time: second + n,
  start_time: (second + n) * 1e6,
  end_time: (second + n) * 1e6 + n * 1_000,
  observation_point: "c-p",
  trace_id: `trace ${n}`,
  endpoint: name,
  auto_service_1: "shop",
  response_status: 0,
  ...more,
})

const rows = [
  row(1, "/orders", { request_type: "GET", response_code: 200 } as never),
  row(2, "/orders", { request_type: "POST", response_code: 503, response_status: 3 } as never),
  row(3, "/items", { request_type: "GET", response_code: 404, response_status: 4 } as never),
  row(4, "k", { request_type: "SET", l7_protocol: 80, auto_service_1: "cache" } as never),
  row(5, "work", {
    observation_point: "app",
    span_kind: 1,
    app_service: "biller",
    auto_service_1: "",
    attribute_names: ["user.id", "size"],
    attribute_values: ["seven", "12"],
  } as never),
]

const found = (q: string) =>
  Effect.gen(function* () {
    const { filter } = yield* searchFilter(new URLSearchParams({ q }), range)
    const { traces } = yield* tracesOf(filter, {
      limit: 20,
      order: "newest",
      before: undefined,
      after: undefined,
    })
    return traces.map(({ traceId }) => Number(traceId.slice(6))).toSorted()
  })

layer(testEngine, { timeout: 60_000 })("spans that TraceQL asks for", (it) => {
  it.effect("are those that it describes", () =>
    Effect.gen(function* () {
      yield* insertRequests(rows)
      const expected: ReadonlyArray<readonly [string, ReadonlyArray<number>]> = [
        ["{ status = error || duration >= 5ms }", [2, 3, 5]],
        ["{ (name = `GET /orders` || name = `POST /orders`) && status != error }", [1]],
        ["{ name =~ `GET /.*` }", [1, 3]],
        ["{ name =~ `/orders` }", []],
        ["{ name !~ `.*/orders` && kind = client }", [3, 4]],
        ["{ resource.service.name = `biller` } || { resource.service.name =~ `ca.he` }", [4, 5]],
        ["{ !(resource.service.name = `shop`) }", [4, 5]],
        ["{ span.http.response.status_code >= 500 || span.http.status_code = 200 }", [1, 2]],
        ["{ span.user.id = `seven` && kind = internal }", [5]],
        ["{ span.user.id != `eight` || false }", [5]],
        ["{ span.size > 11 }", [5]],
        ["{ span.size > 12 || span.none != `x` }", []],
        ["{ network.protocol.name = `redis` || duration = 1ms }", [1, 4]],
        ["{ name = `'; DROP TABLE x` || name = `{q0:String}` }", []],
      ]
      for (const [q, ids] of expected) assert.deepStrictEqual(yield* found(q), ids, q)
    }),
  )

  it.effect("are as well those of a service as the program calls it", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* found("{ resource.service.name = `biller` }"), [5])
    }),
  )
})
