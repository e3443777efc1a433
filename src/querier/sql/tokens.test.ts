import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { type Token, tokenize } from "./tokens.ts"

const tokensOf = (sql: string): ReadonlyArray<Token> => {
  const cut = tokenize(sql)
  if (!cut.ok) throw new Error(cut.problem)
  return cut.tokens
}

const values = (sql: string) => tokensOf(sql).map((token) => `${token.kind} ${token.value}`)

const problemOf = (sql: string): string => {
  const cut = tokenize(sql)
  return cut.ok ? "" : cut.problem
}

describe("tokenize", () => {
  it("tells names, quoted names, texts, numbers and symbols apart", () => {
    assert.deepStrictEqual(values("select a.`b c`, 'it''s \\' x', 1.5e3, \"q\" from t--c\n/* d */;"), [
      "name select",
      "name a",
      "symbol .",
      "quotedName b c",
      "symbol ,",
      "text 'it''s \\' x'",
      "symbol ,",
      "number 1.5e3",
      "symbol ,",
      "quotedName q",
      "name from",
      "name t",
      "symbol ;",
    ])
  })

  it("does not take the contents of texts and comments for code", () => {
    assert.deepStrictEqual(values("select '-- file(1)' -- file(2)\n, '/*' /* file(3) ' */"), [
      "name select",
      "text '-- file(1)'",
      "symbol ,",
      "text '/*'",
    ])
  })

  it("refuses what it might read otherwise than ClickHouse does", () => {
    assert.match(problemOf("select 'a"), /no end/)
    assert.match(problemOf("select `a"), /no end/)
    assert.match(problemOf("select 'a\\'"), /no end/)
    assert.match(problemOf("select /* /* */ ' */ 1 -- '"), /holds another/)
    assert.match(problemOf("select /* a"), /no end/)
    assert.match(problemOf("select `\\x66ile`('x')"), /backslash/)
    assert.match(problemOf("select `a``b`"), /quote/)
    assert.match(problemOf("select $$a$$"), /outside of a text/)
    assert.match(problemOf("select \u2018a\u2019"), /outside of a text/)
    assert.match(problemOf("select 1 # comment"), /outside of a text/)
    assert.match(problemOf("select 1.file('x')"), /neither a number nor a name/)
    assert.match(problemOf("select 12abc"), /neither a number nor a name/)
  })

  it("covers the statement in order and never throws, whatever the text", () => {
    const pieces = fc.constantFrom(
      "'",
      '"',
      "`",
      "--",
      "/*",
      "*/",
      "\\",
      "\n",
      " ",
      "a",
      "1",
      ".",
      "(",
      ";",
      "é",
      "$",
    )
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(pieces).map((all) => all.join("")),
        ),
        (sql) => {
          const cut = tokenize(sql)
          if (!cut.ok) return
          let at = 0
          for (const token of cut.tokens) {
            assert.isAtLeast(token.start, at)
            assert.isAbove(token.end, token.start)
            at = token.end
          }
          assert.isAtMost(at, sql.length)
        },
      ),
      { numRuns: 2000 },
    )
  })
})
