import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeBrpc } from "./brpc.ts"

const varint = (value: bigint): Buffer =>
  value < 128n
    ? Buffer.from([Number(value)])
    : Buffer.concat([Buffer.from([Number(value & 127n) | 128]), varint(value >> 7n)])
const number = (field: number, value: bigint | number) =>
  Buffer.concat([Buffer.from([field << 3]), varint(BigInt.asUintN(64, BigInt(value)))])
const bytes = (field: number, value: Uint8Array) =>
  Buffer.concat([Buffer.from([(field << 3) | 2]), varint(BigInt(value.length)), value])
const text = (field: number, value: string) => bytes(field, Buffer.from(value))

const framed = (magic: string, meta: Uint8Array, payload: Uint8Array = Buffer.from("payload")) => {
  const head = Buffer.alloc(12)
  head.write(magic, "latin1")
  head.writeUInt32BE(meta.length + payload.length, 4)
  head.writeUInt32BE(meta.length, 8)
  return Buffer.concat([head, meta, payload])
}
const call = (
  id: bigint | number,
  more: ReadonlyArray<Uint8Array> = [],
  of: ReadonlyArray<Uint8Array> = [],
) =>
  framed(
    "PRPC",
    Buffer.concat([
      bytes(1, Buffer.concat([text(1, "shop.Orders"), text(2, "Find"), ...of])),
      number(4, id),
      ...more,
    ]),
  )
const answer = (id: bigint | number, error = 0, reason = "") =>
  framed(
    "PRPC",
    Buffer.concat([
      bytes(2, Buffer.concat([number(1, error), ...(reason === "" ? [] : [text(2, reason)])])),
      number(4, id),
    ]),
  )
const stream = framed("STRM", Buffer.from([8, 1]))
const detect = (payload: Uint8Array) => makeBrpc().detect(payload, 0, payload.length)
const endpoint = "shop.Orders/Find"

/** 4 KiB of both directions. */
const maxBuffered = 8192

describe("detection", () => {
  it("knows both sides by the first field of the meta", () => {
    expect(detect(call(1))).toBe(Evidence.request)
    expect(detect(answer(1))).toBe(Evidence.response)
    expect(detect(stream)).toBe(Evidence.either)
    expect(detect(call(1).subarray(0, 3))).toBe(Evidence.unclear)
    expect(detect(call(1).subarray(0, 12))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      framed("PRPD", Buffer.from([0x0a, 0])),
      framed("PRPC", Buffer.alloc(0)),
      call(1).fill(0xff, 4, 8),
      call(1).fill(0xff, 8, 12),
      Buffer.from("PROPFIND / HTTP/1.1\r\n\r\n"),
    ])
      expect(detect(other)).toBe(Evidence.none)
  })
})

describe("a real conversation", () => {
  it("is read", () => {
    const runs = readRecording(new URL("./recordings/brpc-java.jsonl", import.meta.url))
    const failed = ["fail B$Shop", "< server_error 2001 no such thing"]
    expect(shortly(makeBrpc(), runs)).toEqual(["hello B$Shop", "< ok", ...failed, ...failed, ...failed])
    const { messages } = play(makeBrpc(), runs)
    expect(messages[0]).toMatchObject({
      endpoint: "B$Shop/hello",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
    })
    expect(new Set(messages.map(({ requestId }) => requestId)).size).toBe(4)
  })
})

