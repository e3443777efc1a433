// Translated statements on a real engine: they run, and they answer what the same statement over plain columns answers.

import { assert, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { ClickHouse } from "../../../runtime/clickhouse/ClickHouse.ts"
import { testEngine } from "../../store/testEngine.ts"
import { textLiteral } from "../syntax/print.ts"
import { isAggregate } from "./aggregateFunctions.ts"
import { insertTaggedRows, testTraceId } from "./taggedRows.ts"
import { translateSql } from "./translateSql.ts"

const translated = (sql: string): string => {
  const result = translateSql(sql, { database: "flow_log" })
  if (!result.ok) throw new Error(`${sql}: ${result.message}`)
  return result.sql
}

const run = (sql: string) => Effect.flatMap(ClickHouse, (clickhouse) => clickhouse.query(sql))
const ask = (sql: string) => run(translated(sql))
const values = (sql: string) => Effect.map(ask(sql), (rows) => rows.map((row) => Object.values(row)))

const from = "FROM flow_log.l7_flow_log"
const real = `${from} WHERE _id < 100`

layer(testEngine, { timeout: "120 seconds" })("translated SQL on a real engine", (it) => {
  it.effect("stores the rows of the tests", () => insertTaggedRows)

  it.effect("selects names, numbers and custom tags of both sides", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* ask(
          `SELECT pod_0, pod_id_0, region_1, router_1, k8s.label.app_0, k8s.label.tier_1_0, attribute.q, tap_side,
             \`k8s.label.app.kubernetes.io/pod-name_1\` ${from} WHERE _id IN (16, 33, 93) ORDER BY _id`,
        ),
        [
          {
            pod_0: "cart-1",
            pod_id_0: 11,
            region_1: "us",
            router_1: "edge",
            "k8s.label.app_0": "cart",
            "k8s.label.tier_1_0": "front",
            "attribute.q": "",
            tap_side: "c-p",
            "k8s.label.app.kubernetes.io/pod-name_1": "",
          },
          {
            pod_0: "cart-1-renamed",
            pod_id_0: 11,
            region_1: "eu",
            router_1: "",
            "k8s.label.app_0": "cart-next",
            "k8s.label.tier_1_0": "",
            "attribute.q": "1",
            tap_side: "s-p",
            "k8s.label.app.kubernetes.io/pod-name_1": "x",
          },
          {
            pod_0: "",
            pod_id_0: 0,
            region_1: "eu",
            router_1: "",
            "k8s.label.app_0": "",
            "k8s.label.tier_1_0": "",
            "attribute.q": "1",
            tap_side: "s-p",
            "k8s.label.app.kubernetes.io/pod-name_1": "x",
          },
        ],
      )
    }),
  )

  it.effect("has the address stand for services without a name, as the tables' own columns do", () =>
    Effect.gen(function* () {
      for (const [table, names] of [
        [
          "flow_log.l7_flow_log",
          ["auto_service_0", "auto_service_1", "auto_instance_0", "auto_instance_1", "ip_0", "ip_1"],
        ],
        ["flow_metrics.`application.1s`", ["auto_service", "auto_instance", "ip", "pod", "l3_epc_id"]],
      ] as const) {
        const sql = `SELECT ${names.join(", ")} FROM ${table} ORDER BY ALL`
        const mine = yield* ask(sql)
        assert.isAbove(mine.length, 10)
        assert.deepStrictEqual(mine, yield* run(sql))
      }
    }),
  )

  it.effect("groups by number and names each group by its newest version", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(
        yield* values(
          `SELECT pod_0, pod_ns_0, count() AS n, uniq(pod_0) ${real} GROUP BY pod_0, pod_ns_0 ORDER BY pod_id_0`,
        ),
        [
          ["", "", "60", "1"],
          ["cart-1-renamed", "shop", "20", "2"],
          ["cart-2", "shop", "10", "1"],
          ["cart-1", "it's \\ `odd`", "10", "1"],
        ],
      )
      // A service and a workload of one name are two groups, as are two addresses.
      const services = yield* values(
        `SELECT auto_service_0 AS s, count() ${real} AND is_ipv4 = 1 GROUP BY s ORDER BY s, 2`,
      )
      assert.deepStrictEqual(
        services.map(([name]) => name),
        ["10.0.0.0", "10.0.0.1", "10.0.0.2", "cart-svc", "cart-svc", "edge", "web-1"],
      )
      assert.deepStrictEqual(
        yield* values(
          `SELECT auto_service, sum(request) FROM flow_metrics.\`application.1s\` GROUP BY 1 ORDER BY 1, 2 LIMIT 4`,
        ),
        // Of a subnet, and of the Internet.
        [
          ["10.0.0.7", "9"],
          ["10.0.0.7", "19"],
          ["10.0.0.7:80", "9"],
          ["10.0.0.7:80", "19"],
        ],
      )
    }),
  )

  it.effect("answers what the engine answers over names, whatever is grouped", () =>
    Effect.gen(function* () {
      const groupings = [
        "region_1",
        "pod_ns_0, region_1",
        "router_0",
        "ip_1",
        "k8s.label.app_1",
        "attribute.q",
      ]
      for (const keys of [...groupings, "region_0, observation_point", "lower(pod_0)", "pod_group_type_0"]) {
        const mine = yield* values(
          `SELECT ${keys}, count() AS n, max(response_duration) ${real} GROUP BY ${keys} ORDER BY ALL`,
        )
        const plain = yield* values(
          `SELECT ${keys}, count() AS n, max(response_duration) ${real} GROUP BY ALL ORDER BY ALL`,
        )
        assert.deepStrictEqual(mine, plain, keys)
      }
    }),
  )

  it.effect("runs every place a tag may stand in", () =>
    Effect.gen(function* () {
      for (const sql of [
        `SELECT DISTINCT pod_ns_0 ${from}`,
        `SELECT pod_0 AS p, concat(p, '/', pod_ns_0) AS full, count() ${from} GROUP BY p, full HAVING p != '' ORDER BY full DESC LIMIT 3`,
        `SELECT pod_0, count() ${from} GROUP BY pod_0 WITH TOTALS`,
        `SELECT pod_0, region_1, count() ${from} GROUP BY ROLLUP(pod_0, region_1)`,
        `SELECT pod_0, count() ${from} GROUP BY GROUPING SETS ((pod_0), ())`,
        `SELECT pod_0, count() ${from} GROUP BY ALL`,
        `SELECT pod_0, count() ${from} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 2`,
        `SELECT pod_0, sum(count()) OVER (PARTITION BY pod_ns_0) ${from} GROUP BY pod_0, pod_ns_0`,
        `SELECT pod_0, row_number() OVER (PARTITION BY pod_0 ORDER BY time) AS n ${from} QUALIFY n = 1`,
        `SELECT pod_0, time ${from} ORDER BY time LIMIT 1 BY pod_0`,
        `SELECT toStartOfMinute(time) AS minute, auto_service_1, quantile(0.9)(response_duration) ${from} GROUP BY minute, auto_service_1 ORDER BY minute WITH FILL STEP 60`,
        `SELECT any(server_port) AS server_port, auto_service_1 ${from} GROUP BY auto_service_1`,
        `SELECT countIf(pod = 'x' OR pod_0 = 'y') FROM (SELECT pod_0, pod_1, pod_0 AS pod ${from})`,
        `SELECT a.pod_0, b.region_1, count() FROM flow_log.l7_flow_log AS a JOIN flow_log.l7_flow_log AS b ON a.pod_0 = b.pod_1 WHERE a.region_0 = 'eu' GROUP BY a.pod_0, b.region_1`,
        `SELECT l.pod_0, s.region_1 FROM flow_log.l7_flow_log AS l LEFT JOIN (SELECT region_1, pod_0 AS p ${from} LIMIT 5) AS s ON l.pod_0 = s.p`,
        `WITH busy AS (SELECT pod_0, count() AS n ${from} GROUP BY pod_0) SELECT pod_0, n FROM busy ORDER BY n`,
        `WITH pod_0 AS p SELECT p, count() ${from} WHERE p != '' GROUP BY p`,
        `SELECT count() ${from} WHERE pod_0 IN (SELECT pod_1 ${from} WHERE region_1 = 'eu')`,
        `SELECT pod_0 ${from} WHERE pod_0 != '' UNION ALL SELECT pod_1 ${from} LIMIT 3`,
        `SELECT n, pod_0 ${from} ARRAY JOIN attribute_names AS n WHERE pod_0 = 'cart-1' LIMIT 1`,
        `SELECT arrayMap(pod_0 -> pod_0 + 1, [1, 2]), pod_0 ${from} LIMIT 1`,
        `SELECT toString(pod_id_0), Enum(auto_service_type_0), Enum(observation_point), Enum(tap_side) ${from} LIMIT 1`,
        `SELECT Enum(l7_protocol) AS p, count() ${from} WHERE Enum(l7_protocol) IN ('HTTP', 'Redis') GROUP BY p`,
        `SELECT count() ${from} PREWHERE pod_0 = 'cart-1' WHERE exist(k8s.label.app_1) AND exist(region_0) AND exist(attribute.q)`,
        `SELECT k8s.label.app_0, groupArray(pod_1) ${from} GROUP BY k8s.label.app_0 ORDER BY k8s.label.app_0`,
        `SELECT CASE WHEN pod_0 = 'cart-1' THEN 'a' WHEN region_0 LIKE 'e%' THEN pod_1 ELSE '' END AS c, count() ${from} GROUP BY c`,
        `SELECT \`application.1s\`.pod, pod_ns FROM flow_metrics.\`application.1s\` LIMIT 1`,
        `SELECT k8s.label.app_0 FROM (SELECT k8s.label.app_0 ${from} LIMIT 1)`,
        `EXPLAIN indexes = 1 SELECT pod_0 ${from} WHERE region = 'eu'`,
      ]) {
        const rows = yield* ask(sql).pipe(
          Effect.mapError((error) => new Error(`${sql}\n${translated(sql)}\n${error.message}`)),
        )
        assert.isNotEmpty(rows, sql)
      }
    }),
  )

  it.effect("finds traces by the index of their bytes", () =>
    Effect.gen(function* () {
      const sql = `SELECT _id ${from} WHERE trace_id`
      assert.deepStrictEqual(yield* values(`${sql} = '${testTraceId}'`), [["200"]])
      assert.deepStrictEqual(yield* values(`${sql} IN ('${testTraceId}', 'not hex', 'x') ORDER BY 1`), [
        ["200"],
        ["201"],
      ])
      assert.lengthOf(yield* values(`${sql} != '${testTraceId}'`), 101)
      assert.deepStrictEqual(
        yield* values(`SELECT _id, span_id ${from} WHERE span_id = '00f067aa0ba902b7'`),
        [["5", "00f067aa0ba902b7"]],
      )
      const plan = yield* values(`EXPLAIN indexes = 1 ${sql} = '${testTraceId}'`)
      assert.include(JSON.stringify(plan), "_trace_id_idx")
    }),
  )

  it.effect("looks names up after the rows of the answer are chosen", () =>
    Effect.gen(function* () {
      const plan = yield* values(
        `EXPLAIN actions = 1 SELECT pod_0, count() AS n ${from} GROUP BY pod_0 ORDER BY n DESC LIMIT 3`,
      )
      const lines = plan.map(([line]) => String(line))
      const lookUp = lines.findIndex((line) => line.includes("dictGet") && line.includes("'pod'"))
      const sorting = lines.findIndex((line) => line.includes("Sorting"))
      // A plan reads from its end to its start.
      assert.isTrue(lookUp >= 0 && lookUp < sorting, lines.join("\n"))
    }),
  )

  it.effect("holds every aggregate function of the engine for one", () =>
    Effect.gen(function* () {
      const rows = yield* run("SELECT name FROM system.functions WHERE is_aggregate")
      const names = rows.map((row) => String(row.name))
      assert.isAbove(names.length, 100)
      const window =
        /^(lead|lag|lagInFrame|leadInFrame|nth_value|ntile|row_number|cume_dist|(percent|dense)?_?rank)$/i
      assert.deepStrictEqual(
        names.filter((name) => !isAggregate(name) && !window.test(name)),
        [],
      )
      const plain = yield* run("SELECT name FROM system.functions WHERE NOT is_aggregate")
      const wrong = plain.map((row) => String(row.name)).filter((name) => isAggregate(name))
      assert.deepStrictEqual(wrong, [])
    }),
  )

  const text = fc.constantFrom(
    "",
    "cart-1",
    "cart-svc",
    "eu",
    "edge",
    "web-1",
    "cart",
    "it's \\ `odd`",
    "it's \\",
    "10.0.0.1",
    "10.0.1.1:80",
    "10.0.1.1:81",
    "fe80::1",
    "[fe80::1]:81",
    "curl",
    "1",
    "nothing",
  )
  const pattern = fc.constantFrom("%", "", "cart%", "%-1", "10.%", "%:80", "e_", "[%")
  const regexp = fc.constantFrom(
    "",
    "^$",
    "cart",
    "^c.*1$",
    "(?i)CART",
    "a|",
    "\\d+$",
    "[0-9]{1,3}\\.",
    "^(eu|us)?$",
  )
  const quoted = (value: string) => textLiteral(value)
  const textTest = fc.oneof(
    fc.tuple(fc.constantFrom("=", "!=", "<", ">=", "<>", ">"), text).map(
      ([op, v]) =>
        (tag: string) =>
          `${tag} ${op} ${quoted(v)}`,
    ),
    text.map((v) => (tag: string) => `${quoted(v)} = ${tag}`),
    fc.tuple(fc.constantFrom("IN", "NOT IN"), fc.array(text, { minLength: 1, maxLength: 3 })).map(
      ([op, all]) =>
        (tag: string) =>
          `${tag} ${op} (${all.map(quoted).join(", ")})`,
    ),
    fc.tuple(fc.constantFrom("LIKE", "NOT LIKE", "ILIKE", "NOT ILIKE"), pattern).map(
      ([op, v]) =>
        (tag: string) =>
          `${tag} ${op} ${quoted(v)}`,
    ),
    regexp.map((v) => (tag: string) => `match(${tag}, ${quoted(v)})`),
    text.map((v) => (tag: string) => `startsWith(${tag}, ${quoted(v)})`),
    fc.constantFrom("empty", "notEmpty").map((name) => (tag: string) => `${name}(${tag})`),
    fc.tuple(text, text).map(
      ([a, b]) =>
        (tag: string) =>
          `${tag} BETWEEN ${quoted(a)} AND ${quoted(b)}`,
    ),
    fc.tuple(text, text).map(
      ([a, b]) =>
        (tag: string) =>
          `${tag} NOT BETWEEN ${quoted(a)} AND ${quoted(b)}`,
    ),
  )
  const number = fc.constantFrom(0, 1, 5, 9, 11, 130)
  const numberTest = fc.oneof(
    fc.tuple(fc.constantFrom("=", "!=", "<", ">=", ">"), number).map(
      ([op, v]) =>
        (tag: string) =>
          `${tag} ${op} ${v}`,
    ),
    fc.tuple(fc.constantFrom("IN", "NOT IN"), fc.array(number, { minLength: 1, maxLength: 3 })).map(
      ([op, all]) =>
        (tag: string) =>
          `${tag} ${op} (${all.join(", ")})`,
    ),
    fc.tuple(number, number).map(
      ([a, b]) =>
        (tag: string) =>
          `${tag} BETWEEN ${a} AND ${b}`,
    ),
  )
  const inQuotes = (name: string) => `\`${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}\``
  const custom = [
    "k8s.label.app",
    "k8s.label.empty",
    "k8s.label.tier_1",
    "cloud.tag.team",
    "k8s.label.o'dd\\ `q`",
    "k8s.label.none",
  ]
  const names = ["pod", "region", "pod_ns", "auto_service", "auto_instance", "chost", "router"]
  const tests = fc.oneof(
    fc.tuple(fc.constantFrom(...names, ...custom.map(inQuotes)), textTest),
    fc.tuple(fc.constantFrom("pod_id", "router_id", "pod_group_type", "auto_service_id"), numberTest),
  )

  /** The value itself, as a column of a subquery: nothing is left to translate outside. */
  const columns = (bases: ReadonlyArray<string>) =>
    bases
      .flatMap((base) =>
        ["_0", "_1"].map((side) => (base.endsWith("`") ? `${base.slice(0, -1)}${side}\`` : `${base}${side}`)),
      )
      .map((name, index) => `${name} AS v${index}`)
      .join(", ")
  const idsOf = (sql: string) => Effect.map(values(sql), (rows) => rows.map(([id]) => id))

  it.effect(
    "filters as the engine does over the values, on one side and on either",
    () =>
      Effect.gen(function* () {
        const samples = fc.sample(tests, { numRuns: 150, seed: 7 })
        for (const [base, test] of samples) {
          const sided = (side: string) =>
            base.endsWith("`") ? `${base.slice(0, -1)}${side}\`` : `${base}${side}`
          const plain = (condition: string) =>
            idsOf(`SELECT _id FROM (SELECT _id, ${columns([base])} ${from}) WHERE ${condition} ORDER BY _id`)
          const client = test(sided("_0"))
          assert.deepStrictEqual(
            yield* idsOf(`SELECT _id ${from} WHERE ${client} ORDER BY _id`),
            yield* plain(test("v0")),
            `${client}\n${translated(`SELECT _id ${from} WHERE ${client} ORDER BY _id`)}`,
          )
          const negative = / (!=|<>|NOT \w+) /.test(client) || client.startsWith("notEmpty")
          // A label whose own name ends like a side has no form without one.
          if (base === "`k8s.label.tier_1`") continue
          assert.deepStrictEqual(
            yield* idsOf(`SELECT _id ${from} WHERE NOT (${test(base)}) ORDER BY _id`),
            yield* plain(`NOT ((${test("v0")}) ${negative ? "AND" : "OR"} (${test("v1")}))`),
            test(base),
          )
        }
      }),
    120_000,
  )

  it.effect(
    "filters fields of rows as the engine does over the values",
    () =>
      Effect.gen(function* () {
        for (const test of fc.sample(textTest, { numRuns: 60, seed: 11 })) {
          for (const field of ["attribute.http.user_agent", "attribute.q", "attribute.none"]) {
            assert.deepStrictEqual(
              yield* idsOf(`SELECT _id ${from} WHERE ${test(field)} ORDER BY _id`),
              yield* idsOf(
                `SELECT _id FROM (SELECT _id, ${field} AS v ${from}) WHERE ${test("v")} ORDER BY _id`,
              ),
              test(field),
            )
          }
        }
      }),
    120_000,
  )

  it.effect("keeps its own names apart from the statement's", () =>
    Effect.gen(function* () {
      const where = `${from} WHERE pod_0 = 'cart-1' AND k8s.label.app_0 = 'cart'`
      const count = yield* values(`SELECT count() ${where}`)
      assert.notDeepEqual(count, [["0"]])
      for (const sql of [
        `WITH 'x' AS pod, 5 AS id, 'y' AS key, 'z' AS value, 7 AS tag_set_id SELECT count() ${where} AND id = 5`,
        `SELECT count() ${where} SETTINGS prefer_column_name_to_alias = 1`,
      ]) {
        assert.deepStrictEqual(yield* values(sql), count, sql)
      }
      const aliased = yield* values(
        `SELECT 1 AS id, 'x' AS pod, 'k' AS key, 'v' AS value, server_port AS resource_id_0 ${where}`,
      )
      assert.strictEqual(String(aliased.length), count[0]![0])
    }),
  )

  it.effect("compares addresses as numbers", () =>
    Effect.gen(function* () {
      const count = (condition: string) =>
        Effect.map(values(`SELECT count() ${real} AND ${condition}`), (rows) => Number(rows[0]![0]))
      assert.strictEqual(yield* count("ip_0 = '10.0.0.1'"), yield* count("ip4_0 = toIPv4('10.0.0.1')"))
      assert.strictEqual(
        yield* count("ip_0 IN ('10.0.0.0/31', 'fe80::/16')"),
        yield* count("(is_ipv4 = 0 OR ip4_0 < toIPv4('10.0.0.2'))"),
      )
      assert.strictEqual(yield* count("ip_1 != 'fe80::1'"), yield* count("ip6_1 != toIPv6('fe80::1')"))
      assert.strictEqual(yield* count("ip = '10.0.1.1'"), yield* count("is_ipv4 = 1"))
      assert.strictEqual(yield* count("ip_0 LIKE '10.%'"), yield* count("is_ipv4 = 1"))
    }),
  )
})
