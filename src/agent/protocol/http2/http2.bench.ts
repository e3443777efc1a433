// CPU per HTTP/2 message of gRPC calls as Node's client and server write them (nghttp2: Huffman code, header table), in runs of
// one call each, against the bare walk over the frames.
// Run: node src/agent/protocol/http2/http2.bench.ts

import { once } from "node:events"
import * as http2 from "node:http2"
import * as net from "node:net"
import { grpcMessage } from "./frames.testing.ts"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { frameHeaderLength, preface } from "./frame.ts"
import { makeHttp2 } from "./http2.ts"

const calls = 1000
const loops = 20
const runs: Array<{ readonly direction: Direction; readonly bytes: Buffer }> = []
const portOf = (server: net.Server | http2.Http2Server): number => (server.address() as net.AddressInfo).port

/** One connection with calls one after the other, as a relay sees it. */
const record = async (): Promise<void> => {
  const server = http2.createServer()
  server.on("stream", (stream) => {
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true })
    stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0", "grpc-message": "" }))
    stream.end(grpcMessage("x".repeat(200)))
  })
  server.listen(0, "127.0.0.1")
  await once(server, "listening")
  const relay = net.createServer((client) => {
    const upstream = net.connect(portOf(server))
    client.on("data", (bytes) => {
      runs.push({ direction: Direction.toServer, bytes })
      upstream.write(bytes)
    })
    upstream.on("data", (bytes) => {
      runs.push({ direction: Direction.toClient, bytes })
      client.write(bytes)
    })
    client.on("close", () => upstream.destroy())
  })
  relay.listen(0, "127.0.0.1")
  await once(relay, "listening")
  const client = http2.connect(`http://127.0.0.1:${portOf(relay)}`)
  for (let i = 0; i < calls; i++) {
    const stream = client.request({
      ":method": "POST",
      ":path": `/shop.v1.Stock/${["Get", "List", "Put"][i % 3]}`,
      te: "trailers",
      "content-type": "application/grpc",
      "user-agent": "grpc-node-js/1.14.7",
      "grpc-timeout": "10S",
      traceparent: `00-0af7651916cd43dd8448eb211c80319c-${(i + 1).toString(16).padStart(16, "0")}-01`,
    })
    stream.resume()
    stream.end(grpcMessage("y".repeat(60)))
    await once(stream, "close")
  }
  client.destroy()
  relay.close()
  server.close()
}

let sum = 0

const sonde = (): number => {
  const protocol = makeHttp2()
  for (let loop = 0; loop < loops; loop++) {
    const parser = protocol.connection({
      message: (message) => (sum += message.endpoint.length + message.code + message.traceId.length),
      leave: () => {},
      desync: () => {},
    })
    for (const { direction, bytes } of runs) parser.feed(direction, bytes, 0, bytes.length, 0, 1, 0)
  }
  return protocol.stats.requests + protocol.stats.responses
}

const framesOnly = (): number => {
  const ends = [0, 0]
  for (let loop = 0; loop < loops; loop++) {
    for (const { bytes } of runs) {
      let at = bytes[0] === preface[0] ? preface.length : 0
      while (at + frameHeaderLength <= bytes.length) {
        ends[bytes[at + 4] & 1]++
        at += frameHeaderLength + ((bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2])
      }
    }
  }
  sum += ends[1]
  return 2 * loops * calls
}

await record()
measure(
  `HTTP/2, ${calls} gRPC calls on one connection, ${(runs.length / calls).toFixed(1)} runs of bytes a call`,
  [
    { name: "sonde", run: sonde },
    { name: "frame headers only", run: framesOnly },
  ],
)
if (sum === 0) throw new Error("nothing was parsed")
