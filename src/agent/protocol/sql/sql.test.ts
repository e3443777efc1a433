import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { emptyMessage, RecordType } from "../../../model/L7Session.ts"
import { mysqlDialect, oracleDialect, postgresqlDialect } from "./dialect.ts"
import { maskQuoted } from "./quotedValues.ts"
import { maxStatement, SqlReader } from "./SqlReader.ts"
import { StatementCache } from "./StatementCache.ts"

const read = (sql: string, masks = true, dialect = mysqlDialect) => {
  const reader = new SqlReader(dialect, masks)
  const bytes = Buffer.from(`<${sql}>`)
  reader.read(bytes, 1, bytes.length - 1)
  return reader
}
const masked = (sql: string, dialect = mysqlDialect) => read(sql, true, dialect).text
const endpoint = (sql: string, dialect = mysqlDialect) => read(sql, true, dialect).endpoint
const traceOf = (sql: string) => {
  const message = emptyMessage(RecordType.request, 0, 0, 0)
  read(sql).readTrace(message)
  return [message.traceId, message.spanId]
}

const traceId = "0af7651916cd43dd8448eb211c80319c"
const spanId = "b7ad6b7169203331"

describe("masking", () => {
  it("knows Oracle's other quotes", () => {
    expect(masked("select q'[it's]', Nq'!don't!', q'x', 'y' from t", oracleDialect)).toBe("select ?, ?, ?")
    expect(masked("update t set a = q'{it's}' where q = 'z'", oracleDialect)).toBe(
      "update t set a = ? where q = ?",
    )
    expect(masked("select q'[it'", oracleDialect)).toBe("select ?")
  })

  it("still finds tables behind a column that is called password", () => {
    expect(endpoint("select password from users", oracleDialect)).toBe("SELECT users")
  })

  it("hides Oracle's passwords, which need no quotes, in any case", () => {
    for (const masks of [true, false]) {
      const text = (sql: string) => read(sql, masks, oracleDialect).text
      expect(text("ALTER USER jane IDENTIFIED BY hunter2 REPLACE hunter1 ACCOUNT UNLOCK")).toBe(
        "ALTER USER jane IDENTIFIED BY ? REPLACE ? ACCOUNT UNLOCK",
      )
      expect(text('create user jane identified by "hun ter" quota unlimited on users')).toBe(
        "create user jane identified by ? quota unlimited on users",
      )
    }
  })

  it("replaces literals and nothing else", () => {
    expect(masked("SELECT * FROM t1 WHERE a='x' AND b = 12 AND c IN (1, -2.5e-3, 0x1F)")).toBe(
      "SELECT * FROM t1 WHERE a=? AND b = ? AND c IN (?, -?, ?)",
    )
    expect(masked("select `a1`, @@version, t2.c3 from t2 limit 10")).toBe(
      "select `a1`, @@version, t2.c3 from t2 limit ?",
    )
    expect(masked(`INSERT INTO t VALUES ('it''s', "say \\"x\\"", N'n', X'00ff', _utf8'q', NULL, TRUE)`)).toBe(
      "INSERT INTO t VALUES (?, ?, ?, ?, _utf8?, NULL, TRUE)",
    )
    expect(masked("select 'a\\'b', c")).toBe("select ?, c")
    expect(masked('select "a" from t', postgresqlDialect)).toBe('select "a" from t')
    expect(masked("select $1, $2::int, E'a\\'b', $$it's$$, $x$ $y$ $x$, 'c\\'", postgresqlDialect)).toBe(
      "select $1, $2::int, ?, ?, ?, ?",
    )
    expect(masked("select ä, 'ö' from tä")).toBe("select ä, ? from tä")
  })

  it("masks a literal that was cut off, and leaves out comments but for hints", () => {
    expect(masked("select 'never ends")).toBe("select ?")
    expect(masked("/* who */ select /*+ HINT(x) */ 1 -- why\n+ 2 # end")).toBe(
      "select /*+ HINT(x) */ ? \n+ ?",
    )
    expect(masked("select 1 --2")).toBe("select ? --?")
    expect(masked("/* never ends 'x'")).toBe("")
  })

  it("keeps all on request, except for credentials", () => {
    expect(read(" select 'x', 1 /* c */ ", false).text).toBe(" select 'x', 1 /* c */ ")
    expect(read("create user u identified by 'secret'", false).text).toBe("create user u identified by ?")
    expect(read("ALTER ROLE r WITH PASSWORD 'secret'", false, postgresqlDialect).text).toBe(
      "ALTER ROLE r WITH PASSWORD ?",
    )
  })

  it("is bounded, at a character's end", () => {
    const reader = read(`select ${"ä".repeat(maxStatement)}`)
    expect(Buffer.byteLength(reader.text)).toBeLessThanOrEqual(maxStatement)
    expect(reader.text).not.toContain("\ufffd")
  })

  it("lets no literal through, and never fails", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.constantFrom(
            "'",
            '"',
            "`",
            "\\",
            "$",
            "$$",
            "--",
            "/*",
            "*/",
            "#",
            "\n",
            " ",
            "a",
            "7",
            "(",
            ")",
            "FROM",
            "SELECT",
            ".",
            "\xff",
          ),
          { maxLength: 60 },
        ),
        (tokens) => {
          const bytes = Buffer.from(tokens.join(""), "latin1")
          for (const dialect of [mysqlDialect, postgresqlDialect]) {
            const reader = new SqlReader(dialect, true)
            reader.read(bytes, 0, bytes.length)
            expect(reader.text.length).toBeLessThanOrEqual(bytes.length)
            const whole = new SqlReader(dialect, false)
            whole.read(bytes, 0, bytes.length)
            expect(whole.text).toBe(bytes.toString("utf8"))
          }
        },
      ),
    )
    fc.assert(
      fc.property(fc.string({ unit: "binary-ascii" }), (value) => {
        expect(masked(`select '${value.replaceAll("\\", "\\\\").replaceAll("'", "''")}', t`)).toBe(
          "select ?, t",
        )
      }),
    )
  })
})

