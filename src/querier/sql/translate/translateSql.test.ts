import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { readOnlyGuard } from "../readOnlyGuard.ts"
import { translateSql } from "./translateSql.ts"

const translate = (sql: string) => translateSql(sql, { database: "flow_log" })

const sqlOf = (sql: string): string => {
  const result = translate(sql)
  if (!result.ok) throw new Error(`${sql}: ${result.message}`)
  return result.sql
}

const messageOf = (sql: string): string => {
  const result = translate(sql)
  return result.ok ? `no failure: ${result.sql}` : result.message
}

const dict = (name: string, id: string) => `dictGet('flow_tag.resource_map', '${name}', toUInt64(${id}))`
const label = (key: string, id: string) =>
  `dictGet('flow_tag.custom_tag_map', 'value', (toUInt64(${dict("tag_set_id", id)}), '${key}'))`
const where = (condition: string) =>
  sqlOf(`SELECT 1 FROM l7_flow_log WHERE ${condition}`).split(" WHERE ").slice(1).join(" WHERE ")
const resources = (test: string) => `(SELECT id FROM flow_tag.resource WHERE ${test})`
const tags = (test: string) => `(SELECT id FROM flow_tag.custom_tag WHERE ${test})`

const passed = [
  "SELECT count()   FROM flow_log.l7_flow_log -- all of them\n;",
  "select time, endpoint from l7_flow_log where server_port = 80 group by 1, 2",
  "SELECT * FROM flow_log.l7_flow_log",
  "SHOW TABLES FROM flow_log",
  "DESCRIBE TABLE flow_log.l7_flow_log",
  "SELECT pod_0 FROM elsewhere",
  "SELECT 'pod_0' FROM l7_flow_log",
  "SELECT name FROM system.columns WHERE table = 'l7_flow_log'",
  "SELECT count() FROM l7_flow_log FORMAT CSV",
  "SELECT 'unfinished FROM l7_flow_log",
  "not SQL at all",
  "",
]

