import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { insertRequests, testEngine } from "../store/testEngine.ts"
import { answerSql, sqlResult } from "./sqlRoute.ts"
import { insertTaggedRows } from "./translate/taggedRows.ts"

const textOf = (response: HttpServerResponse.HttpServerResponse): string =>
  response.body._tag === "Uint8Array" ? new TextDecoder().decode(response.body.body) : ""

describe("sqlResult", () => {
  it("wraps rows without touching them", () => {
    const lines = `["a", "b\\n"]\n["UInt64", "String"]\n[18446744073709551615, "x\\ny"]\n[0, ""]\n`
    const text = sqlResult(lines, "id")
    assert.include(text, `"values":[[18446744073709551615, "x\\ny"],[0, ""]]`)
    assert.deepStrictEqual(JSON.parse(text).result.columns, ["a", "b\n"])
    assert.deepStrictEqual(JSON.parse(text).debug, { query_uuid: "id" })
  })

  it("takes an empty answer", () => {
    assert.deepStrictEqual(JSON.parse(sqlResult("", "id")).result, { columns: [], values: [], schemas: [] })
  })
})

layer(testEngine, { timeout: "60 seconds" })("SQL on a real engine", (it) => {
  const ask = (sql: string, db?: string, debug = false) =>
    Effect.map(answerSql({ sql, db, debug }), (response) => ({
      status: response.status,
      text: textOf(response),
    }))

  it.effect("answers with all digits, names and types", () =>
    Effect.gen(function* () {
      yield* insertRequests([{ _id: "18446744073709551615", time: 1_700_000_000, endpoint: '/a\n"b"' }])
      const { status, text } = yield* ask(
        "SELECT _id, endpoint, response_code FROM l7_flow_log -- all",
        "flow_log",
      )
      assert.strictEqual(status, 200)
      assert.include(text, `"values":[[18446744073709551615, `)
      const { result } = JSON.parse(text)
      assert.deepStrictEqual(result.columns, ["_id", "endpoint", "response_code"])
      assert.deepStrictEqual(result.values[0].slice(1), ['/a\n"b"', null])
      assert.deepStrictEqual(result.schemas[2].value_type, "Nullable(Int32)")
    }),
  )

  it.effect("lets the engine hold its limits and its read-only mode", () =>
    Effect.gen(function* () {
      for (const [sql, reason] of [
        ["SELECT 1 SETTINGS max_execution_time = 0", /readonly/],
        ["SELECT number FROM numbers(200000)", /Limit for result exceeded.*LIMIT/],
        ["SELECT groupArray(number), sum(number) FROM numbers(4000000000)", /memory/i],
        ["SELECT count() FROM numbers(100000000000)", /rows/],
        ["SELECT 1 FROM nowhere", /nowhere/],
        ["SELECT FROM WHERE", /Syntax error/],
        ["SELECT * FROM t, 'x'", /t/],
      ] as const) {
        const { status, text } = yield* ask(sql, "flow_log")
        assert.strictEqual(status, 400, sql)
        const { OPT_STATUS, DESCRIPTION } = JSON.parse(text)
        assert.strictEqual(OPT_STATUS, "INVALID_PARAMETERS")
        assert.match(DESCRIPTION, reason)
        assert.notInclude(DESCRIPTION, "\n")
      }
    }),
  )

  it.effect("runs what SHOW, DESCRIBE, EXISTS and EXPLAIN ask", () =>
    Effect.gen(function* () {
      for (const sql of [
        "SHOW TABLES FROM flow_log",
        "DESCRIBE TABLE flow_log.l7_flow_log",
        "EXISTS TABLE flow_log.l7_flow_log",
        "EXPLAIN SELECT count() FROM flow_log.l7_flow_log",
        "SELECT name FROM system.tables WHERE database = 'flow_log'",
        "(SELECT 1) UNION ALL (SELECT 2);",
      ]) {
        const { status, text } = yield* ask(sql)
        assert.strictEqual(status, 200, `${sql}: ${text}`)
        assert.isNotEmpty(JSON.parse(text).result.values)
      }
    }),
  )

  it.effect("answers by names of tags and tells, when asked, what it ran", () =>
    Effect.gen(function* () {
      yield* insertTaggedRows
      const sql =
        "SELECT pod_0, count() FROM l7_flow_log WHERE k8s.label.app_0 LIKE 'cart%' GROUP BY pod_0 ORDER BY pod_0"
      const { text } = yield* ask(sql, "flow_log", true)
      const { debug, result } = JSON.parse(text)
      assert.deepStrictEqual(result.columns, ["pod_0", "count()"])
      assert.deepStrictEqual(result.values, [
        ["cart-1-renamed", 20],
        ["cart-2", 10],
      ])
      assert.include(debug.sql, "FROM flow_tag.resource WHERE tag_set_id IN")
      assert.notProperty(JSON.parse((yield* ask(sql, "flow_log")).text).debug, "sql")
    }),
  )

  it.effect("says where a statement with tags is wrong, and guards what it becomes", () =>
    Effect.gen(function* () {
      for (const [sql, reason] of [
        ["SELECT pod FROM l7_flow_log", /^line 1, column 8: pod may be .* write pod_0/],
        ["SELECT pod_0 FROM l7_flow_log WHERE (", /^line 1, column 38: expected an expression/],
        ["SELECT pod_0, file('/etc/passwd') FROM l7_flow_log", /file\(\)/],
        ["SELECT pod_0 FROM l7_flow_log, url('http://x')", /url\(\)/],
        ["SELECT pod_0 FROM l7_flow_log UNION ALL SELECT name FROM system.users", /system\.users/],
      ] as const) {
        const { status, text } = yield* ask(sql, "flow_log")
        assert.strictEqual(status, 400)
        assert.match(JSON.parse(text).DESCRIPTION, reason)
      }
    }),
  )
})
