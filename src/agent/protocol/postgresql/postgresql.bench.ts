// CPU per PostgreSQL message, against a parser as one would write it first: toString, slices and regular expressions.
// Run: node src/agent/protocol/postgresql/postgresql.bench.ts

import { Buffer } from "node:buffer"
import { emptyMessage, RecordType } from "../../../model/L7Session.ts"
import { postgresqlExtendedExchanges } from "../exchanges.testing.ts"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makePostgresql } from "./postgresql.ts"

const exchanges = postgresqlExtendedExchanges()
const loops = 100

let sum = 0

const sonde = (): number => {
  const parser = makePostgresql().connection({
    message: (found) => (sum += found.requestResource.length + found.endpoint.length),
    leave: () => {},
    desync: () => {},
  })
  for (let loop = 0; loop < loops; loop++) {
    for (const { answer, request } of exchanges) {
      parser.feed(Direction.toServer, request, 0, request.length, 0, 1, 0)
      parser.feed(Direction.toClient, answer, 0, answer.length, 0, 2, 0)
    }
  }
  return 2 * loops * exchanges.length
}

const viewOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

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
    for (const { answer, request } of exchanges) {
      for (const { type, body } of split(viewOf(request))) {
        if (type !== "P") continue
        const sql = body.toString("utf8").split("\0")[1]
        const message = emptyMessage(RecordType.request, 61, 1, 0)
        const parts = /^\s*(\w+).*?\bFROM\s+(\S+)/i.exec(sql)
        message.endpoint = parts === null ? "" : `${parts[1].toUpperCase()} ${parts[2]}`
        message.requestResource = sql.replaceAll(/'(?:[^']|'')*'|(?<![$\w])\d+(?:\.\d+)?\b/g, "?")
        sum += message.requestResource.length + message.endpoint.length
      }
      const response = emptyMessage(RecordType.response, 61, 2, 0)
      for (const { type, body } of split(viewOf(answer)))
        if (type === "C") response.attributes = ["rows", body.toString().split(" ")[1]]
      sum += response.attributes.length
    }
  }
  return 2 * loops * exchanges.length
}

measure("PostgreSQL, an extended query of 100 bytes and an answer of 5 rows", [
  { name: "sonde", run: sonde },
  { name: "toString, regular expressions", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
