// CPU per MySQL message, against a parser as one would write it first: toString and regular expressions.
// Run: node src/agent/protocol/mysql/mysql.bench.ts

import { Buffer } from "node:buffer"
import { emptyMessage, RecordType } from "../../../model/L7Session.ts"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeMysql } from "./mysql.ts"

const packet = (sequence: number, payload: Buffer): Buffer => {
  const header = Buffer.alloc(4)
  header.writeUIntLE(payload.length, 0, 3)
  header[3] = sequence
  return Buffer.concat([header, payload])
}
const definition = Buffer.from(
  "\x03def\x04shop\x05users\x05users\x04name\x04name\x0c\x21\x00\x00\x01\x00\x00\xfd\x00\x00\x00\x00\x00",
  "latin1",
)
const eof = Buffer.from([0xfe, 0, 0, 2, 0])
const statements = Array.from({ length: 1000 }, (_, i) =>
  packet(
    0,
    Buffer.from(
      `\x03SELECT id, name, email FROM users WHERE id = ${i} AND state = 'active' ORDER BY created_at DESC LIMIT 10`,
      "latin1",
    ),
  ),
)
const rows = Array.from({ length: 5 }, (_, i) =>
  packet(i + 6, Buffer.from(`\x01${i}\x05Alice\x11alice@example.org`, "latin1")),
)
const answer = Buffer.concat([
  packet(1, Buffer.from([3])),
  packet(2, definition),
  packet(3, definition),
  packet(4, definition),
  packet(5, eof),
  ...rows,
  packet(11, eof),
])
const loops = 100

let sum = 0

const sonde = (): number => {
  const parser = makeMysql().connection({
    message: (message) => (sum += message.requestResource.length + message.endpoint.length),
    leave: () => {},
    desync: () => {},
  })
  for (let loop = 0; loop < loops; loop++) {
    for (const statement of statements) {
      parser.feed(Direction.toServer, statement, 0, statement.length, 0, 1, 0)
      parser.feed(Direction.toClient, answer, 0, answer.length, 0, 2, 0)
    }
  }
  return 2 * loops * statements.length
}

const naive = (): number => {
  for (let loop = 0; loop < loops; loop++) {
    for (const statement of statements) {
      const sql = statement.subarray(5).toString()
      const parts = /^\s*(\w+).*?\bFROM\s+(\S+)/i.exec(sql)
      const request = emptyMessage(RecordType.request, 60, 1, 0)
      request.requestResource = sql.replaceAll(/'(?:[^'\\]|\\.|'')*'|\b\d+(?:\.\d+)?\b/g, "?")
      request.endpoint = parts === null ? "" : `${parts[1].toUpperCase()} ${parts[2]}`
      const response = emptyMessage(RecordType.response, 60, 2, 0)
      let at = 0
      let rows = -5
      while (at < answer.length) {
        const part = answer.subarray(at, at + 4 + answer.readUIntLE(at, 3))
        if (part[4] !== 0xfe) rows++
        at += part.length
      }
      response.attributes = ["rows", String(rows)]
      sum += request.requestResource.length + request.endpoint.length + response.attributes.length
    }
  }
  return 2 * loops * statements.length
}

measure("MySQL, a query of 100 bytes and an answer of 5 rows", [
  { name: "sonde", run: sonde },
  { name: "toString, regular expressions", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
