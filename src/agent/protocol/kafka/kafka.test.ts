import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeKafka } from "./kafka.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const producer = recorded("kafka-producer")
const consumer = recorded("kafka-consumer")

const i8 = (value: number) => Buffer.from([value & 0xff])
const i16 = (value: number) => Buffer.from([value >> 8, value])
const i32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
const i64 = (value: number) => Buffer.concat([i32(Math.floor(value / 2 ** 32)), i32(value | 0)])
const text = (value: string) => Buffer.concat([i16(value.length), Buffer.from(value)])
const varint = (value: number): Buffer =>
  value < 128 ? Buffer.from([value]) : Buffer.concat([Buffer.from([(value & 127) | 128]), varint(value >> 7)])
const compact = (value: string) => Buffer.concat([varint(value.length + 1), Buffer.from(value)])

const framed = (...parts: ReadonlyArray<Uint8Array>) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([i32(body.length), body])
}
const request = (key: number, version: number, id: number, ...body: ReadonlyArray<Uint8Array>) =>
  framed(i16(key), i16(version), i32(id), text("client"), ...body)
const response = (id: number, ...body: ReadonlyArray<Uint8Array>) => framed(i32(id), ...body)
const metadata = (id: number, topic: string) => request(3, 1, id, i32(1), text(topic))
const heartbeat = (id: number) => request(12, 0, id, text("group"), i32(1), text("member"))
const detect = (bytes: Uint8Array) => makeKafka().detect(bytes, 0, bytes.length)

/** 4 KiB of both directions. */
const maxBuffered = 8192

describe("detection", () => {
  it("knows requests by their head", () => {
    expect(detect(metadata(1, "orders"))).toBe(Evidence.request)
    expect(detect(request(18, 4, 0, i8(0)))).toBe(Evidence.request)
    expect(detect(framed(i16(18), i16(0), i32(1), i16(-1)))).toBe(Evidence.request)
    expect(detect(metadata(1, "orders").subarray(0, 10))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const bytes of [
      response(1, text("what an answer may be")),
      framed(i16(200), i16(0), i32(1), text("client")),
      framed(i16(3), i16(99), i32(1), text("client")),
      framed(i16(3), i16(1), i32(-1), text("client")),
      framed(i16(3), i16(1), i32(1), text("cl\u0001ent")),
      framed(i16(3), i16(1), i32(1), i16(2000), Buffer.alloc(2000, 97)),
      Buffer.from("GET / HTTP/1.1\r\n\r\n"),
      Buffer.concat([i32(0x7fff_ffff), i16(3), i16(1), i32(1), text("client")]),
    ]) {
      expect(detect(bytes), bytes.toString("hex").slice(0, 40)).toBe(Evidence.none)
    }
    expect(detect(framed(i16(0), i16(0), i32(0), i16(0)))).toBe(Evidence.unclear)
  })
})

