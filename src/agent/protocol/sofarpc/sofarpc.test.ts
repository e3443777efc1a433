import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { client, damaged, play, server } from "../transcript.testing.ts"
import { makeSofaRpc } from "./sofarpc.ts"

const recorded = (name: string) => readRecording(new URL(`./recordings/${name}.jsonl`, import.meta.url))
const names = ["sofarpc-hessian", "sofarpc-protobuf", "bolt-2"]

const u16 = (value: number) => Buffer.from([value >> 8, value])
const u32 = (value: number) => Buffer.from([value >> 24, value >> 16, value >> 8, value])
const requestClass = "com.alipay.sofa.rpc.core.request.SofaRequest"
const responseClass = "com.alipay.sofa.rpc.core.response.SofaResponse"
const protobuf = 11

const headerBytes = (headers: Record<string, string>) =>
  Buffer.concat(
    Object.entries(headers).flatMap(([name, value]) => [
      ...[u32(name.length), Buffer.from(name), u32(value.length), Buffer.from(value)],
    ]),
  )
const lengths = (className: string, headers: Buffer, content: Uint8Array) =>
  Buffer.concat([
    ...[u16(className.length), u16(headers.length), u32(content.length), Buffer.from(className)],
    ...[headers, content],
  ])
const service = { sofa_head_target_service: "shop.Orders:1.0", sofa_head_method_name: "find" }

interface Call {
  readonly type?: number
  readonly code?: number
  readonly className?: string
  readonly codec?: number
  readonly content?: Uint8Array
}
const call = (id: number, headers: Record<string, string> = service, options: Call = {}) =>
  Buffer.concat([
    ...[Buffer.from([1, options.type ?? 1]), u16(options.code ?? 1), Buffer.from([1]), u32(id)],
    ...[Buffer.from([options.codec ?? protobuf]), u32(3000)],
    lengths(options.className ?? requestClass, headerBytes(headers), options.content ?? Buffer.alloc(0)),
  ])
const answer = (id: number, status = 0, headers: Record<string, string> = {}, content = Buffer.alloc(0)) =>
  Buffer.concat([
    ...[Buffer.from([1, 0]), u16(2), Buffer.from([1]), u32(id), Buffer.from([protobuf]), u16(status)],
    lengths(responseClass, headerBytes(headers), content),
  ])
const heartbeat = (id: number) => call(id, {}, { code: 0, className: "" })
const heartbeatAnswer = (id: number) =>
  Buffer.concat([
    ...[Buffer.from([1, 0]), u16(0), Buffer.from([1]), u32(id), Buffer.from([1]), Buffer.alloc(10)],
  ])
const detect = (bytes: Uint8Array) => makeSofaRpc().detect(bytes, 0, bytes.length)

/** 8 KiB of both directions. */
const maxBuffered = 16_384

describe("detection", () => {
  it("knows commands of both versions by head and class", () => {
    expect(detect(call(1))).toBe(Evidence.request)
    expect(detect(answer(1))).toBe(Evidence.response)
    for (const name of names) {
      const [request, response] = recorded(name)
      expect(detect(request.bytes)).toBe(Evidence.request)
      expect(detect(response.bytes)).toBe(Evidence.response)
    }
    expect(detect(call(1).subarray(0, 12))).toBe(Evidence.unclear)
  })

  it("knows heartbeats that come alone, which either side may send", () => {
    expect(detect(heartbeat(1))).toBe(Evidence.either)
    expect(detect(heartbeatAnswer(1))).toBe(Evidence.either)
    expect(detect(Buffer.concat([heartbeat(1), Buffer.alloc(9)]))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      // No such type, type and command that do not belong together, no such version, codec, class.
      Buffer.from(call(1)).fill(3, 1, 2),
      Buffer.from(call(1)).fill(2, 3, 4),
      Buffer.from(call(1)).fill(2, 4, 5),
      Buffer.from(call(1)).fill(99, 9, 10),
      call(1, {}, { className: "not a class" }),
      call(1, {}, { className: "a" }),
      Buffer.from(call(1)).fill(0xff, 18, 22),
      // The beginnings of a FastCGI request and of blocks of ClickHouse, a MySQL packet of length 1, a MongoDB message of length 257.
      Buffer.from("0100000103250000020364656600000003737562", "hex"),
      Buffer.from("010100010008000000010000000000000104000100110000", "hex"),
      Buffer.from("0200010002ffffffff000000000000000000000000000000", "hex"),
      Buffer.from("0100010002ffffffff000000000000000000000000000000", "hex"),
      Buffer.from("01010000010000000000000000000000dd07000000000000", "hex"),
      Buffer.from("GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
    ])
      expect(detect(other), other.toString("latin1")).toBe(Evidence.none)
  })
})

