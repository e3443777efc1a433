// CPU per NATS message, against a parser as one would write it first: toString and split.
// Run: node src/agent/protocol/nats/nats.bench.ts

import { Buffer } from "node:buffer"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeNats } from "./nats.ts"

const payload = "x".repeat(64)
const requests = Array.from({ length: 1000 }, (_, i) =>
  Buffer.from(`PUB orders.eu.${i % 10} _INBOX.dR7nhYWqTTzqicG1BcZrM6.${i} 64\r\n${payload}\r\n`),
)
const answers = Array.from({ length: 1000 }, (_, i) =>
  Buffer.from(`MSG _INBOX.dR7nhYWqTTzqicG1BcZrM6.${i} 7 64\r\n${payload}\r\n`),
)
const loops = 100
let sum = 0

const sonde = (): number => {
  const parser = makeNats().connection({
    message: (message) => (sum += message.requestResource.length),
    leave: () => {},
    desync: () => {},
  })
  for (let loop = 0; loop < loops; loop++) {
    for (let i = 0; i < requests.length; i++) {
      parser.feed(Direction.toServer, requests[i], 0, requests[i].length, 0, 1, 0)
      parser.feed(Direction.toClient, answers[i], 0, answers[i].length, 0, 2, 0)
    }
  }
  return 2 * loops * requests.length
}

const naive = (): number => {
  const waiting = new Map<string, string>()
  for (let loop = 0; loop < loops; loop++) {
    for (let i = 0; i < requests.length; i++) {
      const [head, body] = requests[i].toString().split("\r\n")
      const [, subject, reply] = head.split(" ")
      waiting.set(reply, subject)
      const [answer] = answers[i].toString().split("\r\n")
      const words = answer.split(" ")
      sum += subject.split(".")[0].length + body.length + (waiting.get(words[1])?.length ?? 0)
      waiting.delete(words[1])
    }
  }
  return 2 * loops * requests.length
}

measure("NATS, a request of 64 bytes and its answer", [
  { name: "sonde", run: sonde },
  { name: "toString, split", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