describe("recorded conversations", () => {
  it("an admin", () => {
    expect(shortly(makeKafka(), recorded("kafka-admin"))).toEqual([
      "ApiVersions client_id=shop",
      "< ok",
      "CreateTopics client_id=shop",
      "< ok",
      "CreateTopics client_id=shop",
      "< client_error 36 TOPIC_ALREADY_EXISTS",
    ])
  })

  it("a producer", () => {
    const { messages } = play(makeKafka(), producer)
    expect(shortly(makeKafka(), producer)).toEqual([
      "ApiVersions client_id=shop",
      "< ok",
      "InitProducerId client_id=shop",
      "< ok",
      "Produce client_id=shop records=1",
      "< ok",
      "Produce client_id=shop records=1",
      "< ok",
    ])
    expect(messages[4]).toMatchObject({
      requestDomain: "orders",
      endpoint: "orders-0",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      requestId: 6,
    })
    expect(messages[5]).toMatchObject({
      requestResource: "orders-0:0",
      xRequestId: "orders-0:0",
      endpoint: "orders-0",
      code: 0,
      requestId: 6,
    })
    expect(JSON.stringify(messages)).not.toContain("secret")
    expect(shortly(makeKafka(), recorded("kafka-producer-gzip")).slice(-2)).toEqual([
      "Produce client_id=shop records=1 compression=gzip",
      "< ok",
    ])
  })

  it("a consumer, and the trace of what it gets", () => {
    const { messages } = play(makeKafka(), consumer)
    const [fetch, fetched] = messages.filter((message) => message.requestType === "Fetch")
    expect(fetch).toMatchObject({ requestDomain: "orders", requestResource: "orders-0:0" })
    expect(fetched).toMatchObject({
      requestDomain: "orders",
      xRequestId: "orders-0:0",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      status: ResponseStatus.ok,
    })
    expect(JSON.stringify(messages)).not.toContain("secret")
  })

  it("members of a group", () => {
    expect(shortly(makeKafka(), recorded("kafka-group")).slice(2)).toEqual([
      "JoinGroup client_id=shop group_id=billing",
      "< ok 79 MEMBER_ID_REQUIRED",
      "JoinGroup client_id=shop group_id=billing",
      "< ok",
      "SyncGroup client_id=shop group_id=billing",
      "< ok",
      "OffsetFetch client_id=shop group_id=billing",
      "< ok",
      "OffsetCommit orders-0:3 client_id=shop group_id=billing",
      "< ok",
      "OffsetCommit orders-0:3 client_id=shop group_id=billing",
      "< ok",
      "LeaveGroup client_id=shop group_id=billing",
      "< ok",
    ])
    expect(shortly(makeKafka(), recorded("kafka-group-new"))).toContain(
      "ConsumerGroupHeartbeat client_id=shop group_id=billing",
    )
  })
})

