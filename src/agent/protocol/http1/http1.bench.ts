// CPU per HTTP/1.1 message, against a parser as one would write it first: toString, split, a regular expression, a Map.
// Run: node src/agent/protocol/http1/http1.bench.ts

import { Buffer } from "node:buffer"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeHttp1 } from "./http1.ts"

const body = JSON.stringify({ items: Array.from({ length: 12 }, (_, id) => ({ id, name: `item ${id}` })) })
const request = (i: number) =>
  Buffer.from(
    `GET /api/v1/orders/${i}?limit=20&page=${i % 7} HTTP/1.1\r\nHost: shop.example:8080\r\nUser-Agent: curl/8.4.0\r\n` +
      "Accept: */*\r\nAccept-Encoding: gzip, deflate\r\nConnection: keep-alive\r\nX-Forwarded-For: 10.0.0.7\r\n" +
      `X-Request-Id: 0b5a9a36-88d2-4f2a-9d1c-${String(i).padStart(12, "0")}\r\n` +
      "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
  )
const response = Buffer.from(
  "HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Mon, 04 Dec 2023 11:25:36 GMT\r\nContent-Type: application/json\r\n" +
    `Content-Length: ${body.length}\r\nConnection: keep-alive\r\nVary: Accept-Encoding\r\n\r\n${body}`,
)
const requests = Array.from({ length: 1000 }, (_, i) => request(i))
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
    for (const bytes of requests) {
      parser.feed(Direction.toServer, bytes, 0, bytes.length, 0, 1, 0)
      parser.feed(Direction.toClient, response, 0, response.length, 0, 2, 0)
    }
  }
  return 2 * loops * requests.length
}

const naiveHead = (bytes: Buffer) => {
  const [head] = bytes.toString().split("\r\n\r\n")
  const lines = head.split("\r\n")
  const headers = new Map(lines.slice(1).map((line) => {
    const [name, ...rest] = line.split(":")
    return [name.toLowerCase(), rest.join(":").trim()]
  })) // prettier-ignore
  return { first: lines[0], headers }
}

const naive = (): number => {
  for (let loop = 0; loop < loops; loop++) {
    for (const bytes of requests) {
      const { first, headers } = naiveHead(bytes)
      const found = /^([A-Z]+) (\S+) HTTP\/(\d\.\d)$/.exec(first)
      const path = found?.[2] ?? ""
      const endpoint = path.split("?")[0].split("/").slice(0, 3).join("/")
      sum += path.length + endpoint.length + (headers.get("traceparent")?.split("-")[1].length ?? 0)
      const answer = naiveHead(response)
      sum +=
        Number(/^HTTP\/\d\.\d (\d+)/.exec(answer.first)?.[1]) + Number(answer.headers.get("content-length"))
    }
  }
  return 2 * loops * requests.length
}

measure("HTTP/1.1, requests of 400 bytes with 8 headers, responses of 600", [
  { name: "sonde", run: sonde },
  { name: "toString, split, Map", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
