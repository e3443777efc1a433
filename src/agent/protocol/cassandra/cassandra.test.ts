import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { eachForeignPayload, hasCaptures } from "../captures.testing.ts"
import { readLz4, readSnappy } from "../compressedBlocks.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { recognisers } from "../recognisers.testing.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeCassandra } from "./cassandra.ts"
import { crc24 } from "./envelope.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const names = ["v3", "v4-lz4", "v4-snappy", "v5", "v5-lz4"]

const u16 = (value: number) => Buffer.from([value >> 8, value])
const u32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
const string = (value: string) => Buffer.concat([u16(value.length), Buffer.from(value)])
const long = (value: string) => Buffer.concat([u32(value.length), Buffer.from(value)])
const envelope = (
  version: number,
  stream: number,
  opcode: number,
  body: Uint8Array = Buffer.alloc(0),
  flags = 0,
) =>
  Buffer.concat([Buffer.from([version, flags]), u16(stream), Buffer.from([opcode]), u32(body.length), body])
const query = (stream: number, text: string, version = 4) =>
  envelope(version, stream, 7, Buffer.concat([long(text), u16(1), Buffer.alloc(version < 5 ? 1 : 4)]))
const done = (stream: number, version = 4) => envelope(version | 0x80, stream, 8, u32(1))
const failed = (stream: number, code: number, text: string) =>
  envelope(0x84, stream, 0, Buffer.concat([u32(code), string(text)]))
/** A frame of version 5 around messages or a part of one. */
const framed = (payload: Uint8Array, isWhole = true) => {
  const length = Buffer.alloc(3)
  length.writeUIntLE(payload.length + (isWhole ? 0x2_0000 : 0), 0, 3)
  const crc = Buffer.alloc(3)
  crc.writeUIntLE(crc24(length, 0, 3), 0, 3)
  return Buffer.concat([length, crc, payload, Buffer.alloc(4)])
}
const detect = (bytes: Uint8Array) => makeCassandra().detect(bytes, 0, bytes.length)

/** 32 KiB of both directions, and 8 KiB of messages in frames. */
const maxBuffered = 2 * (32 + 8) * 1024

describe("detection", () => {
  it("knows messages and frames of both sides", () => {
    expect(detect(query(1, "SELECT 1"))).toBe(Evidence.request)
    expect(detect(envelope(4, 0, 5))).toBe(Evidence.request)
    expect(detect(done(1))).toBe(Evidence.response)
    expect(detect(failed(1, 0x2200, "no"))).toBe(Evidence.response)
    expect(detect(framed(query(1, "SELECT 1", 5)))).toBe(Evidence.request)
    expect(detect(framed(done(1, 5)))).toBe(Evidence.response)
    expect(detect(query(1, "SELECT 1").subarray(0, 5))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      envelope(4, 0x8000, 7, long("SELECT 1")),
      envelope(4, 1, 4, long("SELECT 1")),
      envelope(6, 1, 7, long("SELECT 1")),
      envelope(4, 1, 7, Buffer.from([9, 9, 9, 9, 9, 9, 9, 9])),
      envelope(4, 1, 8, u32(1)),
      Buffer.alloc(30),
      Buffer.alloc(30, 4),
    ])
      expect(detect(other)).toBe(Evidence.none)
  })

  it("is alone with what it knows", () => {
    for (const name of names) {
      for (const run of recorded(name)) expect([[], ["cassandra"]]).toContainEqual(recognisers(run.bytes))
    }
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    const taken = new Set<string>()
    await eachForeignPayload([], (bytes, start, end, file) => {
      const evidence = makeCassandra().detect(bytes, start, end)
      if (evidence !== Evidence.none && evidence !== Evidence.unclear) taken.add(file)
    })
    expect([...taken]).toEqual([])
  })
})

describe("conversations", () => {
  it("are the same in all versions and compressions", () => {
    const plain = (name: string) =>
      shortly(makeCassandra(), recorded(name))
        .map((line) => line.replace(/ (?:compression|statement_id)=\w+/g, ""))
        .filter(
          (line) => !line.includes("system.") && !line.startsWith("< ok Rows") && !line.includes(" KEYSPACE"),
        )
        .filter((line) => !line.startsWith("< ok S") && !line.startsWith("< ok Void"))
    const whole = plain("v5")
    expect(whole).toContain("QUERY INSERT INTO shop.orders (id, name) VALUES (?, ?)")
    for (const name of names) {
      const cassandra = makeCassandra()
      const { messages } = play(cassandra, recorded(name))
      expect(cassandra.stats, name).toMatchObject({ malformed: 0, skippedBytes: 0 })
      expect(plain(name), name).toEqual(whole)
      expect(JSON.stringify(messages)).not.toContain("secret")
    }
  })

  it("name prepared statements by their id, and pair by stream", () => {
    const { messages } = play(makeCassandra(), recorded("v5-lz4"))
    const executed = messages.filter((message) => message.requestType === "EXECUTE")
    expect(executed[0]).toMatchObject({
      requestResource: "SELECT name FROM shop.orders WHERE id = ?",
      endpoint: "SELECT shop.orders",
      requestDomain: "shop",
      version: "5",
      attributes: ["statement_id", "87a9d2da9d4214ff1f6532be533e1296"],
    })
    const traced = messages.find((message) => message.traceId !== "")
    expect(traced).toMatchObject({
      requestType: "QUERY",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
    })
    for (const request of messages.filter((message) => message.type === 0)) {
      const answers = messages.filter(
        (message) => message.type === 1 && message.requestId === request.requestId,
      )
      expect(answers).toHaveLength(1)
      expect(answers[0].endpoint).toBe(request.endpoint)
    }
    expect(messages.filter(({ code }) => code >= 0).map(({ code, status }) => [code, status])).toEqual([
      [0x2200, ResponseStatus.clientError],
      [0x2000, ResponseStatus.clientError],
      [0x2200, ResponseStatus.clientError],
      [0x2400, ResponseStatus.clientError],
      [0x1000, ResponseStatus.serverError],
    ])
  })
})