describe("real conversations", () => {
  it("are read with Hessian", () => {
    const blue = "Main$Shop:1.0:blue codec=hessian caller_app=shop-web"
    const ok = "< ok codec=hessian"
    expect(shortly(makeSofaRpc(), recorded("sofarpc-hessian"))).toEqual([
      ...[`hello ${blue}`, ok, `list ${blue}`, ok, `fail ${blue}`],
      "< server_error java.lang.IllegalStateException: no such thing codec=hessian",
      ...[`notify ${blue} async`, `slow ${blue}`, `slow ${blue}`, ok, ok],
      "hello Main$Shop:1.0:green codec=hessian",
      "< server_error RPC-020100010: RPC cannot find service: [Main$Shop:1.0:green]  codec=hessian",
      ...["HEARTBEAT codec=hessian", ok],
    ])
    const { messages } = play(makeSofaRpc(), recorded("sofarpc-hessian"))
    expect(messages[0]).toMatchObject({
      version: "1",
      endpoint: "Main$Shop:1.0:blue/hello",
      traceId: "c0000202179570392084710015880",
      spanId: "0",
    })
    const [first, second, ...answers] = messages.filter(({ endpoint }) => endpoint.endsWith("/slow"))
    expect(answers.map(({ requestId }) => requestId)).toEqual([second.requestId, first.requestId])
  })

  it("are read with Protocol Buffers", () => {
    const ok = "< ok codec=protobuf"
    expect(shortly(makeSofaRpc(), recorded("sofarpc-protobuf"))).toEqual([
      ...["hello Pb$Shop:1.0 codec=protobuf", ok, "fail Pb$Shop:1.0 codec=protobuf"],
      "< server_error no such thing codec=protobuf",
      ...["hello Pb$Shop:1.0 codec=protobuf", ok],
    ])
  })

  it("are read in version 2, with the classes of other users of Bolt", () => {
    const sofaRpc = makeSofaRpc()
    const ask = "Bolt2$Ask Bolt2$Ask codec=hessian"
    const ok = "< ok codec=hessian"
    const failed = "< server_error 2 com.alipay.remoting.rpc.exception.RpcServerException: "
    const lines = shortly(sofaRpc, recorded("bolt-2"))
    expect(lines.filter((line) => !line.startsWith(failed))).toEqual([
      ...[ask, ok, `${ask} async`, ask, ask, ok, ask, ok, "String java.lang.String codec=hessian"],
      ...["HEARTBEAT codec=hessian", ok],
    ])
    expect(lines[4]).toContain("java.lang.IllegalStateException: no such thing")
    expect(lines[10]).toContain("No user processor found for request: java.lang.String")
    expect(sofaRpc.stats).toMatchObject({ malformed: 0, skippedBytes: 0 })
  })
})

describe("headers", () => {
  const traceOf = (headers: Record<string, string>) => {
    const { traceId, spanId, parentSpanId } = play(makeSofaRpc(), [client(call(1, headers))]).messages[0]
    return [traceId, spanId, parentSpanId]
  }

  it("carry SOFA's trace in both forms, and those of others before it", () => {
    expect(
      traceOf({ "rpc_trace_context.sofaTraceId": "0a22", "rpc_trace_context.sofaRpcId": "0.1" }),
    ).toEqual(["0a22", "0.1", ""])
    const tracer = "tcid=0a2c7e3f&spid=0.1&pspid=0&sample=false&"
    expect(traceOf({ new_rpc_trace_context: tracer })).toEqual(["0a2c7e3f", "0.1", "0"])
    expect(traceOf({ new_rpc_trace_context: `${tracer}${"b".repeat(2000)}=1` })[0]).toBe("0a2c7e3f")
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    expect(traceOf({ traceparent, new_rpc_trace_context: tracer })).toEqual([
      ...["0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", ""],
    ])
  })

  it("name the application that is called, and the one that calls", () => {
    const { messages } = play(makeSofaRpc(), [
      client(
        call(1, { ...service, sofa_head_target_app: "orders", "rpc_trace_context.sofaCallerApp": "web" }),
      ),
    ])
    expect(messages[0]).toMatchObject({
      requestDomain: "orders",
      requestResource: "shop.Orders:1.0",
      requestType: "find",
      endpoint: "shop.Orders:1.0/find",
    })
    expect(messages[0].attributes).toEqual(["codec", "protobuf", "caller_app", "web"])
  })

  it("end where a length is impossible", () => {
    const broken = call(1, service)
    broken.writeUInt32BE(0x7fff_ffff, 22 + requestClass.length)
    expect(play(makeSofaRpc(), [client(broken)]).messages[0]).toMatchObject({
      requestResource: "",
      requestType: "",
      requestId: 1,
    })
  })
})