const filters: ReadonlyArray<readonly [asked: string, made: string]> = [
  ["pod_0 = 'x'", `resource_id_0 IN ${resources("pod = 'x'")}`],
  ["'x' = pod_0", `resource_id_0 IN ${resources("pod = 'x'")}`],
  ["pod_0 != 'x'", `resource_id_0 NOT IN ${resources("pod = 'x'")}`],
  ["pod_0 = ''", `resource_id_0 NOT IN ${resources("pod != ''")}`],
  ["pod_0 IN ('a', 'b')", `resource_id_0 IN ${resources("pod IN ('a', 'b')")}`],
  ["pod_0 NOT IN ('a', '')", `resource_id_0 IN ${resources("pod NOT IN ('a', '')")}`],
  ["pod_0 LIKE 'a%'", `resource_id_0 IN ${resources("pod LIKE 'a%'")}`],
  ["pod_0 LIKE '%'", `resource_id_0 NOT IN ${resources("pod NOT LIKE '%'")}`],
  ["pod_0 NOT ILIKE 'a%'", `resource_id_0 NOT IN ${resources("pod ILIKE 'a%'")}`],
  ["pod_0 REGEXP '^a'", `resource_id_0 IN ${resources("match(pod, '^a')")}`],
  ["match(pod_0, 'a*')", `resource_id_0 NOT IN ${resources("not(match(pod, 'a*'))")}`],
  ["match(pod_0, '(?i)a')", `match(${dict("pod", "resource_id_0")}, '(?i)a')`],
  ["exist(pod_0)", `resource_id_0 IN ${resources("pod != ''")}`],
  ["pod_id_0 = 7", `resource_id_0 IN ${resources("pod_id = 7")}`],
  ["pod_id_0 < 7", `resource_id_0 NOT IN ${resources("pod_id >= 7")}`],
  ["vpc_id_1 BETWEEN 2 AND 4", `resource_id_1 IN ${resources("l3_epc_id BETWEEN 2 AND 4")}`],
  ["lb_1 = 'x'", `resource_id_1 IN ${resources("l3_device_type = 15 AND l3_device = 'x'")}`],
  [
    "k8s.label.app_1 = 'x'",
    `resource_id_1 IN ${resources(`tag_set_id IN ${tags("key = 'k8s.label.app' AND value = 'x'")}`)}`,
  ],
  [
    "k8s.label.app.kubernetes.io/name_1 != 'x'",
    `resource_id_1 NOT IN ${resources(`tag_set_id IN ${tags("key = 'k8s.label.app.kubernetes.io/name' AND value = 'x'")}`)}`,
  ],
  [
    "exist(cloud.tag.team_0)",
    `resource_id_0 IN ${resources(`tag_set_id IN ${tags("key = 'cloud.tag.team'")}`)}`,
  ],
  [
    "attribute.http.user_agent = 'curl'",
    "(has(attribute_names, 'http.user_agent') AND attribute_values[indexOf(attribute_names, 'http.user_agent')] = 'curl')",
  ],
  ["auto_service_1 = 'cart'", `resource_id_1 IN ${resources("auto_service = 'cart'")}`],
  [
    "auto_service_1 = '10.0.0.1:80'",
    `(resource_id_1 IN ${resources("auto_service = '10.0.0.1:80'")} OR resource_id_1 NOT IN ` +
      `${resources("auto_service != ''")} AND (is_ipv4 = 1 AND ip4_1 = toIPv4('10.0.0.1') AND server_port = 80))`,
  ],
  ["pod = 'x'", `(resource_id_0 IN ${resources("pod = 'x'")} OR resource_id_1 IN ${resources("pod = 'x'")})`],
  [
    "pod != 'x'",
    `(resource_id_0 NOT IN ${resources("pod = 'x'")} AND resource_id_1 NOT IN ${resources("pod = 'x'")})`,
  ],
  ["trace_id = '4bf92f3577b34da6a3ce929d0e0e4736'", "_trace_id = unhex('4bf92f3577b34da6a3ce929d0e0e4736')"],
  ["trace_id = 'none'", "_trace_id_text = 'none'"],
  ["trace_id != 'none'", "not(_trace_id_text = 'none')"],
  [
    "trace_id IN ('4bf92f3577b34da6a3ce929d0e0e4736', 'none')",
    "(_trace_id = unhex('4bf92f3577b34da6a3ce929d0e0e4736') OR _trace_id_text = 'none')",
  ],
  ["span_id = '00f067aa0ba902b7'", "_span_id = 67667974448284343"],
  ["parent_span_id IN ('00f067aa0ba902b7')", "_parent_span_id = 67667974448284343"],
  ["ip_0 = '10.0.0.0/8'", "(is_ipv4 = 1 AND ip4_0 BETWEEN toIPv4('10.0.0.0') AND toIPv4('10.255.255.255'))"],
  ["Enum(l7_protocol) != 'HTTP'", "l7_protocol != 20"],
  ["tap_side = 'c-p'", "observation_point = 'c-p'"],
  ["pod_0 = pod_1", `${dict("pod", "resource_id_0")} = ${dict("pod", "resource_id_1")}`],
  [
    "NOT (region = 'a' AND time > 5)",
    `NOT ((resource_id_0 IN ${resources("region = 'a'")} OR resource_id_1 IN ${resources("region = 'a'")}) AND time > 5)`,
  ],
]

const failures: ReadonlyArray<readonly [sql: string, message: RegExp]> = [
  ["SELECT pod_0 FROM l7_flow_log WHERE", /^line 1, column 36: expected an expression, found the end/],
  ["SELECT pod_0\nFROM l7_flow_log\nWHERE (a = 1", /^line 3, column 13: expected "\)", found the end/],
  [
    "SELECT pod_0 FROM l7_flow_log GROUP pod_0",
    /column 31: expected the end of the statement, found "GROUP"/,
  ],
  ["SELECT pod_0, count() FROM l7_flow_log FORMAT CSV", /expected the end of the statement, found "FORMAT"/],
  ["SELECT pod FROM l7_flow_log", /write pod_0 \(client\) or pod_1 \(server\)/],
  ["SELECT count() FROM l7_flow_log GROUP BY k8s.label.app", /write k8s\.label\.app_0/],
  ["SELECT pod_0, count() FROM l7_flow_log GROUP BY region_0", /pod_0 is neither in GROUP BY nor/],
  ["SELECT pood_0 FROM l7_flow_log", /no column or tag pood_0: did you mean pod_0\?/],
  ["SELECT pod_0 FROM l7_flow_log WHERE auto_servce_1 = 'x'", /did you mean auto_service_1\?/],
  ["SELECT k8s.lable.app_0 FROM l7_flow_log", /did you mean k8s\.label\.app_0\?/],
  ["SELECT atribute.x FROM l7_flow_log", /did you mean attribute\.x\?/],
  ["SELECT pod_0 FROM flow_metrics.`application.1s`", /about one side, so that tag is called pod there/],
  ["SELECT count() FROM l7_flow_log WHERE ip_0 = 'x'", /expected an address or a range/],
  ["SELECT count() FROM l7_flow_log WHERE Enum(l7_protocol) = 'HTPP'", /did you mean "HTTP"\?/],
  ["SELECT Enum(endpoint) FROM l7_flow_log", /expected a tag whose values have names/],
  ["SELECT exist(endpoint) FROM l7_flow_log", /expected the name of a tag/],
  ["SELECT pod_0 FROM l7_flow_log AS a, l7_flow_log AS b", /write a\.pod_0 or b\.pod_0/],
  ["SELECT a.pod_0 FROM l7_flow_log a JOIN l7_flow_log b USING (pod_0)", /USING/],
  [`SELECT \`k8s.label.${"x".repeat(10_000)}_0\` FROM l7_flow_log`, /at most 1024 characters/],
  [`SELECT pod_0 FROM l7_flow_log WHERE ${"(".repeat(5000)}`, /nests deeper than/],
  [`SELECT pod_0 FROM l7_flow_log WHERE 1${" AND 1".repeat(1001)}`, /more than 1000 operators/],
  [`SELECT pod_0 FROM l7_flow_log WHERE a${"[1]".repeat(1001)}`, /more than 1000 operators/],
]

