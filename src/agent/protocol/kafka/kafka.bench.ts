// CPU per Kafka message, against a parser as one would write it first: a copy of each frame, objects of all its fields.
// Run: node src/agent/protocol/kafka/kafka.bench.ts

import { Buffer } from "node:buffer"
import { measure } from "../measure.testing.ts"
import { Direction } from "../Protocol.ts"
import { makeKafka } from "./kafka.ts"

const hex = (text: string) => Buffer.from(text, "hex")
/** Produce v9 of one record, and its answer. */
const produce = hex(
  "00000098000000090000002f0010636f6e736f6c652d70726f64756365720000000100000" +
    "5dc0209746f706963746f7002000000006400000000000000000000005700000000023345f48e00000000000000000191ea86ee1d00000191" +
    "ea86ee1dffffffffffffffffffffffffffff000000014a000000013e7171717171717171717171717171717171717171717171717171717171717100000000",
)
const produced = hex(
  "000000370000002f000209746f706963746f7002000000000000000000000000000023ffffffffffffffff0000000000000010010000000000000000",
)
produce.writeInt32BE(produce.length - 4, 0)
produced.writeInt32BE(produced.length - 4, 0)
const loops = 200_000
let sum = 0

const sonde = (): number => {
  const parser = makeKafka().connection({
    message: (message) => (sum += message.endpoint.length + message.requestResource.length),
    leave: () => {},
    desync: () => {},
  })
  for (let i = 0; i < loops; i++) {
    produce.writeInt32BE(i, 8)
    produced.writeInt32BE(i, 4)
    parser.feed(Direction.toServer, produce, 0, produce.length, 0, 1, 0)
    parser.feed(Direction.toClient, produced, 0, produced.length, 0, 2, 0)
  }
  return 2 * loops
}

const naive = (): number => {
  const outstanding = new Map<number, { topic: string; partition: number }>()
  for (let i = 0; i < loops; i++) {
    produce.writeInt32BE(i, 8)
    produced.writeInt32BE(i, 4)
    const frame = Buffer.from(produce.subarray(4, 4 + produce.readInt32BE(0)))
    const clientId = frame.subarray(10, 10 + frame.readInt16BE(8)).toString()
    const topicAt = 10 + clientId.length + 1 + 1 + 2 + 4 + 1
    const topic = frame.subarray(topicAt + 1, topicAt + frame[topicAt]).toString()
    const request = {
      key: frame.readInt16BE(0),
      version: frame.readInt16BE(2),
      id: frame.readInt32BE(4),
      clientId,
      topic,
      partition: frame.readInt32BE(topicAt + frame[topicAt] + 1),
      records: Buffer.from(frame.subarray(topicAt + frame[topicAt] + 6)),
    }
    outstanding.set(request.id, request)
    const answer = Buffer.from(produced.subarray(4, 4 + produced.readInt32BE(0)))
    const asked = outstanding.get(answer.readInt32BE(0))
    outstanding.delete(answer.readInt32BE(0))
    const at = 6 + answer[6] + 1
    const response = {
      topic: answer.subarray(7, 6 + answer[6]).toString(),
      partition: answer.readInt32BE(at),
      code: answer.readInt16BE(at + 4),
      offset: answer.readBigInt64BE(at + 6),
    }
    sum += `${asked?.topic}-${asked?.partition}`.length + `${response.topic}:${response.offset}`.length
  }
  return 2 * loops
}

measure("Kafka, Produce of one record with its response", [
  { name: "sonde", run: sonde },
  { name: "copies and objects", run: naive },
])
if (sum === 0) throw new Error("nothing was parsed")
