import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, type Run, server } from "../transcript.testing.ts"
import { makeZmtp } from "./zmtp.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const reqRep = recorded("libzmq-req-rep")
const pubSub = recorded("libzmq-pub-sub")

const greeting = (mechanism = "NULL") => {
  const bytes = Buffer.alloc(64)
  bytes[0] = 0xff
  bytes[8] = 1
  bytes[9] = 0x7f
  bytes[10] = 3
  bytes[11] = 1
  bytes.write(mechanism, 12, "latin1")
  return bytes
}
const part = (body: string | Uint8Array, flags = 0) =>
  body.length < 256
    ? Buffer.concat([Buffer.from([flags, body.length]), Buffer.from(body as string)])
    : Buffer.concat([
        Buffer.from([flags | 2, 0, 0, 0, 0, 0, 0, body.length >> 8, body.length]),
        Buffer.from(body as string),
      ])
const more = (body: string) => part(body, 1)
const command = (name: string, data: string = "") =>
  part(`${String.fromCharCode(name.length)}${name}${data}`, 4)
const ready = (type: string) =>
  command("READY", `\x0bSocket-Type\0\0\0${String.fromCharCode(type.length)}${type}`)
const opening = (own: string, other: string) => [
  client(greeting()),
  server(greeting(), ready(other)),
  client(ready(own)),
]
const afterOpening = (own: string, other: string, ...runs: ReadonlyArray<Run>) =>
  play(makeZmtp(), [...opening(own, other), ...runs]).messages.slice(4)
const detect = (bytes: Uint8Array) => makeZmtp().detect(bytes, 0, bytes.length)

/** 1 KiB of both directions. */
const maxBuffered = 2048

describe("detection", () => {
  it("knows the greeting of version 3", () => {
    expect(detect(greeting())).toBe(Evidence.either)
    expect(detect(greeting().subarray(0, 11))).toBe(Evidence.either)
    expect(detect(greeting().subarray(0, 10))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    const older = greeting()
    older[10] = 1
    for (const other of [older, Buffer.from([0xff, 0xfe, 0]), part("message"), Buffer.alloc(64)])
      expect(detect(other)).toBe(Evidence.none)
  })
})

describe("recorded conversations", () => {
  it("requests and answers of several frames", () => {
    const { messages } = play(makeZmtp(), reqRep)
    expect(shortly(makeZmtp(), reqRep)).toEqual([
      "< unknown mechanism=NULL async",
      "Greeting mechanism=NULL async",
      "Command socket_type=REQ async",
      "< unknown socket_type=REP async",
      ...["Message", "< ok", "Message", "< ok"],
    ])
    // The empty delimiter and both frames.
    expect(messages[4].length).toBe(6 + 3)
    expect(messages[6].length).toBe(6 + 300)
    expect(JSON.stringify(messages)).not.toContain("secret")
  })

  it("publications, by the subscription that they match", () => {
    const { messages } = play(makeZmtp(), pubSub)
    expect(
      messages.slice(4).map((message) => [message.endpoint, message.requestResource, message.isAsync]),
    ).toEqual([
      ["SUBSCRIBE", "weather.", true],
      ["SUBSCRIBE", "weather.berlin", true],
      ["weather.berlin", "weather.berlin", true],
      ["weather.", "weather.", true],
      ["CANCEL", "weather.", true],
    ])
    expect(JSON.stringify(messages)).not.toMatch(/secret|rome/)
  })
})

describe("messages", () => {
  it("of REQ are requests whoever connected", () => {
    expect(
      afterOpening("REP", "REQ", server(more(""), part("a")), client(more(""), part("b"))).map(
        ({ type, isAsync }) => [type, isAsync],
      ),
    ).toEqual([
      [RecordType.request, false],
      [RecordType.response, false],
    ])
  })

  it("of other sockets are one-way", () => {
    expect(afterOpening("DEALER", "ROUTER", client(part("a")), server(part("b")))).toMatchObject([
      { isAsync: true, type: RecordType.request },
      { isAsync: true, type: RecordType.response },
    ])
  })

  it("of a subscriber of version 3.0 are its subscriptions", () => {
    const messages = afterOpening(
      "SUB",
      "PUB",
      client(part("\x01news")),
      server(more("news"), part("x")),
      client(part("\x00news")),
    )
    expect(messages.map((message) => `${message.endpoint} ${message.requestResource}`)).toEqual([
      "SUBSCRIBE news",
      "news news",
      "CANCEL news",
    ])
  })

  it("errors are told", () => {
    const runs = [
      client(greeting("PLAIN")),
      server(greeting("PLAIN")),
      client(command("HELLO", "\x01u\x01p")),
    ]
    const { messages } = play(makeZmtp(), [...runs, server(command("ERROR", "\x06denied"))])
    expect(messages.at(-1)).toMatchObject({
      endpoint: "ERROR",
      status: ResponseStatus.serverError,
      exception: "denied",
    })
    expect(messages.at(-2)).toMatchObject({ endpoint: "HELLO", requestResource: "", attributes: [] })
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a frame", () => {
    const zmtp = makeZmtp()
    const long = part("x".repeat(5000), 1)
    const { messages } = play(zmtp, [
      ...opening("REQ", "REP"),
      { ...client(long.subarray(0, 50)), missing: long.length - 50 },
      client(part("end")),
      server(part("answer")),
    ])
    expect(messages.slice(4)).toMatchObject([
      { type: RecordType.request, length: 5003, capturedBytes: 55 },
      { type: RecordType.response, status: ResponseStatus.ok },
    ])
    expect(zmtp.stats).toMatchObject({ malformed: 0, truncated: 1 })
  })

  it("refuses flags and lengths that are none, and goes on", () => {
    for (const bad of [
      Buffer.from([8, 1, 0]),
      Buffer.from([5, 1, 0]),
      Buffer.from([2, 0xff, 0, 0, 0, 0, 0, 0, 1]),
      Buffer.concat([more("a"), command("PING")]),
    ]) {
      const zmtp = makeZmtp()
      const { messages } = play(zmtp, [...opening("PUSH", "PULL"), client(bad), client(part("after"))])
      expect(zmtp.stats).toMatchObject({ malformed: 1, resyncs: 1 })
      expect(messages.at(-1)).toMatchObject({ requestType: "Message", length: 5 })
    }
  })
})

keepsToFrames(makeZmtp, [...reqRep, client(part("x")), server(part("y"))], maxBuffered)
