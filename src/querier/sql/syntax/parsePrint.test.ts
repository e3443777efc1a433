// What is parsed and printed again is the same statement: the same words, and the same tree in the engine's own eyes.

import { assert, describe, it, layer } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as fc from "fast-check"
import { ClickHouse } from "../../../runtime/clickhouse/ClickHouse.ts"
import { testEngine } from "../../../runtime/clickhouse/testEngine.ts"
import type { Expression } from "./ast.ts"
import { tokensOf, unescape } from "./lexer.ts"
import { mapExpression } from "./mapExpression.ts"
import { parseStatement } from "./parseQuery.ts"
import { printQuery } from "./print.ts"
import { SqlProblem } from "./SqlProblem.ts"

const again = (sql: string): string => printQuery(parseStatement(sql))

/** Words, without those that printing adds or may leave out. */
const wordsOf = (sql: string): string =>
  tokensOf(sql)
    .filter(({ kind, word }) => kind !== "end" && word !== "AS" && word !== "ALL")
    .map(({ kind, text, word }) =>
      kind === "quotedName" || kind === "name" ? text.toUpperCase() : word || text,
    )
    .join(" ")

const statements = [
  "SELECT 1",
  'SELECT a, t.b, db.t.c, `q r`, "d" FROM db.t',
  "SELECT 1, -2, +3, 1.5e-3, 0x1F, .5, - -1, 'it''s \\' \\\\', '' FROM t",
  "SELECT NULL, true, FALSE, DATE '2020-01-01', x'ff' FROM t",
  "SELECT a AS x, b y, c `z` FROM t AS u",
  "SELECT DISTINCT a FROM t",
  "SELECT DISTINCT ON (a, b) c FROM t",
  "SELECT count(*), count(DISTINCT a), quantile(0.9)(b), quantiles(0.1, 0.9)(b), f() FROM t",
  "SELECT sumIf(a, b) FILTER (WHERE c) FROM t",
  "SELECT sum(a) OVER (PARTITION BY b, c ORDER BY d DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING) FROM t",
  "SELECT rank() OVER w FROM t WINDOW w AS (ORDER BY a)",
  "SELECT first_value(a) IGNORE NULLS OVER (ORDER BY b) FROM t",
  "SELECT CASE WHEN a THEN b ELSE c END, CASE a WHEN 1 THEN 2 END FROM t",
  "SELECT CAST(a AS Nullable(Decimal(10, 2))), CAST(a, 'String'), a::Array(String), '1'::Int8 FROM t",
  "SELECT EXTRACT(DAY FROM a), SUBSTRING(a FROM 1 FOR 2), trim(BOTH 'x' FROM a), position('a' IN b) FROM t",
  "SELECT now() - INTERVAL 1 DAY, now() + INTERVAL '1 hour', INTERVAL n * 2 MINUTE FROM t",
  "SELECT [1, 2], [], (1, 2), (1,), (), ((1)), a[1], a[1][2], t.1, (a, b).1, tuple(1, 2).2 FROM t",
  "SELECT arrayMap(x -> x + 1, a), arrayMap((x, y) -> x * y, a, b) FROM t",
  "SELECT a ? b : c, a || b, a % 2, a DIV 2, a MOD 2 FROM t",
  "SELECT * FROM t",
  "SELECT t.*, * EXCEPT (a, b), * EXCEPT a, * REPLACE (a + 1 AS a), * APPLY(sum) FROM t",
  "SELECT a FROM t WHERE a = 1 AND NOT b != 2 OR c <> 3 AND (d <= 4 OR e >= 5)",
  "SELECT a FROM t WHERE a LIKE 'x' AND b NOT LIKE 'x' AND c ILIKE 'x' AND d NOT ILIKE 'x' AND e REGEXP 'x'",
  "SELECT a FROM t WHERE a IN (1, 2) AND b NOT IN (SELECT c FROM u) AND d GLOBAL IN (1) AND (a, b) IN ((1, 2))",
  "SELECT a FROM t WHERE a BETWEEN 1 AND 2 + 3 AND b NOT BETWEEN 1 AND 2",
  "SELECT a FROM t WHERE a IS NULL AND b IS NOT NULL AND a IS DISTINCT FROM b AND c IS NOT TRUE",
  "SELECT a FROM t WHERE EXISTS(SELECT 1)",
  "SELECT a FROM t PREWHERE b WHERE c GROUP BY d, e HAVING f ORDER BY g, h DESC NULLS LAST LIMIT 1",
  "SELECT a FROM t GROUP BY a WITH ROLLUP WITH TOTALS",
  "SELECT a FROM t GROUP BY GROUPING SETS ((a, b), (a), ())",
  "SELECT a FROM t GROUP BY ROLLUP(a, b)",
  "SELECT a FROM t GROUP BY ALL ORDER BY ALL",
  "SELECT a FROM t ORDER BY a WITH FILL FROM 1 TO 5 STEP 2, b COLLATE 'en'",
  "SELECT a FROM t LIMIT 1, 2",
  "SELECT a FROM t LIMIT 1 OFFSET 2",
  "SELECT a FROM t ORDER BY a LIMIT 1 WITH TIES",
  "SELECT a FROM t LIMIT 2 BY a, b LIMIT 3",
  "SELECT a FROM t LIMIT 2 OFFSET 1 BY a",
  "SELECT a FROM t OFFSET 5",
  "SELECT a FROM t SETTINGS max_threads = 1, x = 'y'",
  "SELECT a FROM t FINAL",
  "SELECT a FROM t AS b FINAL SAMPLE 0.1 OFFSET 0.5",
  "SELECT a FROM t, u, (SELECT 1) AS v",
  "SELECT a FROM t LEFT JOIN u ON t.a = u.a INNER JOIN v USING (a, b)",
  "SELECT a FROM t GLOBAL ANY LEFT JOIN u ON t.a = u.a CROSS JOIN v",
  "SELECT a FROM t ASOF JOIN u USING (a)",
  "SELECT a FROM t ARRAY JOIN b AS c, d LEFT ARRAY JOIN e",
  "SELECT a FROM numbers(10) AS n",
  "SELECT a FROM (SELECT 1 AS a UNION ALL SELECT 2)",
  "WITH 1 AS x, y AS (SELECT 2) SELECT x FROM y",
  "WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT n FROM r",
  "(SELECT 1) UNION ALL (SELECT 2) UNION DISTINCT SELECT 3 EXCEPT SELECT 4 INTERSECT SELECT 5",
  "SELECT (SELECT 1), ((SELECT 2) + 1), ((SELECT 3))",
  "SELECT date, format, key, left(a, 1), if(a, b, c), interval, values FROM t",
  "SELECT k8s.label.app.kubernetes.io/name_0, t.attribute.http.x-y FROM t WHERE a /* c */ = 1 -- d",
]

