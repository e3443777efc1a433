// CPU per PostgreSQL message, against a parser as one would write it first: toString, slices and regular expressions.
// Run: node src/agent/protocol/postgresql/postgresql.bench.ts

import { Buffer } from "node:buffer"
import { emptyMessage, RecordType } from "../../../model/L7Session.ts"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makePostgresql } from "./postgresql.ts"

const message = (type: string, body: string): Buffer => {
  const header = Buffer.alloc(5)
  header[0] = type.charCodeAt(0)
  header.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([header, Buffer.from(body, "latin1")])
}
const pipelines = Array.from({ length: 1000 }, (_, i) =>
  Buffer.concat([
    message(
      "P",
      `\0SELECT id, name, email FROM users WHERE id = $1 AND region = ${i} ORDER BY created_at DESC LIMIT 10\0\0\0`,
    ),
    message("B", `\0\0\0\0\0\x01\0\0\0\x04${String(i).padStart(4, "0")}\0\0`),
    message("D", "P\0"),
    message("E", "\0\0\0\0\0"),
    message("S", ""),
  ]),
)
const row = message("D", "\0\x03\0\0\0\x011\0\0\0\x05Alice\0\0\0\x11alice@example.org")
const answer = Buffer.concat([
  message("1", ""),
  message("2", ""),
  message("T", `\0\x01name\0${"\0".repeat(18)}`),
  ...Array.from({ length: 5 }, () => row),
  message("C", "SELECT 5\0"),
  message("Z", "I"),
])
const loops = 100

let sum = 0

const sonde = (): number => {
  const parser = makePostgresql().connection({
    message: (found) => (sum += found.requestResource.length + found.endpoint.length),
    leave: () => {},
    desync: () => {},
  })
  for (let loop = 0; loop < loops; loop++) {
    for (const pipeline of pipelines) {
      parser.feed(Direction.toServer, pipeline, 0, pipeline.length, 0, 1, 0)
      parser.feed(Direction.toClient, answer, 0, answer.length, 0, 2, 0)
    }
  }
  return 2 * loops * pipelines.length
}

const split = (bytes: Buffer): ReadonlyArray<{ readonly type: string; readonly body: Buffer }> => {
  const parts = []
  let at = 0
  while (at < bytes.length) {
    const length = bytes.readUInt32BE(at + 1)
    parts.push({ type: String.fromCharCode(bytes[at]), body: bytes.subarray(at + 5, at + 1 + length) })
    at += 1 + length
  }
  return parts
}

const naive = (): number => {
  for (let loop = 0; loop < loops; loop++) {
    for (const pipeline of pipelines) {
      for (const { type, body } of split(pipeline)) {
        if (type !== "P") continue
        const sql = body.toString("utf8").split("\0")[1]
        const request = emptyMessage(RecordType.request, 61, 1, 0)
        const parts = /^\s*(\w+).*?\bFROM\s+(\S+)/i.exec(sql)
        request.endpoint = parts === null ? "" : `${parts[1].toUpperCase()} ${parts[2]}`
        request.requestResource = sql.replaceAll(/'(?:[^']|'')*'|(?<![$\w])\d+(?:\.\d+)?\b/g, "?")
        sum += request.requestResource.length + request.endpoint.length
      }
      const response = emptyMessage(RecordType.response, 61, 2, 0)
      for (const { type, body } of split(answer))
        if (type === "C") response.attributes = ["rows", body.toString().split(" ")[1]]
      sum += response.attributes.length
    }
  }
  return 2 * loops * pipelines.length
}

measure("PostgreSQL, an extended query of 100 bytes and an answer of 5 rows", [
  { name: "sonde", run: sonde },
  { name: "toString, regular expressions", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
