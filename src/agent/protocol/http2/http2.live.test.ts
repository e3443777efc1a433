// The parser between a real client and a real server: Node's (nghttp2), and curl when it speaks HTTP/2.

import { execFile, execFileSync } from "node:child_process"
import { once } from "node:events"
import * as http2 from "node:http2"
import * as net from "node:net"
import { promisify } from "node:util"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type L7Message, RecordType } from "../../../model/L7Session.ts"
import { type ConnectionParser, Direction, Evidence } from "../Protocol.ts"
import { makeHttp2 } from "./http2.ts"

const protocol = makeHttp2()
let messages: Array<L7Message> = []
const parsers: Array<ConnectionParser> = []
let firstEvidence: Evidence = Evidence.none

const portOf = (server: net.Server | http2.Http2Server): number => (server.address() as net.AddressInfo).port

const server = http2.createServer()
server.on("stream", (stream, headers) => {
  // An answer ahead of the request's end can reset the stream, which curl takes for a failure.
  stream.resume()
  stream.on("end", () => {
    stream.respond({
      ":status": headers[":path"] === "/none" ? 404 : 200,
      "x-request-id": String(headers["x-number"]),
    })
    stream.end("x".repeat(40_000))
  })
})
const relay = net.createServer((client) => {
  const upstream = net.connect(portOf(server))
  const parser = protocol.connection({ message: (m) => messages.push(m), leave: () => {}, desync: () => {} })
  parsers.push(parser)
  let isFirst = true
  client.on("data", (bytes) => {
    if (isFirst) firstEvidence = protocol.detect(bytes, 0, bytes.length)
    isFirst = false
    parser.feed(Direction.toServer, bytes, 0, bytes.length, 0, 1, 0)
    upstream.write(bytes)
  })
  upstream.on("data", (bytes) => {
    parser.feed(Direction.toClient, bytes, 0, bytes.length, 0, 1, 0)
    client.write(bytes)
  })
  client.on("close", () => upstream.destroy())
  upstream.on("close", () => client.destroy())
  client.on("error", () => {})
  upstream.on("error", () => {})
})

const curlSpeaksHttp2 = (() => {
  try {
    return execFileSync("curl", ["-V"]).includes("HTTP2")
  } catch {
    return false
  }
})()
if (!curlSpeaksHttp2) console.warn("SKIPPED: no curl with HTTP/2 here")

describe("between real programs", () => {
  beforeAll(async () => {
    server.listen(0, "127.0.0.1")
    relay.listen(0, "127.0.0.1")
    await Promise.all([once(server, "listening"), once(relay, "listening")])
  })
  afterAll(() => {
    relay.close()
    server.close()
  })

  it("reads every one of many concurrent requests, with any character in their fields", async () => {
    messages = []
    const client = http2.connect(`http://127.0.0.1:${portOf(relay)}`)
    // Each printable character among many that make Huffman's code the shorter one.
    const rare = Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)).join("aeiost0")
    const count = 60
    await Promise.all(
      Array.from({ length: count }, async (_, i) => {
        const stream = client.request({
          ":method": "POST",
          ":path": `/n/${i}`,
          "x-number": i,
          "user-agent": `${i}${rare}`,
        })
        stream.resume()
        stream.end(`body ${i}`)
        await once(stream, "close")
      }),
    )
    client.close()
    await once(client, "close")
    const requests = messages.filter((message) => message.type === RecordType.request)
    const responses = messages.filter((message) => message.type === RecordType.response)
    expect(requests.map((message) => message.requestResource)).toEqual(
      Array.from({ length: count }, (_, i) => `/n/${i}`),
    )
    for (const message of requests) {
      const number = message.requestResource.slice(3)
      expect(message).toMatchObject({ userAgent: `${number}${rare}`, length: 5 + number.length })
      const response = responses.find((other) => other.requestId === message.requestId)
      expect(response).toMatchObject({ code: 200, length: 40_000, endpoint: "/n/*" })
    }
    expect(firstEvidence).toBe(Evidence.request)
    expect(protocol.stats).toMatchObject({ malformed: 0, truncated: 0, resyncs: 0, overflows: 0 })
  })

  it.skipIf(!curlSpeaksHttp2)("reads curl with prior knowledge", async () => {
    messages = []
    const base = `http://127.0.0.1:${portOf(relay)}`
    for (const argv of [["-d", "a=1", `${base}/form`], [`${base}/none`]])
      await promisify(execFile)("curl", ["-s", "--http2-prior-knowledge", ...argv])
    const short = messages.map((message) => message.requestResource || message.code)
    expect(short).toEqual(["/form", 200, "/none", 404])
    expect(messages[0]).toMatchObject({ requestType: "POST", length: 3 })
  })
})
