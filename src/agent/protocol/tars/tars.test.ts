import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeTars } from "./tars.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))

const head = (tag: number, type: number) =>
  tag < 15 ? Buffer.from([(tag << 4) | type]) : Buffer.from([0xf0 | type, tag])
const int = (tag: number, value: number) => {
  if (value === 0) return head(tag, 12)
  if (value >= -128 && value < 128) return Buffer.concat([head(tag, 0), Buffer.from([value & 0xff])])
  return Buffer.concat([head(tag, 2), Buffer.from([value >> 24, value >> 16, value >> 8, value])])
}
const text = (tag: number, value: string) =>
  Buffer.concat([head(tag, 6), Buffer.from([value.length]), Buffer.from(value)])
const list = (tag: number, bytes: Uint8Array) =>
  Buffer.concat([head(tag, 13), head(0, 0), int(0, bytes.length), bytes])
const map = (tag: number, entries: Record<string, string>) =>
  Buffer.concat([
    head(tag, 8),
    int(0, Object.keys(entries).length),
    ...Object.entries(entries).flatMap(([name, value]) => [text(0, name), text(1, value)]),
  ])
const framed = (...fields: ReadonlyArray<Uint8Array>) => {
  const body = Buffer.concat(fields)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(body.length + 4)
  return Buffer.concat([length, body])
}
interface Call {
  readonly version?: number
  readonly type?: number
  readonly buffer?: Uint8Array
  readonly context?: Record<string, string>
  readonly status?: Record<string, string>
}
const call = (id: number, options: Call = {}) =>
  framed(
    ...[int(1, options.version ?? 1), int(2, options.type ?? 0), int(3, 0), int(4, id)],
    ...[text(5, "shop.Server.OrdersObj"), text(6, "find"), list(7, options.buffer ?? Buffer.alloc(0))],
    ...[int(8, 3000), map(9, options.context ?? {}), map(10, options.status ?? {})],
  )
const answer = (id: number, result = 0, description = "") =>
  framed(
    ...[int(1, 1), int(2, 0), int(3, id), int(4, 0), int(5, result), list(6, Buffer.alloc(0)), map(7, {})],
    ...[text(8, description), map(9, {})],
  )
const detect = (bytes: Uint8Array) => makeTars().detect(bytes, 0, bytes.length)

/** 8 KiB of both directions. */
const maxBuffered = 16_384

describe("detection", () => {
  it("knows packets by the tags of their fields", () => {
    expect(detect(call(1))).toBe(Evidence.request)
    expect(detect(call(70_000))).toBe(Evidence.request)
    expect(detect(answer(1))).toBe(Evidence.response)
    expect(detect(answer(70_000, -4))).toBe(Evidence.response)
    expect(detect(call(1).subarray(0, 8))).toBe(Evidence.unclear)
    // TUP answers with the packet of requests.
    expect(detect(call(1, { version: 3 }))).toBe(Evidence.either)
  })

  it("takes nothing else", () => {
    for (const other of [
      // No such version, packet type; other tags; a framed Thrift call; a Kafka request.
      call(1, { version: 9 }),
      call(1, { type: 2 }),
      framed(int(1, 1), int(2, 0), int(4, 0), int(5, 1), text(6, "a")),
      framed(int(1, 1), int(2, 0), int(3, 0), int(4, 1), list(5, Buffer.alloc(9))),
      Buffer.from("0000001480010001000000046563686f0000000100", "hex"),
      Buffer.from("0000001c00010004000000010006636c69656e74ffffffff000001f400", "hex"),
      Buffer.concat([Buffer.from([0xff, 0xff, 0xff, 0xff]), call(1).subarray(4)]),
      Buffer.from("GET / HTTP/1.1\r\n"),
    ])
      expect([Evidence.none, Evidence.unclear], other.toString("hex")).toContain(detect(other))
  })
})

describe("real conversations", () => {
  it("are read", () => {
    const tars = makeTars()
    const getUsrName = "getUsrName TARS.NodeTarsServer.NodeTarsObj timeout_ms=5000"
    expect(shortly(tars, recorded("tars-js"))).toEqual(
      Array.from({ length: 5 }, () => [getUsrName, "< ok"]).flat(),
    )
    expect(tars.stats).toMatchObject({ malformed: 0, skippedBytes: 0 })
    const { messages } = play(makeTars(), recorded("tars-js"))
    expect(messages[2]).toMatchObject({
      version: "1",
      endpoint: "TARS.NodeTarsServer.NodeTarsObj/getUsrName",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
    })
  })

  it("are read by TUP, whose answers are packets of requests", () => {
    expect(play(makeTars(), recorded("tars-js-tup")).messages).toMatchObject([
      { type: RecordType.request, version: "2", requestType: "getUsrName", requestId: 123_456 },
      { type: RecordType.response, version: "2", code: 0, status: ResponseStatus.ok, requestId: 123_456 },
    ])
  })
})

