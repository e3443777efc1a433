import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { shortly } from "../recording.testing.ts"
import { client, play, type Run, server } from "../transcript.testing.ts"
import { makePulsar } from "./pulsar.ts"

const u32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
const varint = (value: number): Buffer =>
  value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value % 128) | 128]), varint(Math.floor(value / 128))])
/** A field: a number, a text or a message. */
const field = (number: number, value: number | string | Uint8Array): Buffer => {
  if (typeof value === "number") return Buffer.concat([varint(number * 8), varint(value)])
  const bytes = Buffer.from(value as string)
  return Buffer.concat([varint(number * 8 + 2), varint(bytes.length), bytes])
}
const commandBytes = (type: number, ...fields: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([field(1, type), field(type, Buffer.concat(fields))])
const command = (type: number, ...fields: ReadonlyArray<Uint8Array>) => {
  const bytes = commandBytes(type, ...fields)
  return Buffer.concat([u32(bytes.length + 4), u32(bytes.length), bytes])
}
const withPayload = (
  type: number,
  fields: ReadonlyArray<Uint8Array>,
  metadata: Uint8Array,
  payload: Uint8Array,
) => {
  const bytes = commandBytes(type, ...fields)
  const rest = Buffer.concat([Buffer.from([0x0e, 0x01, 1, 2, 3, 4]), u32(metadata.length), metadata, payload])
  return Buffer.concat([u32(bytes.length + 4 + rest.length), u32(bytes.length), bytes, rest])
}
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
const traced = Buffer.concat([field(1, "traceparent"), field(2, traceparent)])
const metadata = (...fields: ReadonlyArray<Uint8Array>) =>
  Buffer.concat([field(1, "producer"), field(2, 0), field(3, 1_700_000_000_000), ...fields])

const connect = command(2, field(1, "client"), field(4, 19), field(6, "broker:6650"))
const connected = command(3, field(1, "Pulsar Server"), field(2, 19))
const topic = "persistent://public/default/orders"
const producer = (producerId: number, request: number, name = topic) =>
  command(5, field(1, name), field(2, producerId), field(3, request))
const producerSuccess = (request: number) => command(17, field(1, request), field(2, "standalone-0-1"))
const send = (producerId: number, sequence: number, ...fields: ReadonlyArray<Uint8Array>) =>
  withPayload(6, [field(1, producerId), field(2, sequence)], metadata(...fields), Buffer.from("secret"))
const receipt = (producerId: number, sequence: number, entry: number) =>
  command(
    7,
    field(1, producerId),
    field(2, sequence),
    field(3, Buffer.concat([field(1, 9), field(2, entry)])),
  )
const detect = (bytes: Uint8Array) => makePulsar().detect(bytes, 0, bytes.length)
const conversation = [
  client(connect),
  server(connected),
  client(command(21, field(1, topic), field(2, 1))),
  server(command(22, field(1, 0), field(2, 1), field(3, 0))),
  client(command(23, field(1, topic), field(2, 2))),
  server(command(24, field(1, "pulsar://broker:6650"), field(3, 1), field(4, 2))),
  client(producer(0, 3)),
  server(producerSuccess(3)),
  client(send(0, 0, field(4, traced)), send(0, 1)),
  server(receipt(0, 0, 40), receipt(0, 1, 41)),
  client(command(15, field(1, 0), field(2, 4))),
  server(command(13, field(1, 4))),
  client(command(18)),
  server(command(19)),
]

/** 8 KiB of both directions. */
const maxBuffered = 16_384

describe("detection", () => {
  it("knows commands and who sends them", () => {
    expect(detect(connect)).toBe(Evidence.request)
    expect(detect(send(0, 0))).toBe(Evidence.request)
    expect(detect(command(39, field(1, 1)))).toBe(Evidence.request)
    expect(detect(connected)).toBe(Evidence.response)
    expect(detect(command(18))).toBe(Evidence.either)
    expect(detect(connect.subarray(0, 9))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    const wrongTail = send(0, 0)
    wrongTail[8 + commandBytes(6, field(1, 0), field(2, 0)).length] = 0x77
    for (const other of [
      wrongTail,
      Buffer.concat([u32(8), u32(4), field(1, 2), field(5, 1)]),
      Buffer.concat([u32(8), u32(9), commandBytes(18)]),
      Buffer.concat([u32(8), u32(4), field(1, 90), field(90, 1)]),
      Buffer.from("GET / HTTP/1.1\r\n"),
      Buffer.alloc(20),
    ])
      expect(detect(other), other.toString("hex")).toBe(Evidence.none)
  })
})

describe("a conversation", () => {
  const { messages } = play(makePulsar(), conversation)

  it("pairs requests by their id and what is sent by its sequence", () => {
    expect(
      messages.map((message) => `${message.requestType} ${message.endpoint} ${message.requestId}`),
    ).toEqual([
      "CONNECT  -1",
      "CONNECTED  -1",
      "PARTITIONED_METADATA orders 1",
      "PARTITIONED_METADATA_RESPONSE orders 1",
      "LOOKUP orders 2",
      "LOOKUP_RESPONSE orders 2",
      "PRODUCER orders 3",
      "PRODUCER_SUCCESS orders 3",
      "SEND orders 0",
      "SEND orders 1",
      "SEND_RECEIPT orders 0",
      "SEND_RECEIPT orders 1",
      "CLOSE_PRODUCER orders 4",
      "SUCCESS orders 4",
      "PING  -1",
      "PONG  -1",
    ])
    expect(
      messages.every((message) => message.requestDomain === "broker:6650" && message.version === "19"),
    ).toBe(true)
    expect(messages.every((message) => !message.isAsync)).toBe(true)
  })

  it("carries traces, and where a message lies", () => {
    expect(messages[8]).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
    })
    expect(messages[10].xRequestId).toBe("9:40")
    expect(JSON.stringify(messages)).not.toContain("secret")
  })

  it("delivers one-way, with the consumer's topic", () => {
    const message = withPayload(
      9,
      [field(1, 7), field(2, Buffer.concat([field(1, 9), field(2, 40)]))],
      metadata(field(4, traced)),
      Buffer.from("secret"),
    )
    const [, , , delivered, ack] = play(makePulsar(), [
      client(connect),
      client(command(4, field(1, topic), field(2, "sub"), field(4, 7), field(5, 1))),
      server(command(13, field(1, 1)), message),
      client(command(10, field(1, 7), field(2, 0))),
    ]).messages
    expect(delivered).toMatchObject({
      isAsync: true,
      endpoint: "orders",
      xRequestId: "9:40",
      traceId: "0af7651916cd43dd8448eb211c80319c",
    })
    expect(ack).toMatchObject({ isAsync: true, requestType: "ACK", endpoint: "orders" })
  })

  it("reads the first message of a batch", () => {
    const single = Buffer.concat([field(1, traced), field(3, 6)])
    const batch = withPayload(
      6,
      [field(1, 0), field(2, 0)],
      metadata(field(11, 3)),
      Buffer.concat([u32(single.length), single, Buffer.from("secret")]),
    )
    expect(play(makePulsar(), [client(connect, producer(0, 1), batch)]).messages[2]).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      attributes: ["messages", "3"],
    })
  })
})

