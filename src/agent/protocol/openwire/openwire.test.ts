import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeOpenWire } from "./openwire.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const tight = recorded("activemq-tight")
const loose = recorded("activemq-loose")

const u16 = (value: number) => Buffer.from([value >> 8, value])
const u32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
const utf = (value: string) => Buffer.concat([u16(value.length), Buffer.from(value)])
const yes = Buffer.from([1])
const no = Buffer.from([0])
const string = (value: string) => Buffer.concat([yes, utf(value)])
const framed = (type: number, ...parts: ReadonlyArray<Uint8Array>) => {
  const body = Buffer.concat([Buffer.from([type]), ...parts])
  return Buffer.concat([u32(body.length), body])
}
const wireFormat = (version: number, ...flags: ReadonlyArray<string>) => {
  const map = Buffer.concat([
    u32(flags.length),
    ...flags.map((flag) => Buffer.concat([utf(flag), Buffer.from([1, 1])])),
  ])
  return framed(1, Buffer.from("ActiveMQ"), u32(version), yes, u32(map.length), map)
}
/** Loose, without a cache. */
const queue = (name: string) => Buffer.concat([yes, Buffer.from([100]), string(name)])
const consumerId = Buffer.concat([yes, Buffer.from([122]), string("ID:host-1"), Buffer.alloc(16)])
const consumerInfo = (id: number, name: string, wantsAnswer = true) =>
  framed(5, u32(id), wantsAnswer ? yes : no, consumerId, no, queue(name))
const response = (to: number) => framed(30, u32(0), no, u32(to))
const failure = (to: number, className: string, text: string) =>
  framed(31, u32(0), no, u32(to), yes, string(className), string(text))
const greetings = [client(wireFormat(12)), server(wireFormat(11))]
const detect = (bytes: Uint8Array) => makeOpenWire().detect(bytes, 0, bytes.length)

/** 4 KiB of both directions. */
const maxBuffered = 8192

describe("detection", () => {
  it("knows greetings, identities and responses", () => {
    expect(detect(wireFormat(12))).toBe(Evidence.either)
    expect(detect(consumerInfo(1, "q"))).toBe(Evidence.request)
    expect(detect(response(7))).toBe(Evidence.response)
    expect(detect(framed(30, Buffer.from([1, 0]), u32(0), u32(7)))).toBe(Evidence.response)
    expect(detect(wireFormat(12).subarray(0, 9))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      framed(1, Buffer.from("ActiveXX"), u32(1), no),
      framed(5, u32(1), yes, Buffer.alloc(40)),
      framed(30, u32(3), no, u32(7)),
      framed(99, Buffer.alloc(40)),
      Buffer.alloc(40),
      Buffer.from("GET / HTTP/1.1\r\nHost: a\r\n"),
    ])
      expect(detect(other), other.toString("hex")).toBe(Evidence.none)
  })
})

describe("recorded conversations", () => {
  const expected = [
    "BrokerInfo",
    "ConnectionInfo",
    "ConnectionControl",
    "Response",
    "ConsumerInfo ActiveMQ.Advisory.TempQueue,ActiveMQ.Advisory.TempTopic",
    "Response ActiveMQ.Advisory.TempQueue,ActiveMQ.Advisory.TempTopic",
    "SessionInfo",
    "ProducerInfo invoices",
    "Response invoices",
    "ActiveMQTextMessage invoices order-0",
    "Response invoices",
    "ActiveMQTextMessage invoices order-1",
    "Response invoices",
    "ConsumerInfo invoices",
    "Response invoices",
    "MessageDispatch invoices order-0",
    "MessageDispatch invoices order-1",
    "MessageAck invoices",
    "MessageAck invoices",
    ...["RemoveInfo", "SessionInfo", "RemoveInfo", "RemoveInfo", "RemoveInfo", "Response", "ShutdownInfo"],
  ]

  for (const [name, runs] of [
    ["tight", tight],
    ["loose", loose],
  ] as const) {
    it(`in the ${name} encoding`, () => {
      const { messages } = play(makeOpenWire(), runs)
      const lines = messages.map((message) =>
        [message.requestType, message.requestResource, message.xRequestId]
          .filter((part) => part !== "")
          .join(" "),
      )
      expect(lines.slice(2)).toEqual(expected)
      expect(new Set(messages.slice(2).map((message) => message.version))).toEqual(new Set(["12"]))
      const sent = messages.filter((message) => message.requestType === "ActiveMQTextMessage")
      const received = messages.filter((message) => message.requestType === "MessageDispatch")
      for (const message of [...sent, ...received])
        expect(message).toMatchObject({
          traceId: "0af7651916cd43dd8448eb211c80319c",
          spanId: "b7ad6b7169203331",
          requestDomain: "tcp://localhost:61626",
        })
      expect(received.map((message) => message.requestId)).toEqual(sent.map((message) => message.requestId))
      expect(JSON.stringify(messages)).not.toContain("secret")
    })
  }

  it("in the tight encoding, joined after the greetings", () => {
    const { messages } = play(makeOpenWire(), tight.slice(2))
    expect(messages.map((message) => message.requestType)).toEqual(expected.map((line) => line.split(" ")[0]))
    expect(messages[9].requestResource).toBe("invoices")
  })
})

