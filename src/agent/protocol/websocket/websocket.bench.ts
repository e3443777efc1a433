// CPU per WebSocket frame: masked texts of 100 bytes in one direction, 40 to a run of bytes.
// Run: node src/agent/protocol/websocket/websocket.bench.ts

import { Buffer } from "node:buffer"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeWebSocket } from "./websocket.ts"

const frame = Buffer.concat([Buffer.from([0x81, 0x80 | 100, 1, 2, 3, 4]), Buffer.alloc(100)])
const framesOfRun = 40
const run = Buffer.concat(Array.from({ length: framesOfRun }, () => frame))
const runs = 20_000
let sum = 0

const sonde = (): number => {
  const parser = makeWebSocket().connection({
    message: (message) => (sum += message.length),
    leave: () => {},
    desync: () => {},
  })
  for (let i = 0; i < runs; i++) parser.feed(Direction.toServer, run, 0, run.length, 0, 1, 0)
  parser.close(1)
  return runs * framesOfRun
}

measure("WebSocket, frames of 100 bytes", [{ name: "sonde", run: sonde }])
if (sum === 0) throw new Error("nothing was parsed")
