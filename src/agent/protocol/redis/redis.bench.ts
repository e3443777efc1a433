// CPU per Redis message, against a parser as one would write it first: toString and split.
// Run: node src/agent/protocol/redis/redis.bench.ts

import { Buffer } from "node:buffer"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeRedis } from "./redis.ts"

const command = (...words: ReadonlyArray<string>) =>
  Buffer.from(`*${words.length}\r\n${words.map((word) => `$${word.length}\r\n${word}\r\n`).join("")}`)
const commands = Array.from({ length: 1000 }, (_, i) =>
  i % 2 === 0 ? command("GET", `user:${i}:profile`) : command("SET", `user:${i}:profile`, "x".repeat(64)),
)
const replies = [Buffer.from(`$64\r\n${"x".repeat(64)}\r\n`), Buffer.from("+OK\r\n")]
const loops = 100

let sum = 0

const sonde = (): number => {
  const parser = makeRedis().connection({
    message: (message) => (sum += message.requestResource.length + message.result.length),
    leave: () => {},
    desync: () => {},
  })
  for (let loop = 0; loop < loops; loop++) {
    for (let i = 0; i < commands.length; i++) {
      const bytes = commands[i]
      const reply = replies[i & 1]
      parser.feed(Direction.toServer, bytes, 0, bytes.length, 0, 1, 0)
      parser.feed(Direction.toClient, reply, 0, reply.length, 0, 2, 0)
    }
  }
  return 2 * loops * commands.length
}

const naive = (): number => {
  for (let loop = 0; loop < loops; loop++) {
    for (let i = 0; i < commands.length; i++) {
      const words = commands[i].toString().split("\r\n").filter((_, at) => at > 0 && at % 2 === 0) // prettier-ignore
      const line = words.map((word, at) => (at < 2 ? word : "?")).join(" ")
      sum += line.length + words[0].toUpperCase().length
      const reply = replies[i & 1].toString().split("\r\n")
      sum += reply[0].startsWith("$") ? reply[1].length : reply[0].length
    }
  }
  return 2 * loops * commands.length
}

measure("Redis, GET and SET of 64 bytes with their replies", [
  { name: "sonde", run: sonde },
  { name: "toString, split", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