describe("calls", () => {
  it("pairs by command id, in any order", () => {
    expect(
      shortly(makeOpenWire(), [
        ...greetings,
        client(consumerInfo(1, "a"), consumerInfo(2, "b"), consumerInfo(3, "c", false)),
        server(failure(2, "javax.jms.JMSException", "no such thing"), response(1)),
      ]).slice(2),
    ).toEqual([
      "ConsumerInfo a",
      "ConsumerInfo b",
      "ConsumerInfo c async",
      "< server_error javax.jms.JMSException: no such thing",
      "< ok",
    ])
  })

  it("blames the client for what the client reports", () => {
    const { messages } = play(makeOpenWire(), [...greetings, client(failure(9, "E", "x"))])
    expect(messages.at(-1)).toMatchObject({
      type: RecordType.response,
      isAsync: true,
      status: ResponseStatus.clientError,
    })
  })

  it("forgets numbers of destinations after a loss", () => {
    const cached = (index: number, name = "") =>
      name === "" ? Buffer.concat([no, u16(index)]) : Buffer.concat([yes, u16(index), queue(name)])
    const subscribe = (id: number, destination: Uint8Array) =>
      framed(5, u32(id), yes, cached(1, "ID:x"), no, destination)
    const { messages } = play(makeOpenWire(), [
      client(wireFormat(12, "CacheEnabled")),
      server(wireFormat(12, "CacheEnabled")),
      client(subscribe(1, cached(2, "orders")), subscribe(2, cached(2)), subscribe(3, cached(7))),
      { ...client(new Uint8Array(0)), missing: 500 },
      client(subscribe(4, cached(2))),
    ])
    expect(messages.slice(2).map((message) => message.requestResource)).toEqual(["orders", "orders", "", ""])
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a command", () => {
    const openWire = makeOpenWire()
    const long = framed(28, u32(5), no, Buffer.alloc(9000))
    expect(
      shortly(openWire, [
        ...greetings,
        { ...client(long.subarray(0, 60)), missing: long.length - 60 },
        client(consumerInfo(6, "q")),
      ]).slice(2),
    ).toEqual(["ActiveMQTextMessage async", "ConsumerInfo q"])
    expect(openWire.stats).toMatchObject({ truncated: 1, malformed: 0 })
  })

  it("refuses lengths and types that are none, and goes on", () => {
    for (const bad of [u32(0), u32(0x7fff_ffff), framed(77, u32(0))]) {
      const openWire = makeOpenWire()
      const runs = [...greetings, client(Buffer.concat([bad, Buffer.alloc(9)])), client(consumerInfo(6, "q"))]
      expect(shortly(openWire, runs).at(-1)).toBe("ConsumerInfo q")
      expect(openWire.stats.malformed).toBe(1)
    }
  })

  it("reads no further than an object that it does not know", () => {
    const odd = framed(5, u32(1), yes, yes, Buffer.from([255]), Buffer.alloc(50))
    expect(shortly(makeOpenWire(), [...greetings, client(odd)]).at(-1)).toBe("ConsumerInfo")
    // Objects in objects without end.
    const deep = framed(22, u32(1), yes, ...Array.from({ length: 200 }, () => Buffer.from([1, 111])))
    expect(shortly(makeOpenWire(), [...greetings, client(deep)]).at(-1)).toBe("MessageAck")
  })
})

keepsToFrames(makeOpenWire, tight, maxBuffered)
