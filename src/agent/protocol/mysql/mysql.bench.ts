// CPU per MySQL message, against a parser as one would write it first: toString and regular expressions.
// Run: node src/agent/protocol/mysql/mysql.bench.ts

import { Buffer } from "node:buffer"
import { emptyMessage, RecordType } from "../../../model/L7Session.ts"
import { mysqlExchanges } from "../exchanges.testing.ts"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeMysql } from "./mysql.ts"

const exchanges = mysqlExchanges()
const loops = 100

let sum = 0

const sonde = (): number => {
  const parser = makeMysql().connection({
    message: (message) => (sum += message.requestResource.length + message.endpoint.length),
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

const naive = (): number => {
  for (let loop = 0; loop < loops; loop++) {
    for (const exchange of exchanges) {
      const answer = viewOf(exchange.answer)
      const sql = viewOf(exchange.request).subarray(5).toString()
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
  return 2 * loops * exchanges.length
}

measure("MySQL, a query of 100 bytes and an answer of 5 rows", [
  { name: "sonde", run: sonde },
  { name: "toString, regular expressions", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