describe("translateSql", () => {
  for (const sql of passed) {
    it(`passes as it is: ${JSON.stringify(sql)}`, () => {
      assert.deepStrictEqual(translate(sql), { ok: true, sql, isTranslated: false })
    })
  }

  for (const [asked, made] of filters) {
    it(`filters: ${asked}`, () => {
      assert.strictEqual(where(asked), made)
    })
  }

  for (const [sql, message] of failures) {
    it(`says what is wrong with: ${sql.slice(0, 80)}`, () => {
      assert.match(messageOf(sql), message)
    })
  }

  it("selects values under the names that were asked for", () => {
    assert.strictEqual(
      sqlOf("select pod_0, upper(region_1) , `k8s.label.a/b_0` as x from l7_flow_log limit 1"),
      `SELECT ${dict("pod", "resource_id_0")} AS \`pod_0\`, upper(${dict("region", "resource_id_1")}) AS \`upper(region_1)\`, ` +
        `${label("k8s.label.a/b", "resource_id_0")} AS x FROM l7_flow_log LIMIT 1`,
    )
  })

  it("groups by numbers and looks names up for groups", () => {
    assert.strictEqual(
      sqlOf(
        "SELECT pod_0, count() AS n FROM l7_flow_log WHERE k8s.label.app_1 = 'x' GROUP BY pod_0 ORDER BY n DESC LIMIT 10",
      ),
      `SELECT ${dict("pod", "max(resource_id_0)")} AS \`pod_0\`, count() AS n FROM l7_flow_log WHERE resource_id_1 IN ` +
        `${resources(`tag_set_id IN ${tags("key = 'k8s.label.app' AND value = 'x'")}`)} ` +
        `GROUP BY ${dict("pod_id", "resource_id_0")} ORDER BY n DESC LIMIT 10`,
    )
  })

  it("keeps rows and groups apart: aggregates, aliases, HAVING", () => {
    assert.strictEqual(
      sqlOf("SELECT pod_0 AS p, uniq(p) FROM l7_flow_log WHERE p != '' GROUP BY p HAVING p LIKE 'a%'"),
      `SELECT ${dict("pod", "max(resource_id_0)")} AS p, uniq(${dict("pod", "resource_id_0")}) AS \`uniq(p)\` FROM l7_flow_log ` +
        `WHERE resource_id_0 IN ${resources("pod != ''")} GROUP BY ${dict("pod_id", "resource_id_0")} ` +
        `HAVING ${dict("pod", "max(resource_id_0)")} LIKE 'a%'`,
    )
    assert.strictEqual(
      sqlOf("SELECT lower(pod_0) AS pod_0, count() FROM l7_flow_log GROUP BY pod_0"),
      `SELECT lower(${dict("pod", "resource_id_0")}) AS pod_0, count() FROM l7_flow_log GROUP BY pod_0`,
    )
  })

  it("takes the ending of a custom tag for the side where there are two", () => {
    assert.include(
      sqlOf("SELECT k8s.label.tier_1 FROM l7_flow_log"),
      label("k8s.label.tier", "resource_id_1"),
    )
    assert.include(
      sqlOf("SELECT k8s.label.tier_1_0 FROM l7_flow_log"),
      label("k8s.label.tier_1", "resource_id_0"),
    )
    assert.include(
      sqlOf("SELECT k8s.label.tier_1 FROM flow_metrics.`application.1m`"),
      label("k8s.label.tier_1", "resource_id"),
    )
  })

  it("qualifies columns where a bare name would mean an alias or another table", () => {
    assert.include(
      sqlOf(
        "SELECT any(server_port) AS server_port, auto_service_1 FROM l7_flow_log GROUP BY auto_service_1",
      ),
      "any(l7_flow_log.server_port)",
    )
    assert.include(sqlOf("SELECT b.pod_0 FROM l7_flow_log a, l7_flow_log b"), dict("pod", "b.resource_id_0"))
  })

  it("leaves what other queries name alone", () => {
    const inner = `SELECT ${dict("pod", "resource_id_0")} AS \`pod_0\` FROM l7_flow_log`
    assert.strictEqual(
      sqlOf("SELECT pod_0 FROM (SELECT pod_0 FROM l7_flow_log) WHERE pod_0 = 'x'"),
      `SELECT pod_0 FROM (${inner}) WHERE pod_0 = 'x'`,
    )
    assert.strictEqual(
      sqlOf("WITH l7_flow_log AS (SELECT 1 AS pod_0) SELECT pod_0 FROM l7_flow_log"),
      "WITH l7_flow_log AS (SELECT 1 AS pod_0) SELECT pod_0 FROM l7_flow_log",
    )
  })

  it("keeps the words before an explained query", () => {
    assert.strictEqual(
      sqlOf("EXPLAIN indexes = 1 SELECT region_0 FROM l7_flow_log"),
      `EXPLAIN indexes = 1 SELECT ${dict("region", "resource_id_0")} AS \`region_0\` FROM l7_flow_log`,
    )
  })

  it("writes hostile names and values as literals that the guard lets pass", () => {
    const hostile = fc.string({
      unit: fc.constantFrom("'", "\\", "`", '"', "\0", "a", ";", "-", "(", "\n", "é", "%"),
      maxLength: 12,
    })
    fc.assert(
      fc.property(hostile, hostile, (name, value) => {
        const quoted = `\`k8s.label.x${name.replaceAll("\\", "\\\\").replaceAll("`", "\\`")}_0\``
        const text = `'${value.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
        const sql = sqlOf(`SELECT ${quoted} FROM l7_flow_log WHERE ${quoted} = ${text}`)
        const verdict = readOnlyGuard(sql)
        assert.isTrue(verdict.allowed, sql)
      }),
      { numRuns: 500 },
    )
  })

  it("answers every heap of words with a statement or a failure, in time", () => {
    const words = fc.constantFrom(
      ..."select from where group by having order limit with as ( ) [ ] , . :: -> + - * / = != in not and or like between case when then else end interval day union all join on using array left l7_flow_log application.1s pod_0 pod k8s.label.app_0 attribute.x trace_id exist( Enum( count( x 'x' `q` 1 1.5 ? : ; is null cast( over( partition".split(
        " ",
      ),
    )
    fc.assert(
      fc.property(fc.array(words, { maxLength: 60 }), (all) => {
        const result = translate(`select ${all.join(" ")} from l7_flow_log`)
        assert.isString(result.ok ? result.sql : result.message)
        const other = translate(`select pod_0 from l7_flow_log where ${all.join(" ")}`)
        assert.isString(other.ok ? other.sql : other.message)
      }),
      { numRuns: 1500 },
    )
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
        translate(`select pod_0 from l7_flow_log where ${text}`)
      }),
      { numRuns: 1000 },
    )
  })

  it("takes statements as large as its limits", () => {
    const chain = `(pod = 'x' OR ${"auto_service = 'y' AND ".repeat(490)} 1)`
    assert.isTrue(translate(`SELECT count() FROM l7_flow_log WHERE ${chain}`).ok)
    const deep = `${"(".repeat(70)}1${" + pod_id_0)".repeat(70)}${" + 1".repeat(400)}`
    assert.isTrue(
      translate(`SELECT ${deep}, lower(pod_0) FROM l7_flow_log GROUP BY ${deep}, lower(pod_0)`).ok,
    )
    assert.isTrue(translate(`SELECT ${deep} FROM l7_flow_log`).ok)
  })

  it("does not let aliases of aliases grow without bound", () => {
    const steps = Array.from({ length: 40 }, (_, at) => `concat(a${at}, a${at}) AS a${at + 1}`)
    const sql = `SELECT concat(pod_0, 'x') AS a0, ${steps.join(", ")} FROM l7_flow_log WHERE a40 = 'x' GROUP BY pod_0`
    assert.match(messageOf(sql), /more than 500 expressions/)
  })
})
