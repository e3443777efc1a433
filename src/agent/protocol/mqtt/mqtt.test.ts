import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, type Run, server } from "../transcript.testing.ts"
import { makeMqtt } from "./mqtt.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const version4 = recorded("mosquitto-paho-3.1.1")
const version5 = recorded("mosquitto-paho-5")

const text = (value: string) => Buffer.concat([Buffer.from([0, value.length]), Buffer.from(value)])
const packet = (first: number, ...parts: ReadonlyArray<Uint8Array | number>) => {
  const body = Buffer.concat(parts.map((part) => (typeof part === "number" ? Buffer.from([part]) : part)))
  const length = body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7]
  return Buffer.concat([Buffer.from([first, ...length]), body])
}
const id = (value: number) => Buffer.from([value >> 8, value])
const connect = (level: number, clientId = "c") =>
  level === 3
    ? packet(0x10, text("MQIsdp"), 3, 2, id(60), text(clientId))
    : packet(0x10, text("MQTT"), level, 2, id(60), ...(level === 5 ? [0] : []), text(clientId))
const connack = packet(0x20, 0, 0)
const connack5 = packet(0x20, 0, 0, 0)
const publish = (topic: string, quality = 0, number = 1, payload = "x") =>
  packet(0x30 | (quality << 1), text(topic), ...(quality > 0 ? [id(number)] : []), Buffer.from(payload))
const detect = (bytes: Uint8Array) => makeMqtt().detect(bytes, 0, bytes.length)

/** 4 KiB of both directions. */
const maxBuffered = 8192

describe("detection", () => {
  it("knows CONNECT of every version", () => {
    for (const level of [3, 4, 5]) expect(detect(connect(level))).toBe(Evidence.request)
    expect(detect(connect(4).subarray(0, 5))).toBe(Evidence.unclear)
    expect(detect(packet(0x82, id(1), text("a/+"), 1))).toBe(Evidence.request)
    expect(detect(packet(0x82, id(1), 0, text("a/+"), 1))).toBe(Evidence.request)
    expect(detect(packet(0xa2, id(1), text("a/+")))).toBe(Evidence.request)
  })

  it("waits where packets do not say which side sent them", () => {
    for (const bytes of [publish("a"), connack, packet(0x40, id(1)), packet(0xc0), packet(0xd0)])
      expect(detect(bytes)).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const bytes of [
      packet(0x10, text("MQTX"), 4, 2, id(60), text("c")),
      packet(0x10, text("MQTT"), 9, 2, id(60), text("c")),
      packet(0x82, id(1), text("a/+"), 7),
      packet(0x80, id(1), text("a/+"), 1),
      Buffer.concat([publish("a"), Buffer.from("more")]),
      Buffer.from([0x36, 3, 0, 1, 97]),
      Buffer.from("0123456789"),
      Buffer.from("GET / HTTP/1.1\r\n"),
      Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3]),
    ])
      expect(detect(bytes), bytes.toString("latin1")).toBe(Evidence.none)
  })
})

describe("recorded conversations", () => {
  const expected = [
    "Connect",
    "< ok",
    "Subscribe sensors/+/temperature,alerts/#",
    "< ok",
    "Publish sensors/1/temperature async",
    "< unknown async",
    "Publish sensors/1/temperature",
    "< unknown async",
    "< ok",
    "Puback async",
    "Publish alerts/fire",
    "< ok",
    "Pubrel",
    "< unknown async",
    "Pubrec async",
    "< ok",
    "< ok async",
    "Pubcomp async",
    "Unsubscribe alerts/#",
    "< ok",
    "Disconnect async",
  ]

  it("of version 3.1.1", () => {
    expect(shortly(makeMqtt(), version4)).toEqual(expected)
    const { messages } = play(makeMqtt(), version4)
    expect(new Set(messages.map((message) => message.requestDomain))).toEqual(new Set(["thermo-4"]))
    expect(messages[6].requestId).toBe(messages[8].requestId)
    expect(JSON.stringify(messages)).not.toContain("secret")
  })

  it("of version 5, with the trace and the correlation of what is published", () => {
    const { messages } = play(makeMqtt(), version5)
    expect(
      shortly(makeMqtt(), version5).map((line) => line.replace(" response_topic=replies/1", "")),
    ).toEqual(expected)
    for (const i of [4, 5, 6, 7, 10, 13]) {
      expect(messages[i]).toMatchObject({
        xRequestId: "order-17",
        traceId: "0af7651916cd43dd8448eb211c80319c",
        spanId: "b7ad6b7169203331",
        version: "5",
      })
    }
    expect(JSON.stringify(messages)).not.toContain("secret")
  })
})

