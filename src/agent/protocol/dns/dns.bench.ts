// CPU per DNS message over UDP, against a reader as one would write it first: a DataView, and an array of labels for each name.
// Run: node src/agent/protocol/dns/dns.bench.ts

import { Buffer } from "node:buffer"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeDns } from "./dns.ts"

const name = (text: string) =>
  Buffer.concat([
    ...text.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.alloc(1),
  ])
const queries = Array.from({ length: 1000 }, (_, i) =>
  Buffer.concat([
    Buffer.from([i >> 8, i & 255, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0]),
    name(`service-${i}.shop.svc.cluster.local`),
    Buffer.from([0, 1, 0, 1]),
  ]),
)
const answers = queries.map((query) => {
  const answer = Buffer.concat([query, Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 30, 0, 4, 10, 1, 2, 3])])
  answer.set([0x81, 0x80, 0, 1, 0, 1], 2)
  return answer
})
const loops = 100

let sum = 0

const sonde = (): number => {
  const parser = makeDns().datagrams.connection({
    message: (message) => (sum += message.requestResource.length + message.result.length),
    leave: () => {},
    desync: () => {},
  })
  for (let loop = 0; loop < loops; loop++) {
    for (let i = 0; i < queries.length; i++) {
      parser.feed(Direction.toServer, queries[i], 0, queries[i].length, 0, 1, 0)
      parser.feed(Direction.toClient, answers[i], 0, answers[i].length, 0, 2, 0)
    }
  }
  return 2 * loops * queries.length
}

const naiveName = (bytes: Uint8Array, from: number): [string, number] => {
  const labels: Array<string> = []
  let at = from
  while (bytes[at] !== 0) {
    if (bytes[at] >= 0xc0) {
      const [rest] = naiveName(bytes, ((bytes[at] & 63) << 8) | bytes[at + 1])
      return [[...labels, rest].join("."), at + 2]
    }
    labels.push(Buffer.from(bytes.subarray(at + 1, at + 1 + bytes[at])).toString())
    at += 1 + bytes[at]
  }
  return [labels.join("."), at + 1]
}

const naive = (): number => {
  for (let loop = 0; loop < loops; loop++) {
    for (let i = 0; i < queries.length; i++) {
      for (const bytes of [queries[i], answers[i]]) {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
        const [asked, at] = naiveName(bytes, 12)
        sum += asked.length
        if (view.getUint16(6) > 0) {
          const [owner, next] = naiveName(bytes, at + 4)
          sum +=
            owner.length +
            `A=${bytes.subarray(next + 10, next + 14).join(".")} TTL=${view.getUint32(next + 4)}`.length
        }
      }
    }
  }
  return 2 * loops * queries.length
}

measure("DNS queries and answers", [
  { name: "sonde", run: sonde },
  { name: "labels and DataView", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