describe("parse and print", () => {
  for (const sql of statements) {
    it(`prints again: ${sql}`, () => {
      const printed = again(sql)
      if (!sql.includes("attribute.")) assert.strictEqual(wordsOf(printed), wordsOf(sql))
      assert.strictEqual(again(printed), printed)
    })
  }

  it("puts FROM where it belongs and leaves comments and semicolons out", () => {
    assert.strictEqual(again("from t select a /* c */;"), "SELECT a FROM t")
  })

  it("reads escapes as the engine does", () => {
    assert.strictEqual(unescape("it''s \\'a\\' \\\\ \\n \\x41 \\d \\%", "'"), "it's 'a' \\ \n A \\d \\%")
  })

  it("says where it stopped and what it expected", () => {
    for (const [sql, at, message] of [
      ["SELECT", 6, /an expression/],
      ["SELECT a FROM", 13, /a table/],
      ["SELECT a FROM t WHERE a IN (1, 2", 32, /"\)"/],
      ["SELECT CASE a END", 14, /WHEN/],
      ["SELECT INTERVAL 1 FURLONG", 18, /a unit/],
      ["SELECT 12ab", 7, /neither a number nor a name/],
      ["SELECT a FROM t LEFT u", 16, /JOIN/],
      ["SELECT 'a", 7, /no end/],
    ] as const) {
      let caught: unknown
      try {
        again(sql)
      } catch (problem) {
        caught = problem
      }
      assert.instanceOf(caught, SqlProblem)
      assert.strictEqual(caught.at, at, sql)
      assert.match(caught.message, message)
    }
  })
})

const tried = (sql: string): string | undefined => {
  try {
    return again(sql)
  } catch (problem) {
    assert.instanceOf(problem, SqlProblem)
    return undefined
  }
}

