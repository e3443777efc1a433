// A reader that has seen many statements finds in each what a new reader finds.

import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import {
  clickHouseDialect,
  cqlDialect,
  mysqlDialect,
  oracleDialect,
  postgresqlDialect,
  type SqlDialect,
} from "./dialect.ts"
import { SqlReader } from "./SqlReader.ts"

const dialects = [mysqlDialect, postgresqlDialect, clickHouseDialect, cqlDialect, oracleDialect]

const literal = fc.constantFrom(
  ...[
    "1",
    "42",
    "0x1F",
    "1e-5",
    "2.5",
    "''",
    "'a'",
    "'it''s'",
    "'a\\'b'",
    '"x"',
    "'?'",
    "'open",
    '"open',
    "1abc",
  ],
  ...["E'a'", "N'b'", "$$c$$", "$t$d$t$", "q'[e]'", "?", "$1", "''''", "'--'", "'/*'", "\0", "'\0'"],
)
const piece = fc.constantFrom(
  ...[
    "SELECT ",
    "select",
    " FROM ",
    " users",
    "`users`",
    '"users"',
    " WHERE id = ",
    "id=",
    ", ",
    "(",
    ")",
    " AND x",
  ],
  ...[
    "INSERT INTO t VALUES (",
    "UPDATE ",
    " SET a = ",
    "DELETE FROM ",
    " IN (",
    "x",
    "_",
    ".",
    "-",
    "--",
    "- -",
    "#",
  ],
  ...[
    "/",
    "/* c */",
    "/*! h */",
    "$",
    "$$",
    "`",
    " IDENTIFIED BY ",
    " PASSWORD ",
    " ",
    "\n",
    "USE ",
    "db",
    "e",
    "q",
  ],
)
const part = fc.oneof(
  { weight: 2, arbitrary: piece },
  { weight: 1, arbitrary: literal.map((text) => ({ text })) },
)
type Part = string | { readonly text: string }

const textOf = (parts: ReadonlyArray<Part>): string =>
  parts.map((one) => (typeof one === "string" ? one : one.text)).join("")

const found = (reader: SqlReader, sql: string) => {
  const bytes = Buffer.from(`'1${sql}2'`)
  reader.read(bytes, 2, bytes.length - 2)
  return { text: reader.text, endpoint: reader.endpoint, keyword: reader.keyword, table: reader.table }
}

const usedReaders = new Map<SqlDialect, SqlReader>(
  dialects.map((dialect) => [dialect, new SqlReader(dialect, true)]),
)

describe("statements of a known shape", () => {
  it("are found to say what a new reader finds, whatever their literals are", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...dialects),
        fc.array(part, { minLength: 1, maxLength: 9 }),
        fc.array(fc.array(literal, { minLength: 9, maxLength: 9 }), { minLength: 1, maxLength: 4 }),
        (dialect, parts, others) => {
          const used = usedReaders.get(dialect) as SqlReader
          const variants = others.map((literals) =>
            parts.map((one, i) => (typeof one === "string" ? one : { text: literals[i] })),
          )
          for (const variant of [parts, ...variants, parts, ...variants, parts]) {
            const sql = textOf(variant)
            expect(found(used, sql)).toEqual(found(new SqlReader(dialect, true), sql))
          }
        },
      ),
      { numRuns: 3000 },
    )
  })

  it("share their text", () => {
    const reader = new SqlReader(mysqlDialect, true)
    const first = found(reader, "SELECT a FROM users WHERE id = 1 AND name = 'x'")
    const { statement } = reader
    expect(first.text).toBe("SELECT a FROM users WHERE id = ? AND name = ?")
    found(reader, "SELECT b FROM users WHERE id = 1")
    found(reader, "SELECT a FROM users WHERE id = 4711 AND name = 'it''s'")
    expect(reader.statement).toBe(statement)
  })

  it("are kept when the caller's bytes change", () => {
    const reader = new SqlReader(postgresqlDialect, true)
    const bytes = Buffer.from("SELECT a FROM t")
    reader.read(bytes, 0, bytes.length)
    expect(reader.endpoint).toBe("SELECT t")
    bytes.write("SELECT a FROM u")
    reader.read(bytes, 0, bytes.length)
    expect([reader.text, reader.endpoint]).toEqual(["SELECT a FROM u", "SELECT u"])
  })

  it("are not remembered with passwords or comments", () => {
    const reader = new SqlReader(mysqlDialect, false)
    for (const sql of ["ALTER USER u IDENTIFIED BY 'x'", "SELECT 1 /* traceparent='a' */"]) {
      found(reader, sql)
      const { statement } = reader
      found(reader, sql)
      expect(reader.statement).not.toBe(statement)
    }
  })
})
