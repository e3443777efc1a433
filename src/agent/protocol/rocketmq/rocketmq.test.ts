import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { versionName } from "./codes.ts"
import { makeRocketMq } from "./rocketmq.ts"

const u16 = (value: number) => Buffer.from([value >> 8, value])
const u32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
const framed = (encoding: number, header: Uint8Array, body: Uint8Array = Buffer.alloc(0)) =>
  Buffer.concat([u32(4 + header.length + body.length), u32(header.length + encoding * 2 ** 24), header, body])
interface Header {
  readonly code: number
  readonly extFields?: Record<string, string>
  readonly flag?: number
  readonly opaque?: number
  readonly remark?: string
}
const json = (header: Header, body?: Uint8Array) =>
  framed(
    0,
    Buffer.from(
      JSON.stringify({
        code: header.code,
        ...(header.extFields === undefined ? {} : { extFields: header.extFields }),
        flag: header.flag ?? 0,
        language: "JAVA",
        opaque: header.opaque ?? 1,
        ...(header.remark === undefined ? {} : { remark: header.remark }),
        serializeTypeCurrentRPC: "JSON",
        version: 401,
      }),
    ),
    body,
  )
const sized = (value: string) => Buffer.concat([u32(value.length), Buffer.from(value)])
const binary = (header: Header, body?: Uint8Array) => {
  const fields = Buffer.concat(
    Object.entries(header.extFields ?? {}).map(([name, value]) =>
      Buffer.concat([u16(name.length), Buffer.from(name), sized(value)]),
    ),
  )
  return framed(
    1,
    Buffer.concat([
      ...[u16(header.code), Buffer.from([0]), u16(453), u32(header.opaque ?? 1), u32(header.flag ?? 0)],
      ...[sized(header.remark ?? ""), u32(fields.length), fields],
    ]),
    body,
  )
}
const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
const properties = `UNIQ_KEY\u00017F000001\u0002KEYS\u0001secret\u0002traceparent\u0001${traceparent}\u0002`
const sendV2 = (opaque: number) =>
  json({
    code: 310,
    opaque,
    extFields: { a: "shop", b: "orders", c: "TBW102", e: "2", i: properties, g: "1741316360701" },
  })
const pull = (opaque: number) =>
  json({
    code: 11,
    opaque,
    extFields: { queueId: "3", topic: "orders", consumerGroup: "billing", queueOffset: "29" },
  })
/** One message as brokers store it. */
const stored = (isV6 = false, isLongTopic = false) => {
  const text = "secret"
  const topic = "orders"
  const host = isV6 ? Buffer.alloc(20) : Buffer.alloc(8)
  const parts = [
    ...[Buffer.from(isLongTopic ? "daa320ab" : "daa320a7", "hex"), Buffer.alloc(4 + 4 + 4 + 8 + 8)],
    ...[u32(isV6 ? 0x30 : 0), Buffer.alloc(8), host, Buffer.alloc(8), host, Buffer.alloc(12)],
    ...[u32(text.length), Buffer.from(text), isLongTopic ? u16(topic.length) : Buffer.from([topic.length])],
    ...[Buffer.from(topic), u16(properties.length), Buffer.from(properties)],
  ]
  const body = Buffer.concat(parts)
  return Buffer.concat([u32(body.length + 4), body])
}
const detect = (bytes: Uint8Array) => makeRocketMq().detect(bytes, 0, bytes.length)

/** 8 KiB of both directions. */
const maxBuffered = 16_384

describe("detection", () => {
  it("knows commands in both encodings", () => {
    expect(detect(pull(1))).toBe(Evidence.request)
    expect(detect(json({ code: 34 }))).toBe(Evidence.request)
    expect(detect(binary({ code: 34 }))).toBe(Evidence.request)
    expect(detect(json({ code: 0, flag: 1 }))).toBe(Evidence.response)
    expect(detect(json({ code: 19, flag: 1, extFields: { minOffset: "0", maxOffset: "1" } }))).toBe(
      Evidence.response,
    )
    expect(detect(binary({ code: 0, flag: 1 }))).toBe(Evidence.response)
    expect(detect(pull(1).subarray(0, 6))).toBe(Evidence.unclear)
    // As Go's client writes it.
    expect(
      detect(framed(0, Buffer.from('{"language":"GO","version":431,"opaque":1,"flag":0,"code":34}'))),
    ).toBe(Evidence.request)
  })

  it("takes nothing else", () => {
    for (const other of [
      framed(0, Buffer.from('{"id":1,"method":"code"}')),
      framed(2, Buffer.from('{"code":11,"flag":0}')),
      framed(1, Buffer.alloc(21, 0x55)),
      Buffer.concat([u32(10), u32(90), Buffer.from('{"code":11,"flag":0}')]),
      Buffer.from('{"code":11}'),
      Buffer.alloc(40),
      Buffer.from("GET / HTTP/1.1\r\n"),
    ])
      expect([Evidence.none, Evidence.unclear], other.toString("latin1")).toContain(detect(other))
  })
})