describe("endpoints", () => {
  it.each([
    ["SELECT * FROM `controller`", "SELECT controller"],
    ["select extract(year from x) from a.b c", "SELECT a.b"],
    ["select (select max(x) from inner_t) from outer_t", "SELECT inner_t"],
    ["select * from (select 1 from t) x", "SELECT t"],
    ["with x as (select * from t where a > 1) select * from x", "WITH t"],
    ["delete from test_table  where id=1", "DELETE test_table"],
    ["update low_priority test_table set age=1000", "UPDATE test_table"],
    ["insert ignore into `db`.`t` values (1)", "INSERT db.t"],
    ["create table if not exists `test_table_2`( `id` int)", "CREATE test_table_2"],
    ["create unique index i on t (a)", "CREATE t"],
    ["drop table test_table_2", "DROP test_table_2"],
    ["truncate table x", "TRUNCATE x"],
    ["show databases", "SHOW"],
    ["(select 1 from t) union (select 2 from u)", "SELECT t"],
    ["commit", "COMMIT"],
    ["hello there from t", ""],
    ["", ""],
  ])("%s", (sql, expected) => {
    expect(endpoint(sql)).toBe(expected)
  })

  it("of PostgreSQL", () => {
    expect(endpoint('SELECT * FROM ONLY "My Table" WHERE a', postgresqlDialect)).toBe("SELECT My Table")
    expect(endpoint("COPY t (a) FROM STDIN", postgresqlDialect)).toBe("COPY t")
  })
})

describe("trace identity in comments", () => {
  it("of sqlcommenter, before, in and behind the statement", () => {
    const parent = `00-${traceId}-${spanId}-01`
    for (const sql of [
      `SELECT 1 /*action='%2Fa',traceparent='${parent}',tracestate='x%3D1'*/`,
      `/* traceparent: ${parent} */ SELECT 1`,
      `SELECT 1 -- traceparent=${parent}\n+ 2`,
      `# TRACEPARENT: ${parent}\nSELECT 1`,
    ]) {
      expect(traceOf(sql), sql).toEqual([traceId, spanId])
    }
    expect(traceOf(`SELECT 1 /*uber-trace-id='${traceId}%3A${spanId}%3A0%3A1'*/`)).toEqual([traceId, spanId])
  })

  it("of a bare id, where nothing better is said", () => {
    expect(traceOf("# TraceID: abc-1\nselect 1")).toEqual(["abc-1", ""])
    expect(traceOf(`/* trace_id=abc, traceparent='00-${traceId}-${spanId}-01' */ select 1`)).toEqual([
      traceId,
      spanId,
    ])
    expect(traceOf("/* hello: world */ select 'traceid=1' /* traceid= a b */")).toEqual(["", ""])
    expect(traceOf("select '/* traceid=1 */'")).toEqual(["", ""])
  })
})

describe("prepared statements", () => {
  it("are bounded in number and in text", () => {
    const cache = new StatementCache()
    for (let i = 0; i < 1000; i++) cache.set(i, { text: "x".repeat(100), endpoint: "" })
    expect(cache.size).toBe(256)
    expect(cache.get(999)?.text).toHaveLength(100)
    expect(cache.get(0)).toBeUndefined()
    for (let i = 0; i < 100; i++) cache.set(`${i}`, { text: "x".repeat(4000), endpoint: "" })
    expect(cache.characters).toBeLessThanOrEqual(65_536)
    cache.clear()
    expect([cache.size, cache.characters]).toEqual([0, 0])
  })
})

describe("values in error texts", () => {
  it("are masked", () => {
    expect(maskQuoted("Duplicate entry 'O'Brien' for key 'users.name'", "'")).toBe(
      "Duplicate entry '?' for key 'users.name'",
    )
    expect(maskQuoted("near 'x' at line 1", "'")).toBe("near '?' at line 1")
    expect(maskQuoted("near 'x", "'")).toBe("near '?")
    expect(maskQuoted("no quote", "'")).toBe("no quote")
  })
})
