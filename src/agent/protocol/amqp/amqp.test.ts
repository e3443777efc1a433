import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeAmqp } from "./amqp.ts"

const recording = readRecording(new URL("./recordings/rabbitmq-pika.jsonl", import.meta.url))

const u16 = (value: number) => Buffer.from([value >> 8, value])
const u32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
const u64 = (value: number) => Buffer.concat([u32(0), u32(value)])
const short = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
const bits = (value: number) => Buffer.from([value])
const frame = (type: number, channel: number, ...parts: ReadonlyArray<Uint8Array>) => {
  const payload = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([type]), u16(channel), u32(payload.length), payload, Buffer.from([0xce])])
}
const method = (channel: number, classId: number, methodId: number, ...parts: ReadonlyArray<Uint8Array>) =>
  frame(1, channel, u16(classId), u16(methodId), ...parts)
const header = (channel: number, bytes: number, flags = 0, ...properties: ReadonlyArray<Uint8Array>) =>
  frame(2, channel, u16(60), u16(0), u64(bytes), u16(flags), ...properties)
const body = (channel: number, text: string) => frame(3, channel, Buffer.from(text))
const withoutEnd = (bytes: Buffer) => Buffer.concat([bytes.subarray(0, -1), Buffer.from([0])])
const protocolHeader = Buffer.from("AMQP\0\0\x09\x01", "latin1")
const heartbeat = frame(8, 0)
const publish = (channel: number, exchange: string, key: string) =>
  method(channel, 60, 40, u16(0), short(exchange), short(key), bits(0))
const declare = (channel: number, queue: string, flags = 0) =>
  method(channel, 50, 10, u16(0), short(queue), bits(flags), u32(0))
const declared = (channel: number, queue: string) => method(channel, 50, 11, short(queue), u32(0), u32(0))
const closeChannel = (channel: number, code: number, text: string, classId = 0, methodId = 0) =>
  method(channel, 20, 40, u16(code), short(text), u16(classId), u16(methodId))
const detect = (bytes: Uint8Array) => makeAmqp().detect(bytes, 0, bytes.length)

/** 4 KiB of both directions. */
const maxBuffered = 8192

describe("detection", () => {
  it("knows the protocol header, and methods on connections joined later", () => {
    expect(detect(protocolHeader)).toBe(Evidence.request)
    expect(detect(publish(1, "e", "k"))).toBe(Evidence.request)
    expect(detect(declared(3, "q"))).toBe(Evidence.response)
    expect(detect(closeChannel(1, 404, "x"))).toBe(Evidence.either)
    for (const unclear of [
      protocolHeader.subarray(0, 5),
      heartbeat,
      header(1, 5),
      publish(1, "e", "k").subarray(0, 9),
    ])
      expect(detect(unclear)).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      Buffer.from("AMQP\0\x01\0\0", "latin1"),
      method(1, 10, 10),
      method(0, 60, 40),
      method(1, 77, 1),
      body(1, "text"),
      frame(8, 1),
      withoutEnd(publish(1, "e", "k")),
      Buffer.from([1, 0, 1, 0xff, 0, 0, 0, 0, 60, 0, 40]),
      Buffer.from("GET / HTTP/1.1\r\n"),
    ])
      expect(detect(other), other.toString("hex")).toBe(Evidence.none)
  })
})

describe("a recorded conversation", () => {
  const { messages } = play(makeAmqp(), recording)

  it("pairs methods by channel and joins content to its method", () => {
    expect(
      shortly(makeAmqp(), recording).map((line) =>
        line.replace(/ (content_type|reply_to|message_id)=\S+/g, ""),
      ),
    ).toEqual([
      ...["Connection.Start", "< ok", "Connection.Tune", "< ok", "Connection.Open", "< ok"],
      ...["Channel.Open", "< ok", "Exchange.Declare orders.", "< ok", "Queue.Declare invoices", "< ok"],
      ...["Queue.Bind invoices", "< ok", "Confirm.Select", "< ok"],
      ...["Basic.Publish orders.order.new correlation_id=c-1 async", "< unknown async"],
      ...["Basic.Publish invoices async", "< unknown async"],
      ...["Basic.Get invoices", "< ok correlation_id=c-1", "Basic.Ack async"],
      ...["Basic.Consume invoices", "< ok", "< unknown async", "Basic.Ack async", "Basic.Cancel", "< ok"],
      ...["Queue.Declare missing", "< client_error 404 NOT_FOUND - no queue 'missing' in vhost '/'"],
      ...["Channel.Open", "< ok", "Basic.Publish nowhere.x async", "Queue.Declare"],
      "< client_error 404 NOT_FOUND - no exchange 'nowhere' in vhost '/'",
      ...["Connection.Close", "< ok"],
    ])
  })

  it("carries identity, trace and sizes, and no contents or credentials", () => {
    const published = messages.find((message) => message.requestType === "Basic.Publish")
    expect(published).toMatchObject({
      requestDomain: "/",
      xRequestId: "m-1",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      length: 600,
    })
    const got = messages[messages.findIndex((message) => message.requestType === "Basic.Get") + 1]
    expect(got).toMatchObject({
      xRequestId: "m-1",
      traceId: published?.traceId,
      length: 600,
      endpoint: "invoices",
    })
    expect(JSON.stringify(messages)).not.toMatch(/secret|guest/)
  })
})