describe("ids", () => {
  it("of producers and requests do not mix", () => {
    const { messages } = play(makePulsar(), [
      client(connect),
      server(connected),
      client(producer(0, 0, "a"), producer(1, 1, "b"), send(0, 0), send(1, 0), send(0, 1)),
      server(receipt(1, 0, 1), receipt(0, 1, 2), producerSuccess(0), receipt(0, 0, 3), producerSuccess(1)),
    ])
    const ids = messages.slice(2, 7).map((message) => message.requestId)
    expect(new Set(ids).size).toBe(5)
    expect(messages.slice(7).map((message) => [message.requestId, message.endpoint])).toEqual([
      [ids[3], "b"],
      [ids[4], "a"],
      [ids[0], "a"],
      [ids[2], "a"],
      [ids[1], "b"],
    ])
  })
})

describe("outcomes", () => {
  it("are errors where the wire says so", () => {
    const last = (...runs: ReadonlyArray<Run>) =>
      play(makePulsar(), [client(connect), server(connected), ...runs]).messages.at(-1)
    expect(
      last(client(producer(0, 1)), server(command(14, field(1, 1), field(2, 4), field(3, "no permission")))),
    ).toMatchObject({
      requestId: 1,
      code: 4,
      status: ResponseStatus.serverError,
      exception: "no permission",
      endpoint: "orders",
    })
    expect(
      last(client(producer(0, 1), send(0, 5)), server(command(8, field(1, 0), field(2, 5), field(3, 9)))),
    ).toMatchObject({ requestId: 5, status: ResponseStatus.serverError, exception: "ChecksumError" })
    expect(
      last(
        client(command(23, field(1, topic), field(2, 8))),
        server(command(24, field(3, 2), field(4, 8), field(6, 11), field(7, "no topic"))),
      ),
    ).toMatchObject({ requestId: 8, code: 11, exception: "no topic", status: ResponseStatus.serverError })
  })

  it("pings and closes of the broker are one-way", () => {
    expect(
      shortly(makePulsar(), [
        client(connect),
        server(connected, command(18), command(16, field(1, 1), field(2, 9))),
        client(command(19)),
      ]).slice(2),
    ).toEqual(["< unknown async", "< unknown async", "PONG async"])
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a payload", () => {
    const pulsar = makePulsar()
    const long = withPayload(6, [field(1, 0), field(2, 0)], metadata(), Buffer.alloc(9000))
    const { messages } = play(pulsar, [
      client(connect),
      { ...client(long.subarray(0, 60)), missing: long.length - 60 },
      server(receipt(0, 0, 1)),
      client(producer(1, 1)),
    ])
    expect(messages.map((message) => message.requestType)).toEqual([
      "CONNECT",
      "SEND",
      "SEND_RECEIPT",
      "PRODUCER",
    ])
    expect(pulsar.stats).toMatchObject({ truncated: 1, malformed: 0 })
  })

  it("refuses frames that are none, and goes on", () => {
    for (const bad of [
      Buffer.concat([u32(0x7fff_ffff), u32(0x7fff_0000), commandBytes(18)]),
      Buffer.concat([u32(8), u32(1), commandBytes(18)]),
      connected,
      Buffer.concat([u32(8), u32(4), Buffer.from([8, 2, 0x12, 0xff])]).fill(0xff, 8),
    ]) {
      const pulsar = makePulsar()
      const { messages } = play(pulsar, [client(connect), client(bad), client(producer(1, 1))])
      expect(messages.map((message) => message.requestType)).toEqual(["CONNECT", "PRODUCER"])
      expect(pulsar.stats).toMatchObject({ malformed: 1, resyncs: 1 })
    }
  })

  it("forgets the oldest of too many requests", () => {
    const pulsar = makePulsar()
    play(pulsar, [
      client(connect, ...Array.from({ length: 1100 }, (_, i) => command(21, field(1, "t"), field(2, i)))),
    ])
    expect(pulsar.stats.overflows).toBe(76)
  })
})

keepsToFrames(makePulsar, conversation.slice(0, 12), maxBuffered)