describe("commands", () => {
  it("of sending carry topic, queue, key and trace", () => {
    for (const send of [
      sendV2(7),
      binary({ code: 310, opaque: 7, extFields: { a: "shop", b: "orders", e: "2", i: properties } }),
      json({
        code: 10,
        opaque: 7,
        extFields: { producerGroup: "shop", topic: "orders", queueId: "2", properties },
      }),
    ]) {
      const { messages } = play(makeRocketMq(), [
        client(send),
        server(json({ code: 0, flag: 1, opaque: 7, extFields: { transactionId: "7F000001", queueId: "2" } })),
      ])
      expect(messages[0]).toMatchObject({
        requestDomain: "shop",
        requestResource: "orders",
        endpoint: "orders-2",
        requestId: 7,
        xRequestId: "7F000001",
        traceId: "0af7651916cd43dd8448eb211c80319c",
        spanId: "b7ad6b7169203331",
        isAsync: false,
      })
      expect(messages[1]).toMatchObject({
        endpoint: "orders-2",
        requestId: 7,
        code: 0,
        status: ResponseStatus.ok,
        xRequestId: "7F000001",
      })
      expect(JSON.stringify(messages)).not.toContain("secret")
    }
  })

  it("of pulling show the first message of the answer", () => {
    for (const body of [stored(), stored(true), stored(true, true)]) {
      const answer = json({ code: 0, flag: 1, opaque: 5, remark: "FOUND" }, body)
      expect(play(makeRocketMq(), [client(pull(5)), server(answer)]).messages[1]).toMatchObject({
        result: "FOUND",
        exception: "",
        xRequestId: "7F000001",
        traceId: "0af7651916cd43dd8448eb211c80319c",
      })
    }
  })

  it("pair by number in any order, and those of the broker apart", () => {
    const { messages } = play(makeRocketMq(), [
      client(pull(1), pull(2), json({ code: 15, flag: 2, opaque: 3 })),
      server(json({ code: 221, opaque: 1, extFields: { topic: "orders", group: "billing" } })),
      server(json({ code: 19, flag: 1, opaque: 2, remark: "OFFSET_OVERFLOW_ONE" })),
      client(json({ code: 0, flag: 1, opaque: 1 })),
      server(json({ code: 2, flag: 1, opaque: 1, remark: "[TIMEOUT_CLEAN_QUEUE]broker busy" })),
    ])
    expect(messages.map((message) => [message.requestId, message.isAsync, message.status])).toEqual([
      [1, false, ResponseStatus.unknown],
      [2, false, ResponseStatus.unknown],
      [3, true, ResponseStatus.unknown],
      [2 ** 32 + 1, false, ResponseStatus.unknown],
      [2, false, ResponseStatus.ok],
      [2 ** 32 + 1, false, ResponseStatus.ok],
      [1, false, ResponseStatus.serverError],
    ])
    expect(messages[6].exception).toBe("[TIMEOUT_CLEAN_QUEUE]broker busy")
  })

  it("have names and versions", () => {
    expect(shortly(makeRocketMq(), [client(json({ code: 34 }), json({ code: 7777, opaque: 2 }))])).toEqual([
      "HEART_BEAT",
      "code 7777",
    ])
    expect([293, 399, 401, 412, 413, 3].map(versionName)).toEqual([
      "V4_4_0",
      "V4_9_3",
      "V4_9_4",
      "V5_0_0_SNAPSHOT",
      "V5_0_0",
      "3",
    ])
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a body", () => {
    const rocketMq = makeRocketMq()
    const long = json({ code: 310, opaque: 4, extFields: { b: "orders", e: "1" } }, Buffer.alloc(9000))
    const { messages } = play(rocketMq, [
      { ...client(long.subarray(0, 300)), missing: long.length - 300 },
      server(json({ code: 0, flag: 1, opaque: 4 })),
      client(pull(5)),
    ])
    expect(messages.map((message) => message.requestId)).toEqual([4, 4, 5])
    expect(rocketMq.stats).toMatchObject({ truncated: 1, malformed: 0 })
  })

  it("says nothing of a header that is cut off before its number", () => {
    const cut = pull(5)
    const { messages } = play(makeRocketMq(), [
      { ...client(cut.subarray(0, 50)), missing: cut.length - 50 },
      client(pull(6)),
    ])
    expect(messages.map((message) => message.requestId)).toEqual([6])
  })

  it("refuses frames that are none, and goes on", () => {
    for (const bad of [
      Buffer.concat([u32(0x7fff_ffff), u32(40), Buffer.from('{"code":11,"flag":0,"opaque":1}')]),
      framed(0, Buffer.from('{"code":11,"flag":0}')),
      framed(1, Buffer.alloc(30, 0xee)),
    ]) {
      const rocketMq = makeRocketMq()
      const { messages } = play(rocketMq, [client(bad), client(pull(6))])
      expect(messages.map((message) => message.requestId)).toEqual([6])
      expect(rocketMq.stats).toMatchObject({ malformed: 1, resyncs: 1 })
    }
  })
})

keepsToFrames(
  makeRocketMq,
  [
    client(sendV2(1)),
    server(json({ code: 0, flag: 1, opaque: 1 })),
    client(pull(2)),
    server(json({ code: 0, flag: 1, opaque: 2, remark: "FOUND" }, stored())),
    client(binary({ code: 38, opaque: 3, extFields: { consumerGroup: "billing" } })),
    server(binary({ code: 0, flag: 1, opaque: 3 }, Buffer.from('{"consumerIdList":[]}'))),
    client(json({ code: 15, flag: 2, opaque: 4 }), json({ code: 34, opaque: 5 })),
    server(json({ code: 0, flag: 1, opaque: 5 })),
  ],
  maxBuffered,
)