describe("calls", () => {
  it("pairs by correlation id, in any order", () => {
    const { messages } = play(makeKafka(), [
      client(heartbeat(1), metadata(2, "orders"), heartbeat(3)),
      server(response(3, i16(27)), response(1, i16(25))),
    ])
    expect(messages.slice(3)).toMatchObject([
      { requestId: 3, requestType: "Heartbeat", status: ResponseStatus.ok, result: "REBALANCE_IN_PROGRESS" },
      { requestId: 1, status: ResponseStatus.clientError, code: 25, exception: "UNKNOWN_MEMBER_ID" },
    ])
  })

  it("finds the first partition that failed", () => {
    const produced = response(
      7,
      i32(1),
      text("orders"),
      i32(2),
      ...[i32(0), i16(0), i64(5), i64(-1)],
      ...[i32(1), i16(19), i64(-1), i64(-1)],
      i32(0),
    )
    const { messages } = play(makeKafka(), [
      client(
        request(0, 2, 7, i16(-1), i32(1000), i32(1), text("orders"), i32(2), i32(0), i32(0), i32(1), i32(0)),
      ),
      server(produced),
    ])
    expect(messages[1]).toMatchObject({
      code: 19,
      status: ResponseStatus.serverError,
      exception: "NOT_ENOUGH_REPLICAS",
      requestResource: "orders-0:5",
    })
  })

  it("takes what a producer does not want answered for one-way", () => {
    const oneWay = request(0, 2, 1, i16(0), i32(1000), i32(1), text("orders"), i32(1), i32(3), i32(0))
    const { messages } = play(makeKafka(), [client(oneWay, heartbeat(1)), server(response(1, i16(0)))])
    expect(messages).toMatchObject([
      { isAsync: true, endpoint: "orders-3" },
      { requestType: "Heartbeat", isAsync: false },
      { requestType: "Heartbeat", status: ResponseStatus.ok },
    ])
  })

  it("names topics by the ids that metadata told, on any connection", () => {
    const id = Buffer.from("00112233445566778899aabbccddeeff", "hex")
    const none = i8(0)
    const kafka = makeKafka()
    const asked = request(
      3,
      12,
      1,
      none,
      varint(2),
      Buffer.alloc(16),
      compact("orders"),
      none,
      i8(1),
      i8(0),
      none,
    )
    const told = response(
      1,
      ...[none, i32(0), varint(1), compact("cluster"), i32(1)],
      ...[varint(2), i16(0), compact("orders"), id, i8(0), varint(1), i32(0), none],
      none,
    )
    play(kafka, [client(asked), server(told)])
    const fetch = request(
      1,
      15,
      2,
      ...[none, i32(500), i32(1), i32(1000), i8(0), i32(0), i32(0)],
      ...[varint(2), id, varint(2), i32(4), i32(-1), i64(9), i32(-1), i64(0), i32(1000), none, none],
    )
    expect(play(kafka, [client(fetch)]).messages[0].requestResource).toBe("orders-4:9")
    expect(play(makeKafka(), [client(fetch)]).messages[0].requestDomain).toBe(
      "00112233-4455-6677-8899-aabbccddeeff",
    )
  })

  it("never invents an outcome", () => {
    const cut = response(1, i16(0))
    const [, answer] = play(makeKafka(), [
      client(heartbeat(1)),
      { ...server(cut.subarray(0, 9)), missing: 1 },
    ]).messages
    expect(answer).toMatchObject({ status: ResponseStatus.unknown, requestType: "Heartbeat" })
    // An answer to nothing that was asked.
    expect(play(makeKafka(), [client(heartbeat(1)), server(response(9, i16(0)))]).messages).toHaveLength(1)
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a long request", () => {
    const kafka = makeKafka()
    const long = request(
      0,
      2,
      1,
      i16(1),
      i32(9),
      i32(1),
      text("orders"),
      i32(1),
      i32(0),
      i32(50_000),
      Buffer.alloc(50_000),
    )
    const { messages } = play(kafka, [
      { ...client(long.subarray(0, 1024)), missing: long.length - 1024 },
      client(heartbeat(2)),
      server(response(2, i16(0))),
    ])
    expect(messages).toMatchObject([
      { requestType: "Produce", endpoint: "orders-0", length: long.length - 4, capturedBytes: 1024 },
      { requestType: "Heartbeat" },
      { requestType: "Heartbeat", status: ResponseStatus.ok },
    ])
    expect(kafka.stats).toMatchObject({ truncated: 1, malformed: 0, resyncs: 0 })
  })

  it("forgets the oldest of too many calls", () => {
    const kafka = makeKafka()
    const many = Array.from({ length: 1100 }, (_, i) => heartbeat(i))
    const { messages } = play(kafka, [
      ...many.map((frame) => client(frame)),
      server(response(0, i16(0))),
      server(response(1099, i16(0))),
    ])
    expect(messages).toHaveLength(1101)
    expect(kafka.stats.overflows).toBe(76)
  })

  it("refuses hostile lengths", () => {
    for (const hostile of [
      Buffer.concat([i32(-1), Buffer.alloc(20)]),
      Buffer.concat([i32(3), Buffer.alloc(20)]),
      framed(i16(9999), i16(0), i32(1), text("x"), Buffer.alloc(9)),
    ]) {
      const kafka = makeKafka()
      const { messages } = play(kafka, [client(hostile), client(heartbeat(1)), server(response(1, i16(0)))])
      expect(messages).toHaveLength(2)
      expect(kafka.stats).toMatchObject({ malformed: 1, resyncs: 1 })
    }
    const endless = request(3, 9, 1, i8(0), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x7f]))
    expect(play(makeKafka(), [client(endless)]).messages).toHaveLength(1)
  })
})

keepsToFrames(
  makeKafka,
  [...producer, client(heartbeat(50), metadata(51, "x")), server(response(50, i16(0)))],
  maxBuffered,
)