describe("closes by the broker", () => {
  it("answer what they blame, by the class of the code", () => {
    const close = method(0, 10, 50, u16(541), short("INTERNAL_ERROR"), u16(50), u16(10))
    const { messages } = play(makeAmqp(), [client(declare(1, "a"), declare(2, "b")), server(close)])
    expect(messages[2]).toMatchObject({
      requestId: 1,
      endpoint: "a",
      code: 541,
      status: ResponseStatus.serverError,
      exception: "INTERNAL_ERROR",
      isAsync: false,
    })
  })

  it("are one-way when nothing waits", () => {
    const { messages } = play(makeAmqp(), [
      client(publish(1, "gone", "k"), header(1, 0)),
      server(closeChannel(1, 404, "NOT_FOUND - no exchange 'gone'", 60, 40)),
      client(method(1, 20, 41)),
    ])
    expect(messages).toHaveLength(2)
    expect(messages[1]).toMatchObject({
      isAsync: true,
      requestType: "Channel.Close",
      status: ResponseStatus.clientError,
    })
  })
})

describe("contents", () => {
  it("of several channels and both directions interleave", () => {
    const deliver = method(1, 60, 60, short("tag"), u64(1), bits(0), short("e"), short("in"))
    expect(
      shortly(makeAmqp(), [
        client(publish(1, "e", "one"), publish(2, "e", "two"), header(2, 4), header(1, 3)),
        server(deliver, header(1, 2)),
        client(body(1, "abc"), body(2, "ab")),
        server(body(1, "xy")),
        client(body(2, "cd")),
      ]),
    ).toEqual(["Basic.Publish e.one async", "< unknown async", "Basic.Publish e.two async"])
  })

  it("that never end are told of at the end", () => {
    const amqp = makeAmqp()
    expect(shortly(amqp, [client(publish(1, "e", "k"), header(1, 10), body(1, "abc"))])).toEqual([
      "Basic.Publish e.k async",
    ])
    expect(amqp.stats.truncated).toBe(1)
  })

  it("returns say why", () => {
    const returned = method(1, 60, 50, u16(312), short("NO_ROUTE"), short("e"), short("k"))
    expect(play(makeAmqp(), [server(returned, header(1, 0))]).messages[0]).toMatchObject({
      isAsync: true,
      code: 312,
      status: ResponseStatus.clientError,
      exception: "NO_ROUTE",
      endpoint: "e.k",
    })
  })
})

it("methods that want no answer are one-way", () => {
  expect(
    shortly(makeAmqp(), [client(declare(1, "q", 16), declare(1, "r")), server(declared(1, "r"))]),
  ).toEqual(["Queue.Declare q async", "Queue.Declare r", "< ok"])
})

describe("losses and hostile input", () => {
  it("skips what is missing of a body", () => {
    const amqp = makeAmqp()
    const long = body(1, "x".repeat(9000))
    const { messages } = play(amqp, [
      client(publish(1, "e", "k"), header(1, 9000)),
      { ...client(long.subarray(0, 100)), missing: long.length - 100 },
      client(declare(1, "q")),
      server(declared(1, "q")),
    ])
    expect(messages.map((message) => message.endpoint)).toEqual(["e.k", "q", "q"])
    expect(messages[0].length).toBe(9000)
    expect(amqp.stats).toMatchObject({ malformed: 0, resyncs: 0 })
  })

  it("refuses frames that are none, and goes on", () => {
    for (const bad of [
      frame(9, 1, u32(0)),
      method(1, 77, 7),
      declared(1, "q"),
      Buffer.concat([Buffer.from([1, 0, 1, 0x7f, 0xff, 0xff, 0xff]), Buffer.alloc(30)]),
      withoutEnd(declare(1, "q")),
    ]) {
      const amqp = makeAmqp()
      expect(shortly(amqp, [client(bad), client(declare(1, "q")), server(declared(1, "q"))])).toEqual([
        "Queue.Declare q",
        "< ok",
      ])
      expect(amqp.stats).toMatchObject({ malformed: 1, resyncs: 1 })
    }
  })

  it("bounds its channels", () => {
    const amqp = makeAmqp()
    play(amqp, [client(...Array.from({ length: 600 }, (_, i) => declare(i + 1, "q")))])
    play(amqp, [client(...Array.from({ length: 600 }, (_, i) => publish(i + 1, "e", "k")))])
    expect(amqp.stats).toMatchObject({ overflows: 4, malformed: 0, requests: 1200 })
  })
})

keepsToFrames(makeAmqp, [...recording, client(declare(9, "q")), server(declared(9, "q"))], maxBuffered)