describe("calls", () => {
  it("say service, method, trace and what else the meta has", () => {
    const trace = 0xfedc_ba98_7654_3210n
    const { messages } = play(makeBrpc(), [
      client(
        call(
          7,
          [number(3, 2), number(5, 100), bytes(9, Buffer.concat([text(1, "x-request-id"), text(2, "r-1")]))],
          [number(3, 5), number(4, trace), number(5, 17), number(6, 18), number(8, 500)],
        ),
      ),
      server(answer(7)),
    ])
    expect(messages[0]).toMatchObject({
      requestResource: "shop.Orders",
      requestType: "Find",
      endpoint,
      requestId: 7,
      traceId: "fedcba9876543210",
      spanId: "11",
      parentSpanId: "12",
      xRequestId: "r-1",
      attributes: ["timeout_ms", "500", "compression", "gzip", "attachment_bytes", "100"],
    })
    expect(messages[1]).toMatchObject({ requestId: 7, endpoint, code: 0, status: ResponseStatus.ok })
  })

  it("have the log id as request id where there is no other", () => {
    const requestIdOf = (...of: ReadonlyArray<Uint8Array>) =>
      play(makeBrpc(), [client(call(1, [], of))]).messages[0].xRequestId
    expect(requestIdOf(number(3, 42))).toBe("42")
    expect(requestIdOf(number(3, 0))).toBe("")
    expect(requestIdOf(number(3, 42), text(7, "r-2"))).toBe("r-2")
  })

  it("take traces from user fields first", () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    const pair = Buffer.concat([text(1, "traceparent"), text(2, traceparent)])
    // User fields of Apache's bRPC, and fields of brpc-java's requests.
    for (const request of [
      call(1, [bytes(9, pair)], [number(4, 5)]),
      call(1, [], [bytes(7, pair), number(4, 5)]),
    ])
      expect(play(makeBrpc(), [client(request)]).messages[0]).toMatchObject({
        traceId: "0af7651916cd43dd8448eb211c80319c",
        spanId: "b7ad6b7169203331",
        xRequestId: "",
      })
  })

  it("are paired by id in any order, ids of 64 bits too", () => {
    const large = 2n ** 63n + 5n
    const { messages } = play(makeBrpc(), [
      client(call(1), call(2), call(large), call(large + 1n)),
      server(answer(2), answer(large + 1n), answer(1), answer(large)),
    ])
    const ids = messages.map(({ requestId }) => requestId)
    expect(new Set(ids.slice(0, 4)).size).toBe(4)
    expect(ids.slice(4)).toEqual([ids[1], ids[3], ids[0], ids[2]])
    expect(messages.slice(4).map((message) => message.endpoint)).toEqual([
      endpoint,
      endpoint,
      endpoint,
      endpoint,
    ])
  })

  it("fail by the code that blames one side", () => {
    for (const [code, reason, status, exception] of [
      [1001, "", ResponseStatus.clientError, "ENOSERVICE"],
      [1003, "Fail to parse request", ResponseStatus.clientError, "Fail to parse request"],
      [1008, "", ResponseStatus.serverError, "ERPCTIMEDOUT"],
      [2004, "", ResponseStatus.serverError, "ELIMIT"],
      [-1, "own", ResponseStatus.serverError, "own"],
    ] as const) {
      const { messages } = play(makeBrpc(), [client(call(1)), server(answer(1, code, reason))])
      expect(messages[1]).toMatchObject({ code, status, exception })
    }
  })

  it("go on behind frames of streams", () => {
    const { messages } = play(makeBrpc(), [
      client(call(1, [bytes(8, number(1, 9))]), stream, call(2)),
      server(answer(1), stream, stream, answer(2)),
    ])
    expect(messages.map(({ requestId }) => requestId)).toEqual([1, 2, 1, 2])
    expect(messages[0].attributes).toEqual(["stream", "true"])
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a payload, and frames whose meta is cut", () => {
    const brpc = makeBrpc()
    const long = framed(
      "PRPC",
      Buffer.concat([bytes(1, Buffer.concat([text(1, "shop.Orders"), text(2, "Find")])), number(4, 3)]),
      Buffer.alloc(20_000),
    )
    const cut = call(4)
    const { messages } = play(brpc, [
      { ...client(long.subarray(0, 200)), missing: long.length - 200 },
      { ...client(cut.subarray(0, 20)), missing: cut.length - 20 },
      client(call(5)),
    ])
    expect(messages.map(({ requestId }) => requestId)).toEqual([3, 5])
    expect(brpc.stats).toMatchObject({ truncated: 2, malformed: 0 })
  })

  it("refuses what is no frame, or of the other side, and goes on", () => {
    for (const bad of [
      call(2).fill(0xff, 4, 8),
      answer(2),
      framed("PRPC", Buffer.from([0x0a, 0xff, 0x7f])),
      framed("PRPC", Buffer.concat([bytes(1, Buffer.alloc(0)), bytes(2, Buffer.alloc(0))])),
    ]) {
      const brpc = makeBrpc()
      const { messages } = play(brpc, [client(call(1)), client(bad), client(call(3))])
      expect(messages.map(({ requestId }) => requestId)).toEqual([1, 3])
      expect(brpc.stats).toMatchObject({ malformed: 1, resyncs: 1 })
    }
  })
})

keepsToFrames(
  makeBrpc,
  [
    client(call(1), call(2)),
    server(answer(2), answer(1, 1003, "bad")),
    client(call(3, [], [number(4, 99)])),
    server(stream, answer(3)),
    client(call(4)),
    client(call(5)),
    server(answer(5), answer(4)),
    client(framed("PRPC", Buffer.concat([bytes(1, text(1, "a")), number(4, 6)]), Buffer.alloc(3000))),
    server(answer(6)),
  ],
  maxBuffered,
)