/** A chain of these is one node with many children to the engine. */
const chains = new Set(["AND", "OR", "||"])

const inParens = (node: Expression): Expression => {
  const inner = mapExpression(
    node,
    (part) => {
      const grouped = inParens(part)
      const isChained = node.kind === "binary" && part.kind === "binary" && part.operator === node.operator
      return isChained && chains.has(node.operator) && grouped.kind === "paren" ? grouped.value : grouped
    },
    (query) => query,
  )
  const isGroup =
    /^(binary|unary|between|suffix|ternary)$/.test(node.kind) || (node.kind === "cast" && node.short)
  return isGroup ? { kind: "paren", value: inner, at: node.at } : inner
}

/** Every operator and what it takes in parentheses of its own, as this parser understands precedence. */
const withAllParens = (sql: string): string => {
  const query = parseStatement(sql)
  if (query.kind !== "select") return printQuery(query)
  const where = query.where === undefined ? {} : { where: inParens(query.where) }
  return printQuery({ ...query, items: query.items.map(inParens), ...where })
}

const { expression } = fc.letrec<{ expression: string; leaf: string }>((tie) => ({
  leaf: fc.constantFrom(
    "a",
    "b",
    "t.c",
    "1",
    "2.5",
    "'x'",
    "NULL",
    "'it\\'s'",
    "`d e`",
    "[1, 2]",
    "(a, 1)",
    "count()",
    "a[1]",
  ),
  expression: fc.oneof(
    { depthSize: "small", withCrossShrink: true },
    tie("leaf"),
    fc
      .tuple(
        tie("expression"),
        fc.constantFrom(
          "+",
          "-",
          "*",
          "/",
          "%",
          "=",
          "!=",
          "<",
          ">=",
          "||",
          "AND",
          "OR",
          "LIKE",
          "NOT LIKE",
          "IN",
          "NOT IN",
        ),
        tie("expression"),
      )
      .map(([left, operator, right]) => `${left} ${operator} ${right}`),
    tie("expression").map((each) => `(${each})`),
    tie("expression").map((each) => `NOT ${each}`),
    tie("expression").map((each) => `-${each}`),
    tie("expression").map((each) => `${each} IS NOT NULL`),
    tie("expression").map((each) => `${each}::String`),
    tie("expression").map((each) => `f(${each}, x -> ${each})`),
    fc.tuple(tie("expression"), tie("expression")).map(([low, high]) => `a BETWEEN ${low} AND ${high}`),
    fc
      .tuple(tie("expression"), tie("expression"))
      .map(([when, then]) => `CASE WHEN ${when} THEN ${then} END`),
    fc
      .tuple(tie("expression"), tie("expression"), tie("expression"))
      .map(([c, y, n]) => `(${c} ? ${y} : ${n})`),
  ),
}))

layer(testEngine, { timeout: "60 seconds" })("the engine's own parser", (it) => {
  it.effect(
    "sees the same tree in what was printed",
    () =>
      Effect.gen(function* () {
        const clickhouse = yield* ClickHouse
        const treeOf = (sql: string) => clickhouse.raw(`EXPLAIN AST ${sql}`, { format: "TSVRaw" })
        const made = fc.sample(expression, { numRuns: 400, seed: 3 }).map((each) => `SELECT ${each} FROM t`)
        let compared = 0
        for (const sql of [...statements.filter((each) => !each.includes("k8s.")), ...made]) {
          const tree = yield* Effect.option(treeOf(sql))
          // Not everything that was made up is SQL.
          if (tree._tag === "None") continue
          // The engine also takes `a IS NULL::String` for `(a IS NULL)::String`.
          const printed =
            sql.includes("NULL::String") || /END::|\b(NOT|BETWEEN) .*::/.test(sql) ? tried(sql) : again(sql)
          if (printed === undefined) continue
          compared++
          assert.strictEqual(yield* treeOf(printed), tree.value, `${sql}\n${printed}`)
          const grouped = withAllParens(sql)
          const seen = yield* Effect.orElseSucceed(treeOf(grouped), () => "not SQL")
          assert.strictEqual(seen, tree.value, `${sql}\n${grouped}`)
        }
        assert.isAbove(compared, 200)
      }),
    60_000,
  )
})