describe("outcomes", () => {
  const outcome = (...runs: ReadonlyArray<Run>) =>
    play(makeMqtt(), runs).messages.filter((message) => message.type === RecordType.response)

  it("of CONNECT by return code", () => {
    const statuses = [0, 1, 2, 3, 4, 5].map(
      (code) => outcome(client(connect(4)), server(packet(0x20, 0, code)))[0],
    )
    expect(statuses.map(({ status }) => status)).toEqual([
      ResponseStatus.ok,
      ResponseStatus.clientError,
      ResponseStatus.clientError,
      ResponseStatus.serverError,
      ResponseStatus.clientError,
      ResponseStatus.clientError,
    ])
    expect(statuses[5]).toMatchObject({ code: 5, exception: "Not authorized" })
  })

  it("by reason code in version 5", () => {
    const [refused] = outcome(client(connect(5)), server(packet(0x20, 0, 0x88, 0)))
    expect(refused).toMatchObject({ status: ResponseStatus.serverError, exception: "Server unavailable" })
    const [, denied, busy] = outcome(
      client(connect(5)),
      server(connack5),
      client(packet(0x32, text("a"), id(9), 0, Buffer.from("x"))),
      server(packet(0x40, id(9), 0x87, 6, 31, text("why"))),
      server(packet(0xe0, 0x89, 0)),
    )
    expect(denied).toMatchObject({
      requestId: 9,
      status: ResponseStatus.clientError,
      exception: "Not authorized: why",
      isAsync: false,
    })
    expect(busy).toMatchObject({
      isAsync: true,
      status: ResponseStatus.serverError,
      exception: "Server busy",
    })
  })

  it("of SUBSCRIBE by the first filter that failed", () => {
    const [, suback] = outcome(
      client(connect(4)),
      server(connack),
      client(packet(0x82, id(3), text("a"), 0, text("b"), 1)),
      server(packet(0x90, id(3), 0, 0x80)),
    )
    expect(suback).toMatchObject({ requestId: 3, code: 0x80, status: ResponseStatus.serverError })
  })
})

describe("topics", () => {
  it("by their aliases, each direction with its own", () => {
    const alias = (topic: string, number: number) =>
      packet(0x30, text(topic), 3, 35, id(number), Buffer.from("x"))
    const { messages } = play(makeMqtt(), [
      client(connect(5)),
      server(connack5),
      client(alias("a/b", 1), alias("", 1), alias("", 2)),
      server(alias("", 1)),
    ])
    expect(messages.slice(2).map((message) => message.requestResource)).toEqual(["a/b", "a/b", "", ""])
  })

  it("on connections joined later", () => {
    expect(
      shortly(makeMqtt(), [
        client(packet(0x82, id(1), text("a/+"), 1)),
        server(packet(0x90, id(1), 1)),
        client(publish("a/b", 1, 2)),
        server(packet(0x40, id(2))),
      ]),
    ).toEqual(["Subscribe a/+", "< ok", "Publish a/b", "< ok"])
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a payload", () => {
    const mqtt = makeMqtt()
    const long = publish("a/b", 1, 7, "x".repeat(5000))
    const { messages } = play(mqtt, [
      client(connect(4)),
      server(connack),
      { ...client(long.subarray(0, 100)), missing: long.length - 100 },
      server(packet(0x40, id(7))),
      client(publish("c")),
    ])
    expect(messages.slice(2)).toMatchObject([
      { requestResource: "a/b", requestId: 7, length: long.length - 3, capturedBytes: 100 },
      { requestId: 7, status: ResponseStatus.ok },
      { requestResource: "c" },
    ])
    expect(mqtt.stats).toMatchObject({ truncated: 1, malformed: 0 })
  })

  it("refuses packets that contradict themselves", () => {
    for (const bad of [
      Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 1]),
      Buffer.from([0x30, 0x80, 0x80, 0x80, 0x80, 1]),
      Buffer.from([0x30, 3, 0, 9, 97]),
      Buffer.from([0x00, 0]),
      connack,
    ]) {
      const mqtt = makeMqtt()
      const { messages } = play(mqtt, [client(connect(4)), client(bad), client(publish("after"))])
      expect(mqtt.stats.malformed, bad.toString("hex")).toBe(1)
      expect(messages.map((message) => message.requestResource)).toEqual(["", "after"])
    }
  })
})

keepsToFrames(
  makeMqtt,
  [...version5, client(publish("last", 1, 77)), server(packet(0x40, id(77)))],
  maxBuffered,
)
