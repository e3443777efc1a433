// CPU per SQL statement: of a shape that is known, and of shapes too many to be remembered.
// Run: node src/agent/protocol/sql/sql.bench.ts

import { Buffer } from "node:buffer"
import { measure } from "../measure.testing.ts"
import { mysqlDialect } from "./dialect.ts"
import { SqlReader } from "./SqlReader.ts"

const statement = (column: string, id: number): Uint8Array =>
  Buffer.from(
    `SELECT id, ${column}, email FROM users WHERE id = ${id} AND state = 'active' ORDER BY created_at DESC LIMIT 10`,
  )
const letters = (i: number): string => String.fromCharCode(97 + (i % 26), 97 + (Math.floor(i / 26) % 26))
const known = Array.from({ length: 1000 }, (_, i) => statement("name", i))
const unknown = Array.from({ length: 1000 }, (_, i) => statement(`n${letters(i)}${letters(i >> 4)}`, i))
const loops = 100

let sum = 0

const reading = (statements: ReadonlyArray<Uint8Array>) => (): number => {
  const reader = new SqlReader(mysqlDialect, true)
  for (let loop = 0; loop < loops; loop++) {
    for (const bytes of statements) {
      reader.read(bytes, 0, bytes.length)
      sum += reader.text.length + reader.endpoint.length
    }
  }
  return loops * statements.length
}

measure("SQL, statements of 105 bytes", [
  { name: "known shape", run: reading(known) },
  { name: "unknown shapes", run: reading(unknown) },
])
if (sum === 0) throw new Error("nothing was read")
