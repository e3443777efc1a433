import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, damaged, play, server } from "../transcript.testing.ts"
import { makeDubbo } from "./dubbo.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const names = ["dubbo-3-hessian2", "dubbo-3-fastjson2", "dubbo-2.7-fastjson", "dubbo-2.7-kryo"]

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
const hessian2 = 2
const kryo = 8

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value)
  if (value.length < 32) return Buffer.concat([Buffer.from([value.length]), bytes])
  return Buffer.concat([Buffer.from([0x53, value.length >> 8, value.length]), bytes])
}
const map = (entries: Record<string, string>) =>
  Buffer.concat([
    Buffer.from("H"),
    ...Object.entries(entries).flatMap(([name, value]) => [text(name), text(value)]),
    Buffer.from("Z"),
  ])
const frame = (flags: number, status: number, id: bigint, body: Uint8Array) => {
  const head = Buffer.from([0xda, 0xbb, flags, status, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeBigUInt64BE(id, 4)
  head.writeUInt32BE(body.length, 12)
  return Buffer.concat([head, body])
}
const invocation = (
  descriptor: string,
  parameters: ReadonlyArray<Uint8Array>,
  attachments: Record<string, string>,
) =>
  Buffer.concat([
    ...["2.0.2", "shop.Orders", "0.0.0", "find", descriptor].map(text),
    ...parameters,
    map(attachments),
  ])
const call = (id: bigint, body = invocation("", [], {}), serialization = hessian2) =>
  frame(0xc0 | serialization, 0, id, body)
const answer = (id: bigint, body: Uint8Array = Buffer.from([0x95]), status = 20, serialization = hessian2) =>
  frame(serialization, status, id, body)
const heartbeat = (id: bigint) => frame(0xe0 | hessian2, 0, id, Buffer.from("N"))
const heartbeatAnswer = (id: bigint) => frame(0x20 | hessian2, 20, id, Buffer.from("N"))

const detect = (bytes: Uint8Array) => makeDubbo().detect(bytes, 0, bytes.length)
/** Trace id of a call with these parameters, whose attachments come behind them. */
const traceBehind = (descriptor: string, ...parameters: ReadonlyArray<Uint8Array>) =>
  play(makeDubbo(), [client(call(1n, invocation(descriptor, parameters, { traceparent })))]).messages[0]
    .traceId

/** 8 KiB of both directions. */
const maxBuffered = 16_384

describe("detection", () => {
  it("knows both sides, and leaves open who sent an event", () => {
    expect(detect(call(1n))).toBe(Evidence.request)
    expect(detect(answer(1n))).toBe(Evidence.response)
    expect(detect(heartbeat(1n))).toBe(Evidence.either)
    expect(detect(heartbeatAnswer(1n))).toBe(Evidence.either)
    expect(detect(call(1n).subarray(0, 9))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      Buffer.from([0xda, 0xbc, 0xc2, 0, ...Buffer.alloc(12)]),
      // No such serialization, a request with a status, no such status, a length without end.
      frame(0xc0, 0, 1n, Buffer.alloc(0)),
      frame(0xc2, 20, 1n, Buffer.alloc(0)),
      frame(0x02, 21, 1n, Buffer.alloc(0)),
      call(1n).fill(0xff, 12, 16),
      Buffer.from("GET / HTTP/1.1\r\n"),
    ])
      expect(detect(other)).toBe(Evidence.none)
  })
})

describe("real conversations", () => {
  const serializations = ["2", "23", "6", "8"]
  const errors = [
    "java.lang.IllegalStateException: no such thing",
    "IllegalStateException: no such thing",
    "java.lang.IllegalStateException: no such thing",
    "java.lang.IllegalStateException",
  ]
  names.forEach((name, i) => {
    it(`are read (${name})`, () => {
      const dubbo = makeDubbo()
      const lines = shortly(dubbo, recorded(name)).map((line) =>
        line.replace(` serialization_id=${serializations[i]}`, ""),
      )
      const facts = "Main$Shop service_version=1.2.0 group=blue remote_application=shop-server"
      const ok = "< ok 20"
      expect(lines.slice(0, 16)).toEqual([
        ...[`hello ${facts}`, ok, `order ${facts}`, ok, `fail ${facts}`, `< server_error 20 ${errors[i]}`],
        ...[`notify ${facts} async`, `order ${facts}`, ok, `hello ${facts}`, ok],
        ...[`slow ${facts}`, `slow ${facts}`, ok, ok, "HEARTBEAT event=true"],
      ])
      expect(lines).toContain("READONLY event=true async")
      expect(dubbo.stats).toMatchObject({ malformed: 0, skippedBytes: 0 })
    })

    it(`carry the trace behind any arguments (${name})`, () => {
      const { messages } = play(makeDubbo(), recorded(name))
      expect(messages[0]).toMatchObject({
        version: "2.0.2",
        requestDomain: "Main$Shop",
        endpoint: "Main$Shop/hello",
        traceId: "0af7651916cd43dd8448eb211c80319c",
        spanId: "b7ad6b7169203331",
      })
      expect([
        "0af7651916cd43dd8448eb211c80319c",
        "c8164cae90e94fe68493c106ea95f1ee.66.16667985488510067",
      ]).toContain(messages[2].traceId)
    })

    it(`pair by id in any order (${name})`, () => {
      const { messages } = play(makeDubbo(), recorded(name))
      const [first, second, ...answers] = messages.filter(({ endpoint }) => endpoint === "Main$Shop/slow")
      expect(answers.map(({ requestId }) => requestId)).toEqual([second.requestId, first.requestId])
    })
  })
})

describe("ids", () => {
  it("begin anywhere in 64 bits, and those of the server are told apart", () => {
    const id = 0xadbc_6609_5f8a_f15bn
    const { messages } = play(makeDubbo(), [
      client(call(id), call(id + 1n)),
      server(heartbeat(id), answer(id + 1n), answer(id)),
      client(heartbeatAnswer(id)),
    ])
    const low = Number(id & 0xf_ffff_ffff_ffffn)
    expect(messages.map(({ type, requestId }) => [type, requestId])).toEqual([
      [RecordType.request, low],
      [RecordType.request, low + 1],
      [RecordType.request, low + 2 ** 52],
      [RecordType.response, low + 1],
      [RecordType.response, low],
      [RecordType.response, low + 2 ** 52],
    ])
    expect(messages[2]).toMatchObject({ requestType: "HEARTBEAT", isAsync: false })
  })
})

describe("responses", () => {
  it("have the status of the header, and its text", () => {
    const cases = [
      [30, ResponseStatus.clientError],
      [31, ResponseStatus.serverError],
      [40, ResponseStatus.clientError],
      [60, ResponseStatus.serverError],
      [80, ResponseStatus.serverError],
      [90, ResponseStatus.clientError],
      [100, ResponseStatus.serverError],
    ] as const
    for (const [code, status] of cases) {
      const [, response] = play(makeDubbo(), [
        client(call(7n)),
        server(answer(7n, text("went wrong\n\tat a.B.c(B.java:1)"), code)),
      ]).messages
      expect(response).toMatchObject({ code, status, exception: "went wrong", endpoint: "shop.Orders/find" })
    }
  })

  it("name the status when they say no more", () => {
    const { messages } = play(makeDubbo(), [server(answer(7n, Buffer.alloc(0), 100))])
    expect(messages[0].exception).toBe("SERVER_THREADPOOL_EXHAUSTED_ERROR")
  })

  it("are failures when an exception cannot be read", () => {
    for (const [body, serialization] of [
      [Buffer.from([0x90]), hessian2],
      [Buffer.from([0, 0x21]), kryo],
    ] as const) {
      const { messages } = play(makeDubbo(), [server(answer(7n, body, 20, serialization))])
      expect(messages[0]).toMatchObject({ status: ResponseStatus.serverError, exception: "" })
    }
  })
})

describe("Hessian", () => {
  it("is stepped over whatever the arguments are", () => {
    const byte = (...bytes: ReadonlyArray<number>) => Buffer.from(bytes)
    const parameters: ReadonlyArray<Uint8Array> = [
      ...[byte(0x4e), byte(0x54), byte(0x46), byte(0x90), byte(0xc8, 1), byte(0xd4, 1, 2)],
      ...[byte(0x49, 0, 0, 0, 1), byte(0xe0), byte(0xf8, 0), byte(0x3c, 0, 0), byte(0x59, 0, 0, 0, 1)],
      ...[
        Buffer.concat([byte(0x4c), Buffer.alloc(8)]),
        byte(0x5b),
        byte(0x5c),
        byte(0x5d, 1),
        byte(0x5e, 0, 1),
      ],
      ...[
        byte(0x5f, 0, 0, 0, 1),
        Buffer.concat([byte(0x44), Buffer.alloc(8)]),
        byte(0x22, 1, 2),
        byte(0x34, 3, 1, 2, 3),
      ],
      ...[byte(0x42, 0, 2, 1, 2), byte(0x41, 0, 1, 9, 0x21, 1), byte(0x4b, 0, 0, 0, 1)],
      Buffer.concat([byte(0x4a), Buffer.alloc(8)]),
      // Texts in chunks, and of characters of two, three and four bytes.
      Buffer.concat([byte(0x52, 0, 2), Buffer.from("aé"), byte(0x53, 0, 1), Buffer.from("€")]),
      Buffer.concat([byte(3), Buffer.from("a😀")]),
      Buffer.concat([byte(0x31, 0), Buffer.alloc(256, 0x61)]),
      // Lists, maps and objects.
      Buffer.concat([byte(0x55), text("[int"), byte(0x90, 0x91, 0x5a)]),
      Buffer.concat([byte(0x56), text("[int"), byte(0x92, 0x90, 0x91)]),
      ...[byte(0x57, 0x90, 0x5a), byte(0x58, 0x91, 0x90), byte(0x72, 0x90, 0x90, 0x91), byte(0x79, 0x4e)],
      Buffer.concat([byte(0x4d), text("Tree"), text("a"), byte(0x90, 0x5a)]),
      Buffer.concat([
        byte(0x43),
        text("Item"),
        byte(0x92),
        text("name"),
        text("parent"),
        byte(0x60),
        text("x"),
        byte(0x51, 0x90),
      ]),
    ]
    for (const parameter of parameters) expect(traceBehind("I", parameter)).not.toBe("")
    const again = Buffer.concat([byte(0x4f, 0x90), text("y"), byte(0x4e)])
    expect(traceBehind("I".repeat(parameters.length + 1), ...parameters, again)).not.toBe("")
    expect(traceBehind("[[Ljava/lang/String;JLa;", byte(0x4e), byte(0xe0), byte(0x4e))).not.toBe("")
  })

  it("ends where it is none, or too deep, and what came before stays", () => {
    const deep = Buffer.alloc(8000, 0x57)
    const selfish = Buffer.concat([Buffer.from([0x43]), text("A"), Buffer.from([0x91]), text("a")])
    for (const parameter of [
      deep,
      Buffer.from([0x40]),
      Buffer.from([0x6f]),
      // An object in an object in an object, without end; a list of two thousand millions.
      Buffer.concat([selfish, Buffer.alloc(4000, 0x60)]),
      Buffer.from([0x58, 0x49, 0x7f, 0xff, 0xff, 0xff]),
      Buffer.from([0x58, 0x49, 0xff, 0xff, 0xff, 0xff]),
    ]) {
      const { messages } = play(makeDubbo(), [
        client(call(1n, invocation("I", [parameter], { traceparent }))),
      ])
      expect(messages[0]).toMatchObject({ endpoint: "shop.Orders/find", traceId: "" })
    }
  })
})

describe("calls by gateways", () => {
  it("name the method that is meant", () => {
    const descriptor = "Ljava/lang/String;[Ljava/lang/String;[Ljava/lang/Object;"
    const hessian = Buffer.concat([
      ...["2.0.2", "shop.Orders", "0.0.0", "$invoke"].map(text),
      ...[text(descriptor), text("find"), Buffer.from("NN"), map({ traceparent })],
    ])
    const lines = [
      "2.0.2",
      "shop.Orders",
      "0.0.0",
      "$invoke",
      descriptor,
      "find",
      null,
      null,
      { traceparent },
    ]
    const json = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\r\n`).join(""))
    for (const request of [call(1n, hessian), call(1n, json, 6)]) {
      const [message] = play(makeDubbo(), [client(request)]).messages
      expect(message).toMatchObject({ endpoint: "shop.Orders/$invoke", traceId: traceparent.slice(3, 35) })
      expect(message.attributes).toContain("generic_method")
      expect(message.attributes).toContain("find")
    }
  })
})

describe("losses and hostile input", () => {
  it("takes no argument for attachments when these are cut off", () => {
    const lines = ["2.0.2", "shop.Orders", "0.0.0", "find", "Ljava/util/Map;", { traceparent }, {}]
    const whole = call(1n, Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join("")), 6)
    const { messages } = play(makeDubbo(), [{ ...client(whole.subarray(0, -3)), missing: 3 }])
    expect(messages[0]).toMatchObject({ endpoint: "shop.Orders/find", traceId: "" })
  })

  it("skips what is missing of a body", () => {
    const dubbo = makeDubbo()
    const long = call(
      4n,
      invocation("[B", [Buffer.concat([Buffer.from([0x42, 0x30, 0]), Buffer.alloc(0x3000)])], {}),
    )
    const { messages } = play(dubbo, [
      { ...client(long.subarray(0, 300)), missing: long.length - 300 },
      server(answer(4n)),
      client(call(5n)),
    ])
    expect(messages.map(({ requestId, endpoint }) => [requestId, endpoint])).toEqual([
      [4, "shop.Orders/find"],
      [4, "shop.Orders/find"],
      [5, "shop.Orders/find"],
    ])
    expect(dubbo.stats).toMatchObject({ truncated: 1, malformed: 0 })
  })

  it("refuses frames that are none, and goes on", () => {
    const dubbo = makeDubbo()
    const { messages } = play(dubbo, [
      client(call(1n)),
      client(call(2n).fill(0xff, 12, 16)),
      client(call(3n)),
    ])
    expect(messages.map(({ requestId }) => requestId)).toEqual([1, 3])
    expect(dubbo.stats).toMatchObject({ malformed: 1, resyncs: 1 })
  })

  it("forgets the oldest of too many calls", () => {
    const dubbo = makeDubbo()
    play(dubbo, [client(...Array.from({ length: 1100 }, (_, i) => call(BigInt(i))))])
    expect(dubbo.stats.overflows).toBe(76)
  })

  for (const name of names) {
    it(`never throws on damaged bytes (${name})`, () => {
      fc.assert(
        fc.property(damaged(recorded(name).slice(0, 16)), (runs) => {
          expect(play(makeDubbo(), runs).maxBuffered).toBeLessThanOrEqual(maxBuffered)
        }),
        { numRuns: 100 },
      )
    })
  }
})

keepsToFrames(makeDubbo, recorded("dubbo-3-hessian2"), maxBuffered)