describe("packets", () => {
  it("are paired by id in any order; one-way ones and what is pushed by none", () => {
    const { messages } = play(makeTars(), [
      client(call(1), call(2), call(3, { type: 1 })),
      server(answer(2), answer(0), answer(1)),
    ])
    expect(messages.map(({ requestId, isAsync, endpoint }) => [requestId, isAsync, endpoint])).toEqual([
      [1, false, "shop.Server.OrdersObj/find"],
      [2, false, "shop.Server.OrdersObj/find"],
      [3, true, "shop.Server.OrdersObj/find"],
      [2, false, "shop.Server.OrdersObj/find"],
      [0, true, ""],
      [1, false, "shop.Server.OrdersObj/find"],
    ])
  })

  it("have results that blame one side", () => {
    for (const [result, description, status, exception] of [
      [-3, "", ResponseStatus.clientError, "TARSSERVERNOFUNCERR"],
      [-4, "no servant", ResponseStatus.clientError, "no servant"],
      [-6, "", ResponseStatus.serverError, "TARSSERVERQUEUETIMEOUT"],
      [-9, "", ResponseStatus.serverError, "TARSSERVEROVERLOAD"],
      [-99, "boom", ResponseStatus.serverError, "boom"],
      [17, "own code", ResponseStatus.serverError, "own code"],
    ] as const) {
      const { messages } = play(makeTars(), [client(call(1)), server(answer(1, result, description))])
      expect(messages[1]).toMatchObject({ code: result, status, exception, result: "" })
    }
    const tup = call(1, {
      version: 3,
      status: { STATUS_RESULT_CODE: "-4", STATUS_RESULT_DESC: "no servant" },
    })
    expect(play(makeTars(), [client(call(1, { version: 3 })), server(tup)]).messages[1]).toMatchObject({
      type: RecordType.response,
      code: -4,
      status: ResponseStatus.clientError,
      exception: "no servant",
    })
  })

  it("carry Tars' own trace, and those of others before it", () => {
    const status = { STATUS_TRACE_KEY: "f.2-ee824ad0eb4dacf5|0300190016000001|0300190016000000" }
    expect(play(makeTars(), [client(call(1, { status }))]).messages[0]).toMatchObject({
      traceId: "ee824ad0eb4dacf5",
      spanId: "0300190016000001",
      parentSpanId: "0300190016000000",
    })
    const context = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" }
    expect(play(makeTars(), [client(call(1, { status, context }))]).messages[0].traceId).toBe(
      "0af7651916cd43dd8448eb211c80319c",
    )
  })

  it("are stepped over whatever fields they have", () => {
    const struct = Buffer.concat([
      head(20, 10),
      int(0, 1),
      text(1, "a"),
      list(2, Buffer.alloc(3)),
      head(0, 11),
    ])
    const numbers = [
      Buffer.concat([head(21, 1), Buffer.alloc(2)]),
      Buffer.concat([head(22, 3), Buffer.alloc(8)]),
      Buffer.concat([head(23, 4), Buffer.alloc(4)]),
      Buffer.concat([head(24, 5), Buffer.alloc(8)]),
      Buffer.concat([head(25, 9), int(0, 2), int(0, 1), struct]),
      Buffer.concat([head(26, 7), Buffer.from([0, 0, 0, 2, 65, 66])]),
    ]
    const packet = framed(
      ...[int(1, 1), int(2, 0), int(3, 0), int(4, 9), text(5, "a.b.C"), text(6, "m"), struct, ...numbers],
      map(10, { "x-request-id": "r-1" }),
    )
    expect(play(makeTars(), [client(packet)]).messages[0].xRequestId).toBe("r-1")
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a buffer", () => {
    const tars = makeTars()
    const long = call(4, { buffer: Buffer.alloc(20_000) })
    const { messages } = play(tars, [
      { ...client(long.subarray(0, 300)), missing: long.length - 300 },
      server(answer(4)),
      client(call(5)),
    ])
    expect(messages.map(({ requestId }) => requestId)).toEqual([4, 4, 5])
    expect(tars.stats).toMatchObject({ truncated: 1, malformed: 0 })
  })

  it("says nothing of a packet that is cut before its method", () => {
    const cut = call(4)
    const { messages } = play(makeTars(), [
      { ...client(cut.subarray(0, 30)), missing: cut.length - 30 },
      client(call(5)),
    ])
    expect(messages.map(({ requestId }) => requestId)).toEqual([5])
  })

  it("refuses what is no packet, and goes on", () => {
    for (const bad of [
      Buffer.concat([Buffer.from([7, 0xff, 0xff, 0xff]), call(2).subarray(4)]),
      answer(2),
      framed(int(1, 1), int(2, 0), int(3, 0), int(4, 2), text(5, "a"), head(6, 15), Buffer.alloc(9)),
    ]) {
      const tars = makeTars()
      const { messages } = play(tars, [client(call(1)), client(bad), client(call(3))])
      expect(messages.map(({ requestId }) => requestId)).toEqual([1, 3])
      expect(tars.stats).toMatchObject({ malformed: 1, resyncs: 1 })
    }
  })

  it("reads no further than it may in fields that are nested without end, or too many", () => {
    for (const tail of [
      Buffer.alloc(6000, 0xfa),
      Buffer.concat(Array.from({ length: 2000 }, () => Buffer.from([0x79, 0x00, 0x01]))),
      Buffer.concat([head(7, 9), Buffer.from([2, 0x7f, 0xff, 0xff, 0xff])]),
      Buffer.concat([head(9, 8), Buffer.from([2, 0x7f, 0xff, 0xff, 0xff]), text(0, "a"), text(1, "b")]),
    ]) {
      const packet = framed(int(1, 1), int(2, 0), int(3, 0), int(4, 2), text(5, "a.b.C"), text(6, "m"), tail)
      expect(play(makeTars(), [client(packet)]).messages[0].endpoint).toBe("a.b.C/m")
    }
  })
})

keepsToFrames(makeTars, [...recorded("tars-js"), ...recorded("tars-js-tup")], maxBuffered)