describe("messages", () => {
  it("of batches, logins, events, warnings and payloads", () => {
    const payload = Buffer.concat([u16(1), string("traceparent"), long("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]) // prettier-ignore
    const { messages } = play(makeCassandra(), [
      client(envelope(4, 1, 0x0f, long("\0jane\0hunter2"))),
      server(envelope(0x84, 1, 0x10, u32(0))),
      client(envelope(4, 2, 7, Buffer.concat([payload, long("SELECT 1"), Buffer.alloc(3)]), 4)),
      server(envelope(0x84, 0xffff, 0x0c, Buffer.concat([string("STATUS_CHANGE"), string("UP")]))),
      server(envelope(0x84, 2, 8, Buffer.concat([u16(1), string("tombstones"), u32(1)]), 8)),
      client(envelope(4, 3, 0x0d, Buffer.concat([Buffer.from([2]), u16(1), Buffer.from([0]), long("UPDATE c SET n = n + 1"), u16(0)]))), // prettier-ignore
      server(failed(3, 0x1100, "timed out: 'secret'")),
    ])
    expect(messages[0].requestResource).toBe("Login username: jane")
    expect(messages[2].traceId).toBe("0af7651916cd43dd8448eb211c80319c")
    expect(messages[3]).toMatchObject({ isAsync: true, requestId: -1, result: "STATUS_CHANGE" })
    expect(messages[4]).toMatchObject({ result: "Void", attributes: ["warnings", "1"] })
    expect(messages[5]).toMatchObject({
      endpoint: "UPDATE c",
      attributes: ["batch_type", "COUNTER", "statements", "1"],
    })
    expect(messages[6]).toMatchObject({
      status: ResponseStatus.serverError,
      code: 0x1100,
      exception: "Write timeout: timed out: '?'",
    })
    expect(JSON.stringify(messages)).not.toContain("hunter2")
  })

  it("in frames may share one, or take several", () => {
    const large = query(2, `SELECT '${"x".repeat(9000)}'`, 5)
    const { messages } = play(makeCassandra(), [
      client(framed(Buffer.concat([query(1, "SELECT 1", 5), query(3, "SELECT 3", 5)]))),
      client(framed(large.subarray(0, 5000), false), framed(large.subarray(5000), false)),
      server(framed(Buffer.concat([done(3, 5), done(2, 5), done(1, 5)]))),
    ])
    expect(messages.map(({ endpoint, requestId }) => [requestId, endpoint])).toEqual([
      [1, "SELECT"],
      [3, "SELECT"],
      [2, "SELECT"],
      [3, "SELECT"],
      [2, "SELECT"],
      [1, "SELECT"],
    ])
  })
})

describe("losses and hostile input", () => {
  it("refuses lengths that no message has, and goes on", () => {
    const cassandra = makeCassandra()
    const bad = Buffer.concat([Buffer.from([4, 0, 0, 1, 7]), u32(0x7fff_ffff), Buffer.alloc(20)])
    const { messages } = play(cassandra, [client(bad), client(query(5, "SELECT 5")), server(done(5))])
    expect(messages.map((message) => message.requestId)).toEqual([5, 5])
    expect(cassandra.stats).toMatchObject({ malformed: 1, resyncs: 1 })
  })

  it("goes on behind a frame of which a part is missing", () => {
    const frame = framed(query(1, `SELECT '${"x".repeat(500)}'`, 5))
    const { messages } = play(makeCassandra(), [
      { ...client(frame.subarray(0, 100)), missing: frame.length - 100 },
      client(framed(query(2, "SELECT 2", 5))),
      server(framed(done(2, 5))),
    ])
    expect(messages.map((message) => message.requestId)).toEqual([1, 2, 2])
  })

  it("takes compressed blocks apart as far as they go", () => {
    const text = (bytes: Uint8Array) => Buffer.from(bytes).toString()
    expect(text(readLz4(Buffer.from([0x32, 97, 98, 99, 3, 0, 0x10, 100]), 0, 8, 100))).toBe("abcabcabcd")
    expect(text(readSnappy(Buffer.from([9, 0x08, 97, 98, 99, 0x09, 3]), 0, 7, 100))).toBe("abcabcabc")
    expect(text(readLz4(Buffer.from([0x30, 97, 98, 99]), 0, 4, 2))).toBe("ab")
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 300 }), (bytes, most) => {
        expect(readLz4(bytes, 0, bytes.length, most).length).toBeLessThanOrEqual(most)
        expect(readSnappy(bytes, 0, bytes.length, most).length).toBeLessThanOrEqual(most)
      }),
    )
  })
})

keepsToFrames(makeCassandra, recorded("v5-lz4"), maxBuffered)
