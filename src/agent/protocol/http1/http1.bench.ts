// CPU per HTTP/1.1 message, against a parser as one would write it first: toString, split, a regular expression, a Map.
// Run: node src/agent/protocol/http1/http1.bench.ts

import { Buffer } from "node:buffer"
import { http1Exchanges } from "../exchanges.testing.ts"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeHttp1 } from "./http1.ts"

const exchanges = http1Exchanges()
const loops = 60

let sum = 0

const sonde = (): number => {
  const protocol = makeHttp1()
  const parser = protocol.connection({
    message: (message) => (sum += message.requestResource.length + message.code + message.traceId.length),
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

const naiveHead = (bytes: Uint8Array) => {
  const [head] = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString().split("\r\n\r\n")
  const lines = head.split("\r\n")
  const headers = new Map(lines.slice(1).map((line) => {
    const [name, ...rest] = line.split(":")
    return [name.toLowerCase(), rest.join(":").trim()]
  })) // prettier-ignore
  return { first: lines[0], headers }
}

const naive = (): number => {
  for (let loop = 0; loop < loops; loop++) {
    for (const { answer, request } of exchanges) {
      const { first, headers } = naiveHead(request)
      const found = /^([A-Z]+) (\S+) HTTP\/(\d\.\d)$/.exec(first)
      const path = found?.[2] ?? ""
      const endpoint = path.split("?")[0].split("/").slice(0, 3).join("/")
      sum += path.length + endpoint.length + (headers.get("traceparent")?.split("-")[1].length ?? 0)
      const head = naiveHead(answer)
      sum += Number(/^HTTP\/\d\.\d (\d+)/.exec(head.first)?.[1]) + Number(head.headers.get("content-length"))
    }
  }
  return 2 * loops * exchanges.length
}

measure("HTTP/1.1, requests of 400 bytes with 8 headers, responses of 600", [
  { name: "sonde", run: sonde },
  { name: "toString, split, Map", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