describe("responses", () => {
  it("have the status of the head", () => {
    for (const [code, status, exception] of [
      [1, ResponseStatus.serverError, "ERROR"],
      [4, ResponseStatus.serverError, "SERVER_THREADPOOL_BUSY"],
      [7, ResponseStatus.serverError, "TIMEOUT"],
      [8, ResponseStatus.clientError, "CLIENT_SEND_ERROR"],
      [18, ResponseStatus.serverError, "SERVER_DESERIAL_EXCEPTION"],
    ] as const) {
      const { messages } = play(makeSofaRpc(), [client(call(1)), server(answer(1, code))])
      expect(messages[1]).toMatchObject({ code, status, exception, endpoint: "shop.Orders:1.0/find" })
    }
  })

  it("are paired by id in any order, those of the client apart", () => {
    const { messages } = play(makeSofaRpc(), [
      client(call(1), call(2), call(3, service, { type: 2 })),
      server(answer(2), call(1), answer(1)),
      client(answer(1)),
    ])
    expect(messages.map(({ requestId, isAsync }) => [requestId, isAsync])).toEqual([
      ...[
        [1, false],
        [2, false],
        [3, true],
        [2, false],
      ],
      ...[
        [2 ** 32 + 1, false],
        [1, false],
        [2 ** 32 + 1, false],
      ],
    ])
  })
})

describe("losses and hostile input", () => {
  it("skips what is missing of a content", () => {
    const sofaRpc = makeSofaRpc()
    const long = call(4, service, { content: Buffer.alloc(20_000) })
    const { messages } = play(sofaRpc, [
      { ...client(long.subarray(0, 300)), missing: long.length - 300 },
      server(answer(4)),
      client(call(5)),
    ])
    expect(messages.map(({ requestId, endpoint }) => [requestId, endpoint])).toEqual([
      ...[4, 4, 5].map((id) => [id, "shop.Orders:1.0/find"]),
    ])
    expect(sofaRpc.stats).toMatchObject({ truncated: 1, malformed: 0 })
  })

  it("refuses what is no command, and goes on", () => {
    const sofaRpc = makeSofaRpc()
    const { messages } = play(sofaRpc, [client(call(1)), client(call(2).fill(0xff, 18, 22)), client(call(3))])
    expect(messages.map(({ requestId }) => requestId)).toEqual([1, 3])
    expect(sofaRpc.stats).toMatchObject({ malformed: 1, resyncs: 1 })
  })

  it("reads no further than it may in an object that is nested without end", () => {
    const definition = Buffer.concat([
      Buffer.from([0x4f, 0x91]),
      Buffer.from("A"),
      Buffer.from([0x91, 1, 0x62, 0x6f, 0x90]),
    ])
    for (const content of [
      Buffer.concat([
        definition,
        Buffer.concat(Array.from({ length: 2000 }, () => Buffer.from([0x4d, 1, 0x61]))),
      ]),
      Buffer.concat(Array.from({ length: 1000 }, () => definition)),
      Buffer.concat([definition, Buffer.from([0x53, 0xff, 0xff])]),
    ]) {
      const { messages } = play(makeSofaRpc(), [client(call(1, {}, { codec: 1, content }))])
      expect(messages[0]).toMatchObject({ requestId: 1, requestType: "" })
    }
  })

  for (const name of names) {
    it(`never throws on damaged bytes (${name})`, () => {
      fc.assert(
        fc.property(damaged(recorded(name)), (runs) => {
          expect(play(makeSofaRpc(), runs).maxBuffered).toBeLessThanOrEqual(maxBuffered)
        }),
        { numRuns: 100 },
      )
    })
  }
})

keepsToFrames(makeSofaRpc, recorded("bolt-2"), maxBuffered)
