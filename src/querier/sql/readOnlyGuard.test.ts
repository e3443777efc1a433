import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { readOnlyGuard } from "./readOnlyGuard.ts"

const reasonOf = (sql: string): string => {
  const verdict = readOnlyGuard(sql)
  return verdict.allowed ? "" : verdict.reason
}

const allowed = [
  "select count() from flow_log.l7_flow_log where time > now() - 60",
  "SELECT `request_resource`, quantile(0.95)(response_duration) FROM flow_log.`l7_flow_log` GROUP BY 1",
  "with a as (select 1) select * from a",
  "(select 1) union all (select 2)",
  "select * from numbers(10)",
  "select * from (select 1) as x join zeros(3) using dummy",
  "select 'file(1)', 'system.users' -- url('x')",
  "select format('{} {}', a, b) as format from t",
  "select file, url, remote from t",
  "select count() as `req/s` from flow_log.l7_flow_log",
  "select name from system.columns where database = 'flow_log'",
  "select system from t",
  "select `k8s.label.app.kubernetes.io/name_0` from (select 1)",
  "show tables from flow_log",
  "show create table flow_log.l7_flow_log",
  "describe table flow_log.l7_flow_log",
  "explain select 1",
  "exists table flow_log.l7_flow_log",
]

const refused: ReadonlyArray<readonly [sql: string, reason: RegExp]> = [
  ["", /no statement/],
  [";;", /no statement/],
  ["insert into t values (1)", /only SELECT/],
  ["drop table t", /only SELECT/],
  ["kill query where 1", /only SELECT/],
  ["backup database flow_log to File('/x')", /only SELECT/],
  ["set readonly = 0", /only SELECT/],
  ["`select` 1", /only SELECT/],
  ["select 1; select 2", /one statement/],
  ["select file('/etc/passwd')", /file\(\)/],
  ["select FILE ('/etc/passwd')", /file\(\)/],
  ["select `file`('/etc/passwd')", /file\(\)/],
  ["select * from \"url\"('http://x')", /url\(\)/],
  ["select * from url/* */('http://x')", /url\(\)/],
  ["select * from url--\n('http://x')", /url\(\)/],
  ["select * from t, remote('h', 'd', 't')", /remote\(\)/],
  ["select * from icebergS3Cluster('x')", /icebergs3cluster\(\)/],
  ["select * from s3Cluster('x')", /s3cluster\(\)/],
  ["select aiGenerate('x')", /aigenerate\(\)/],
  ["select getClientHTTPHeader('x')", /getclienthttpheader\(\)/],
  ["select * from merge('system', 'users')", /merge\(\)/],
  ["select * from eval('select 1')", /eval\(\)/],
  ["select sleep(3)", /sleep\(\)/],
  ["select * from somethingNew('x')", /table function somethingnew/],
  ["select * from system.users", /system\.users/],
  ["select * from SYSTEM . `named_collections`", /system\.named_collections/],
  ["select * from `system`.processes", /system\.processes/],
  ["select * from `system.users`", /system\./],
  ["select * from `/etc/passwd`", /slash/],
  ["select * from `k8s.label.a/../../etc/passwd`", /slash/],
  ["select * from default.x", /default/],
  ["select * from '/etc/passwd'", /text cannot stand/],
  ["select 1 into outfile '/tmp/x'", /OUTFILE/],
  ["select 1 format CSV", /FORMAT/],
  ["select 1 format CSV settings max_threads = 1", /FORMAT/],
  ["select 1 parallel with drop table t", /PARALLEL/],
  ["show grants", /SHOW GRANTS/],
  ["show create user default", /SHOW CREATE/],
  ["show processlist", /SHOW PROCESSLIST/],
]

describe("readOnlyGuard", () => {
  for (const sql of allowed) {
    it(`lets through: ${sql}`, () => {
      assert.strictEqual(reasonOf(sql), "")
    })
  }

  for (const [sql, reason] of refused) {
    it(`refuses: ${JSON.stringify(sql)}`, () => {
      assert.match(reasonOf(sql), reason)
    })
  }

  it("passes the statement on without what surrounds it", () => {
    assert.deepStrictEqual(readOnlyGuard("  /* a */ select 1 ; ; -- b"), { allowed: true, sql: "select 1" })
  })

  it("refuses file() in whatever spaces, comments and case it is written", () => {
    const gap = fc
      .array(fc.constantFrom(" ", "\n", "\t", "/* ' */", "-- `\n", "\u00a0"))
      .map((all) => all.join(""))
    const name = fc.mixedCase(fc.constant("file"))
    fc.assert(
      fc.property(gap, gap, name, fc.constantFrom("", "`", '"'), (before, between, word, quote) => {
        assert.match(
          reasonOf(`select 'x',${before}${quote}${word}${quote}${between}('/etc/passwd')`),
          /file\(\)/,
        )
      }),
    )
  })

  it("decides every text without throwing", () => {
    const words = fc.constantFrom(
      "select",
      "from",
      "system",
      ".",
      "(",
      ")",
      "'",
      "`",
      "file",
      ";",
      "format",
      "as",
      ",",
      "1",
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words).map((all) => all.join(" ")),
        ),
        (sql) => {
          const verdict = readOnlyGuard(sql)
          if (verdict.allowed) assert.include(sql, verdict.sql)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
