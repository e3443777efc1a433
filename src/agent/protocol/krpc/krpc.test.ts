import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeKrpc } from "./krpc.ts"

const varint = (value: number): Buffer =>
  value < 128
    ? Buffer.from([value])
    : Buffer.concat([Buffer.from([(value & 127) | 128]), varint(value >>> 7)])
const number = (field: number, value: number) => Buffer.concat([Buffer.from([field << 3]), varint(value)])
const text = (field: number, value: string) =>
  Buffer.concat([Buffer.from([(field << 3) | 2]), varint(value.length), Buffer.from(value)])
const framed = (meta: Uint8Array, body: Uint8Array = Buffer.from("body")) => {
  const head = Buffer.from("KR\0\0\0\0\0\0")
  head.writeUInt16BE(meta.length, 2)
  head.writeUInt32BE(meta.length + body.length, 4)
  return Buffer.concat([head, meta, body])
}
const message = (direction: number, sequence: number, ...more: ReadonlyArray<Uint8Array>) =>
  framed(Buffer.concat([number(1, direction), number(2, 455), number(3, 30), number(4, sequence), ...more]))
const trace = Buffer.concat([text(1, "172.17.0.1:42518"), text(2, "t-1"), text(3, "p-1"), text(4, "s-1")])
const call = (sequence: number) => message(1, sequence, number(5, 30_000), text(7, trace.toString("latin1")))
const answer = (sequence: number, result = 0) => message(2, sequence, number(6, result))
const detect = (bytes: Uint8Array) => makeKrpc().detect(bytes, 0, bytes.length)

/** 4 KiB of both directions. */
const maxBuffered = 8192

describe("detection", () => {
  it("knows both sides by the direction", () => {
    expect(detect(call(1))).toBe(Evidence.request)
    expect(detect(answer(1))).toBe(Evidence.response)
    expect(detect(call(1).subarray(0, 9))).toBe(Evidence.unclear)
    expect(detect(call(1).subarray(0, 1))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      message(3, 1),
      framed(Buffer.from([8, 1, 0x18, 1])),
      call(1).fill(0xff, 4, 8),
      Buffer.from("KRPC 1.0\r\nhello"),
      Buffer.from("KX"),
    ])
      expect(detect(other)).toBe(Evidence.none)
  })
})

describe("messages", () => {
  it("say service, method and trace, and are paired by sequence in any order", () => {
    const { messages } = play(makeKrpc(), [client(call(1), call(2)), server(answer(2, 7426), answer(1))])
    expect(messages[0]).toMatchObject({
      requestResource: "455",
      requestType: "30",
      endpoint: "455/30",
      requestId: 1,
      traceId: "t-1",
      spanId: "s-1",
      parentSpanId: "p-1",
      attributes: ["timeout_ms", "30000"],
    })
    expect(messages.slice(2)).toMatchObject([
      { requestId: 2, code: 7426, status: ResponseStatus.serverError, endpoint: "455/30" },
      { requestId: 1, code: 0, status: ResponseStatus.ok, endpoint: "455/30" },
    ])
  })

  it("of the server's own are told apart", () => {
    const { messages } = play(makeKrpc(), [client(call(1)), server(call(1), answer(1)), client(answer(1))])
    expect(messages.map(({ requestId }) => requestId)).toEqual([1, 2 ** 32 + 1, 1, 2 ** 32 + 1])
  })
})

describe("losses and hostile input", () => {
  it("skips messages whose meta is cut", () => {
    const krpc = makeKrpc()
    const cut = call(1)
    const { messages } = play(krpc, [
      { ...client(cut.subarray(0, 20)), missing: cut.length - 20 },
      client(call(2)),
    ])
    expect(messages.map(({ requestId }) => requestId)).toEqual([2])
    expect(krpc.stats).toMatchObject({ truncated: 1, malformed: 0 })
  })

  it("refuses what is no message, and goes on", () => {
    for (const bad of [call(2).fill(0xff, 4, 8), message(3, 2)]) {
      const krpc = makeKrpc()
      const { messages } = play(krpc, [client(call(1)), client(bad), client(call(3))])
      expect(messages.map(({ requestId }) => requestId)).toEqual([1, 3])
      expect(krpc.stats).toMatchObject({ malformed: 1, resyncs: 1 })
    }
  })
})

keepsToFrames(
  makeKrpc,
  [
    client(call(1), call(2)),
    server(answer(2), answer(1)),
    client(call(3)),
    server(answer(3, 5)),
    client(
      framed(Buffer.concat([number(1, 1), number(2, 9), number(3, 8), number(4, 4)]), Buffer.alloc(2000)),
    ),
    server(answer(4)),
    client(call(5)),
    server(answer(5)),
  ],
  maxBuffered,
)
