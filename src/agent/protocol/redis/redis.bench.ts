// CPU per Redis message, against a parser as one would write it first: toString and split.
// Run: node src/agent/protocol/redis/redis.bench.ts

import { redisExchanges } from "../exchanges.testing.ts"
import { utf8Text } from "../latin1.ts"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeRedis } from "./redis.ts"

const exchanges = redisExchanges()
const loops = 100

let sum = 0

const sonde = (): number => {
  const parser = makeRedis().connection({
    message: (message) => (sum += message.requestResource.length + message.result.length),
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

const naive = (): number => {
  for (let loop = 0; loop < loops; loop++) {
    for (const { answer, request } of exchanges) {
      const words = utf8Text(request, 0, request.length).split("\r\n").filter((_, at) => at > 0 && at % 2 === 0) // prettier-ignore
      const line = words.map((word, at) => (at < 2 ? word : "?")).join(" ")
      sum += line.length + words[0].toUpperCase().length
      const reply = utf8Text(answer, 0, answer.length).split("\r\n")
      sum += reply[0].startsWith("$") ? reply[1].length : reply[0].length
    }
  }
  return 2 * loops * exchanges.length
}

measure("Redis, GET and SET of 64 bytes with their replies", [
  { name: "sonde", run: sonde },
  { name: "toString, split", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
