import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { recognisers } from "../recognisers.testing.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeThrift } from "./thrift.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const names = ["binary", "old", "framed", "compact", "bufcompact", "header", "headerz"]

const u32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
const binary = (type: number, name: string, sequence: number, body = "00") =>
  Buffer.concat([Buffer.from([0x80, 1, 0, type]), u32(name.length), Buffer.from(name), u32(sequence), Buffer.from(body, "hex")]) // prettier-ignore
const compact = (type: number, name: string, sequence: number, body = "00") =>
  Buffer.concat([Buffer.from([0x82, 1 | (type << 5), sequence, name.length]), Buffer.from(name), Buffer.from(body, "hex")]) // prettier-ignore
const framed = (message: Uint8Array) => Buffer.concat([u32(message.length), message])
const detect = (bytes: Uint8Array) => makeThrift().detect(bytes, 0, bytes.length)

/** 8 KiB of both directions. */
const maxBuffered = 16_384

describe("detection", () => {
  it("knows messages of every form and side", () => {
    for (const message of [binary(1, "get", 1), compact(4, "note", 1)]) {
      expect(detect(message)).toBe(Evidence.request)
      expect(detect(framed(message))).toBe(Evidence.request)
    }
    for (const message of [binary(2, "get", 1), compact(3, "get", 1)])
      expect(detect(framed(message))).toBe(Evidence.response)
    for (const name of names.filter((other) => !other.startsWith("header"))) {
      expect(detect(recorded(name)[0].bytes), name).toBe(Evidence.request)
      expect(detect(recorded(name)[1].bytes), name).toBe(Evidence.response)
    }
    // What the header holds may leave no room for the message.
    expect(detect(recorded("header")[0].bytes)).toBe(Evidence.either)
    expect(detect(recorded("header")[1].bytes)).toBe(Evidence.response)
    expect(detect(framed(binary(1, "get", 1)).subarray(0, 7))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      binary(5, "get", 1),
      binary(1, "g\0t", 1),
      binary(1, "9lives", 1),
      framed(binary(1, "", 1)),
      // A subscription of MQTT.
      Buffer.concat([Buffer.from([0x82, 0x21, 0, 1, 0, 0x1c]), Buffer.alloc(28, 97), Buffer.from([0])]),
      Buffer.alloc(40),
      Buffer.alloc(40, 0x80),
      u32(3),
    ])
      expect([Evidence.none, Evidence.unclear]).toContain(detect(other))
  })

  it("is alone with what it knows", () => {
    for (const name of names) {
      for (const run of recorded(name)) expect(recognisers(run.bytes)).toEqual(["thrift"])
    }
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    const taken = new Set<string>()
    await eachForeignPayload([], (bytes, start, end, file) => {
      const evidence = makeThrift().detect(bytes, start, end)
      if (evidence !== Evidence.none && evidence !== Evidence.unclear) taken.add(file)
    })
    expect([...taken]).toEqual([])
  })
})

describe("conversations", () => {
  it("are the same however they are framed and encoded", () => {
    for (const name of names) {
      const thrift = makeThrift()
      const found = shortly(thrift, recorded(name)).map((line) =>
        line.replace(/ ?encoding=.*?transport=\w+/, ""),
      )
      expect(found, name).toEqual([
        "get",
        "< ok",
        "getMissing",
        "< client_error no such order",
        "note async",
        "add",
        "< client_error 1 Unknown function add",
        "ping Shop",
        "< client_error 1 Unknown function Shop:ping",
        "ping",
        "< ok",
        "ping",
        "< ok",
      ])
      expect(thrift.stats).toMatchObject({ malformed: 0, skippedBytes: 0 })
    }
  })

  it("carry service, number and trace", () => {
    const { messages } = play(makeThrift(), recorded("headerz"))
    expect(messages[0]).toMatchObject({
      requestType: "get",
      endpoint: "get",
      requestId: 1,
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      attributes: ["encoding", "binary", "transport", "header"],
    })
    expect(messages[7]).toMatchObject({ requestType: "ping", requestResource: "Shop", endpoint: "Shop/ping" })
    expect(JSON.stringify(messages)).not.toContain("secret")
  })
})

describe("pairing", () => {
  it("is by number in any order, and by order where clients use none", () => {
    const { messages } = play(makeThrift(), [
      client(framed(binary(1, "a", 7)), framed(binary(1, "b", 8)), framed(binary(1, "c", 0))),
      server(framed(binary(2, "b", 8)), framed(binary(2, "a", 7)), framed(binary(2, "c", 0))),
    ])
    expect(messages.map(({ endpoint, requestId }) => [endpoint, requestId])).toEqual([
      ["a", 7],
      ["b", 8],
      ["c", -1],
      ["b", 8],
      ["a", 7],
      ["c", -1],
    ])
  })
})

describe("outcomes", () => {
  it("blame the server for its own failures", () => {
    const failure = `0b000100000004${Buffer.from("oops").toString("hex")}0800020000000600`
    const { messages } = play(makeThrift(), [
      client(binary(1, "get", 1)),
      server(binary(3, "get", 1, failure)),
      client(binary(1, "get", 2)),
      server(binary(3, "get", 2, "0800020000000500")),
    ])
    expect(messages[1]).toMatchObject({ status: ResponseStatus.serverError, code: 6, exception: "oops" })
    expect(messages[3]).toMatchObject({
      status: ResponseStatus.serverError,
      code: 5,
      exception: "Missing result",
    })
  })
})

describe("losses and hostile input", () => {
  it("names a call whose frame was cut, and one whose values cannot be passed over", () => {
    const thrift = makeThrift()
    const long = framed(binary(1, "put", 3, `0b000100004000${"78".repeat(0x4000)}00`))
    const deep = binary(1, "deep", 4, "0c0001".repeat(50))
    const { messages } = play(thrift, [
      { ...client(long.subarray(0, 100)), missing: long.length - 100 },
      client(deep),
      client(binary(1, "get", 5)),
      server(binary(2, "get", 5)),
    ])
    expect(messages.map((message) => message.endpoint)).toEqual(["put", "deep", "get", "get"])
    expect(thrift.stats).toMatchObject({ malformed: 1, resyncs: 1 })
  })

  it("refuses lengths that nothing has", () => {
    for (const body of ["0b00017fffffff", "0f00010b7fffffff", "0d00010b0bffffffff"]) {
      const thrift = makeThrift()
      const { messages } = play(thrift, [client(binary(1, "bad", 1, body)), client(binary(1, "get", 2))])
      expect(messages.map((message) => message.endpoint)).toContain("get")
      expect(thrift.stats.malformed).toBe(1)
    }
  })

  it("tells of lost bytes those that pair by order", () => {
    const { desyncs } = play(makeThrift(), [
      client(binary(1, "get", 0)),
      { ...server(new Uint8Array(0)), missing: 40 },
    ])
    expect(desyncs).toEqual([Direction.toClient])
  })
})

keepsToFrames(makeThrift, recorded("binary"), maxBuffered)
keepsToFrames(makeThrift, recorded("bufcompact"), maxBuffered)
