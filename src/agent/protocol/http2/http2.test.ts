import * as fc from "fast-check"
import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import {
  absentCode,
  absentLength,
  type L7Message,
  RecordType,
  ResponseStatus,
} from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { grpcCore, grpcJs } from "../grpc/recorded.testing.ts"
import { Direction } from "../Protocol.ts"
import { cutAt, damaged, everyCut, fromRecording, noise, play, type Run } from "../transcript.testing.ts"
import { maxTableBytes } from "./DynamicTable.ts"
import { FrameFlag, FrameType } from "./frame.ts"
import {
  block,
  client,
  data,
  frame,
  grpcMessage,
  headers,
  preface,
  request,
  server,
  settings,
} from "./frames.testing.ts"
import { maxBlock } from "./HpackDecoder.ts"
import { makeHttp2 } from "./http2.ts"
import { maxStreams } from "./Http2Streams.ts"

const messagesOf = (...runs: ReadonlyArray<Run>) => play(makeHttp2(), runs).messages
const uint32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

/** Every kind of frame in one connection. */
const conversation: ReadonlyArray<Run> = [
  client(preface, settings, frame(FrameType.windowUpdate, 0, 0, uint32(1000))),
  server(settings, frame(FrameType.settings, FrameFlag.ack, 0)),
  client(
    headers(1, request("/api/v1/orders?token=x&id=7", { "user-agent": "probe" })),
    data(1, "hello"),
    data(1, "", true),
  ),
  client(
    frame(
      FrameType.headers,
      FrameFlag.endHeaders | FrameFlag.padded | FrameFlag.priority | FrameFlag.endStream,
      3,
      Buffer.concat([Buffer.from([3, 0, 0, 0, 1, 16]), block(request("/padded")), Buffer.alloc(3)]),
    ),
  ),
  server(
    headers(1, { ":status": "103", link: "x" }),
    headers(1, { ":status": "200", "x-request-id": "r-1" }),
    frame(
      FrameType.data,
      FrameFlag.padded,
      1,
      Buffer.concat([Buffer.from([4]), Buffer.from("body"), Buffer.alloc(4)]),
    ),
    frame(FrameType.ping, 0, 0, Buffer.alloc(8)),
  ),
  server(
    frame(FrameType.headers, FrameFlag.endStream, 3, block({ ":status": "404" })),
    frame(FrameType.continuation, 0, 3, block({ a: "b" }).subarray(0, 3)),
    frame(FrameType.continuation, FrameFlag.endHeaders, 3, block({ a: "b" }).subarray(3)),
    frame(0x7f, 0xff, 0, "grease"),
    headers(1, { "x-sum": "1" }, true),
  ),
  client(frame(FrameType.priority, 0, 5, Buffer.alloc(5)), headers(5, request("/reset"), true)),
  server(
    frame(
      FrameType.pushPromise,
      FrameFlag.endHeaders,
      5,
      Buffer.concat([uint32(2), block(request("/pushed"))]),
    ),
    headers(2, { ":status": "200" }),
    data(2, "css", true),
    frame(FrameType.rstStream, 0, 5, uint32(7)),
  ),
  client(headers(7, request("/away"), true)),
  server(frame(FrameType.goAway, 0, 0, Buffer.concat([uint32(5), uint32(0), Buffer.from("bye")]))),
]

it("tells of a request when it begins, if its end comes later", () => {
  const told: Array<string> = []
  const parser = makeHttp2().connection({
    message: ({ endpoint, type }) => void (type === RecordType.request && told.push(`whole ${endpoint}`)),
    begins: (id) => told.push(`begins ${id}`),
    leave: () => {},
    desync: () => {},
  })
  const feed = (...frames: ReadonlyArray<Uint8Array>): void => {
    const bytes = Buffer.concat(frames)
    parser.feed(Direction.toServer, bytes, 0, bytes.length, 0, 1, 0)
  }
  feed(preface, settings, headers(1, request("/a")), headers(3, request("/b"), true))
  feed(data(1, "x"), headers(5, request("/c")), headers(1, { "x-sum": "1" }, true))
  feed(data(5, "", true))
  expect(told).toEqual(["begins 1", "whole /b", "begins 5", "whole /a", "whole /c"])
})

describe("messages", () => {
  it("are read from every kind of frame", () => {
    const messages = messagesOf(...conversation)
    const short = messages.map((message) =>
      message.type === RecordType.request
        ? `${message.requestId} ${message.requestType} ${message.requestResource} ${message.length}`
        : `${message.requestId} ${message.code} ${message.endpoint} ${message.exception} ${message.length}`,
    )
    expect(short).toEqual([
      "1 POST /api/v1/orders?token=***&id=7 5",
      "3 POST /padded 0",
      "3 404 /padded  0",
      "1 200 /api/v1  4",
      "5 POST /reset 0",
      "2 POST /pushed 0",
      "2 200 /pushed  3",
      `5 ${absentCode} /reset RST_STREAM REFUSED_STREAM ${absentLength}`,
      "7 POST /away 0",
      `7 ${absentCode} /away GOAWAY NO_ERROR: bye ${absentLength}`,
    ])
    expect(messages[0]).toMatchObject({
      protocol: L7Protocol.http2,
      version: "2",
      requestDomain: "shop:8080",
      endpoint: "/api/v1",
      userAgent: "probe",
    })
    expect(messages[3]).toMatchObject({ status: ResponseStatus.ok, xRequestId: "r-1" })
    expect(messages[2].status).toBe(ResponseStatus.clientError)
    expect(messages[7].status).toBe(ResponseStatus.serverError)
    // A GOAWAY without error says that the request was not processed, not that it failed.
    expect(messages[9].status).toBe(ResponseStatus.unknown)
  })

  it("are the same at every cut", () => {
    const whole = messagesOf(...conversation)
    for (const runs of everyCut(conversation)) expect(messagesOf(...runs)).toEqual(whole)
  })

  it("carry the identity of the trace, the best of them", () => {
    const trace = {
      b3: "a3ce929d0e0e4736bd0a4dcc0f1e5a4b-00f067aa0ba902b7-1",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      "x-forwarded-for": "10.0.0.7, 10.0.0.8",
      referer: "http://x/?password=1",
    }
    const [message, other] = messagesOf(
      client(
        preface,
        headers(1, request("/a", trace), true),
        headers(3, request("/b", { b3: trace.b3 }), true),
      ),
    )
    expect(message).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      proxyClient: "10.0.0.7",
      referer: "http://x/?password=***",
    })
    expect(other).toMatchObject({ traceId: "a3ce929d0e0e4736bd0a4dcc0f1e5a4b", proxyClient: "" })
  })

  it("tell of CONNECT and its extension", () => {
    const [connect, extended] = messagesOf(
      client(preface, headers(1, { ":method": "CONNECT", ":authority": "db:5432" })),
      client(headers(3, request("/chat", { ":method": "CONNECT", ":protocol": "websocket" }))),
    )
    expect(connect).toMatchObject({
      requestType: "CONNECT",
      requestResource: "db:5432",
      length: absentLength,
    })
    expect(extended.attributes).toEqual(["connect_protocol", "websocket"])
  })

  it("of long streams are handed over before their end, and told of again at it", () => {
    const protocol = makeHttp2()
    const messages: Array<L7Message> = []
    const parser = protocol.connection({
      message: (m) => messages.push(m),
      leave: () => {},
      desync: () => {},
    })
    const feed = (run: Run, timeUs: number) =>
      parser.feed(run.direction, run.bytes, 0, run.bytes.length, 0, timeUs, 0)
    feed(
      client(preface, headers(1, request("/shop.S/Watch", { "content-type": "application/grpc" }), true)),
      1,
    )
    feed(
      server(
        headers(1, { ":status": "200", "content-type": "application/grpc" }),
        data(1, grpcMessage("one")),
      ),
      2,
    )
    expect(messages).toHaveLength(1)
    feed(server(frame(FrameType.ping, 0, 0, Buffer.alloc(8))), 6_000_000)
    expect(messages[1]).toMatchObject({
      status: ResponseStatus.unknown,
      code: absentCode,
      isAsync: false,
      attributes: ["stream_open", "true"],
    })
    feed(server(data(1, grpcMessage("two")), headers(1, { "grpc-status": "14" }, true)), 9_000_000)
    expect(messages[2]).toMatchObject({
      isAsync: true,
      status: ResponseStatus.serverError,
      exception: "UNAVAILABLE",
      startUs: 2,
      endUs: 9_000_000,
      attributes: ["response_messages", "2"],
    })
    expect(messages).toHaveLength(3)
  })

  it("count the events of an event stream", () => {
    const messages = messagesOf(
      client(preface, headers(1, request("/events"), true)),
      server(headers(1, { ":status": "200", "content-type": "text/event-stream" })),
      server(data(1, "data: 1\n\nda"), data(1, "ta: 2\r\n\r\n: ping\n\n", true)),
    )
    expect(messages[1].attributes).toEqual(["stream_open", "true"])
    expect(messages[2]).toMatchObject({ isAsync: true, code: 200, length: 28, attributes: ["events", "2"] })
  })
})

describe("gRPC", () => {
  const grpc = (path: string, more: Record<string, string> = {}) =>
    request(path, { "content-type": "application/grpc", te: "trailers", ...more })

  it("has service, method, status and counts of messages", () => {
    const [unary, answer] = messagesOf(
      client(
        preface,
        headers(1, grpc("/shop.v1.Stock/Get", { "grpc-timeout": "2S" })),
        data(1, grpcMessage("x"), true),
      ),
      server(headers(1, { ":status": "200", "content-type": "application/grpc" })),
      server(headers(1, { "grpc-status": "5", "grpc-message": "no %C3%BC" }, true)),
    )
    expect(unary).toMatchObject({
      protocol: L7Protocol.grpc,
      requestResource: "shop.v1.Stock",
      endpoint: "/shop.v1.Stock/Get",
      attributes: ["grpc_timeout", "2S"],
    })
    expect(answer).toMatchObject({
      protocol: L7Protocol.grpc,
      code: 5,
      status: ResponseStatus.clientError,
      exception: "no ü",
      attributes: ["response_messages", "0"],
    })
  })

  it("is told by its answer when the request's headers are not known", () => {
    const messages = messagesOf(
      client(frame(FrameType.headers, FrameFlag.endHeaders, 9, Buffer.from("8386c0bf", "hex"))),
      server(headers(9, { ":status": "200", "content-type": "application/grpc+proto" })),
      server(headers(9, { "grpc-status": "0" }, true)),
    )
    expect(messages.map(({ protocol, code }) => [protocol, code])).toEqual([
      [L7Protocol.grpc, absentCode],
      [L7Protocol.grpc, 0],
    ])
    expect(messages[0]).toMatchObject({ requestType: "POST", attributes: ["request_unknown_fields", "2"] })
  })

  it("keeps HTTP's status of a proxy that answers instead", () => {
    const [, answer] = messagesOf(
      client(preface, headers(1, grpc("/s.S/M"), true)),
      server(headers(1, { ":status": "503", "content-type": "text/plain" }), data(1, "no", true)),
    )
    expect(answer).toMatchObject({ code: 503, status: ResponseStatus.serverError })
  })

  it("says when the client's deadline passed", () => {
    const protocol = makeHttp2()
    for (const [timeUs, status] of [
      [300_000, ResponseStatus.timeout],
      [100_000, ResponseStatus.clientError],
    ]) {
      const messages: Array<L7Message> = []
      const parser = protocol.connection({
        message: (m) => messages.push(m),
        leave: () => {},
        desync: () => {},
      })
      const call = client(preface, headers(1, grpc("/s.S/M", { "grpc-timeout": "300m" }), true)).bytes
      const cancel = frame(FrameType.rstStream, 0, 1, uint32(8))
      parser.feed(Direction.toServer, call, 0, call.length, 0, 1, 0)
      parser.feed(Direction.toServer, cancel, 0, cancel.length, 0, timeUs, 0)
      expect(messages[1]).toMatchObject({ status, exception: "RST_STREAM CANCEL" })
    }
  })

  it("of Dubbo is Triple", () => {
    const triple = { "tri-service-version": "1.2", "tri-consumer-appname": "shop" }
    const [message, answer] = messagesOf(
      client(preface, headers(1, grpc("/org.Shop/buy", triple), true)),
      server(headers(1, { ":status": "200", "content-type": "application/grpc", "grpc-status": "0" }, true)),
    )
    expect(message).toMatchObject({
      protocol: L7Protocol.triple,
      version: "1.2",
      requestResource: "org.Shop",
    })
    expect(answer).toMatchObject({ protocol: L7Protocol.triple, code: 0, status: ResponseStatus.ok })
  })
})

const recordings = { grpcCore: fromRecording(grpcCore), grpcJs: fromRecording(grpcJs) }

describe("recorded conversations", () => {
  for (const [name, runs] of Object.entries(recordings)) {
    it(`${name}: calls, statuses and counts`, () => {
      const protocol = makeHttp2()
      const { messages } = play(protocol, runs)
      const requests = messages.filter((message) => message.type === RecordType.request)
      const responses = messages.filter((message) => message.type === RecordType.response)
      const methods = requests.map((message) => message.endpoint.replace("/shop.Stock/", ""))
      expect(methods.slice(0, 6)).toEqual(["Get", "Get", "List", "Put", "Chat", "Get"])
      expect(responses.map((message) => message.code)).toEqual(
        name === "grpcCore" ? [0, 5, 0, 0, 0, absentCode, 12, 0] : [0, 5, 0, 0, 0, absentCode, absentCode, 0],
      )
      expect(responses[1]).toMatchObject({
        exception: "no such thing: Grüße",
        status: ResponseStatus.clientError,
      })
      expect(responses[2].attributes).toEqual(["response_messages", "3"])
      expect(requests[3].attributes).toEqual(["request_messages", "2"])
      expect(requests[0]).toMatchObject({
        traceId: "0af7651916cd43dd8448eb211c80319c",
        requestResource: "shop.Stock",
      })
      expect(requests.at(-1)?.traceId).toBe("0af7651916cd43dd8448eb211c80319c")
      expect(protocol.stats).toMatchObject({ malformed: 0, truncated: 0, resyncs: 0 })
    })

    it(`${name}: the same at every cut`, () => {
      const whole = messagesOf(...runs)
      for (const cut of everyCut(runs)) expect(messagesOf(...cut)).toEqual(whole)
    })

    it(`${name}: joined later, what is known is right`, () => {
      const whole = messagesOf(...runs)
      for (let from = 1; from < runs.length; from++) expectSubset(messagesOf(...runs.slice(from)), whole)
    })

    it(`${name}: with bytes lost, what is known is right`, () => {
      const whole = messagesOf(...runs)
      const losses = fc.array(
        fc.record({ run: fc.nat(), kept: fc.double({ min: 0, max: 1, noNaN: true }) }),
        {
          minLength: 1,
          maxLength: 4,
        },
      )
      fc.assert(
        fc.property(losses, (lost) => {
          const cut = runs.map((run) => ({ ...run }))
          for (const { run, kept } of lost) {
            const target = cut[run % cut.length]
            const length = Math.floor(target.bytes.length * kept)
            target.missing = (target.missing ?? 0) + target.bytes.length - length
            target.bytes = target.bytes.subarray(0, length)
          }
          expectSubset(messagesOf(...cut), whole)
        }),
        { numRuns: 300 },
      )
    })
  }
})

/** Each message says of each thing the same as its counterpart, or nothing. */
const expectSubset = (found: ReadonlyArray<L7Message>, whole: ReadonlyArray<L7Message>): void => {
  for (const message of found) {
    const like = whole.find((other) => other.type === message.type && other.requestId === message.requestId)
    expect(like).toBeDefined()
    if (like === undefined) continue
    // Of a call that is not known to be gRPC the path is told as HTTP's are.
    if (message.protocol === like.protocol) {
      if (message.requestResource !== "") expect(message.requestResource).toBe(like.requestResource)
      if (message.endpoint !== "") expect(message.endpoint).toBe(like.endpoint)
    }
    for (const key of ["requestType", "requestDomain", "userAgent", "traceId", "spanId"] as const) {
      if (message[key] !== "") expect(message[key]).toBe(like[key])
    }
    if (message.code !== absentCode && message.protocol === like.protocol)
      expect(message.code).toBe(like.code)
    if (message.protocol !== like.protocol) expect([absentCode, 200]).toContain(message.code)
    const errors: ReadonlyArray<number> = [ResponseStatus.clientError, ResponseStatus.serverError]
    if (errors.includes(message.status)) expect(message.status).toBe(like.status)
  }
}

describe("losses", () => {
  it("within data change nothing but the captured bytes", () => {
    const body = data(1, "x".repeat(5000))
    const cut = server(headers(1, { ":status": "200" }), body.subarray(0, 1024))
    const outcome = play(makeHttp2(), [
      client(preface, headers(1, request("/big"), true)),
      { ...cut, missing: body.length - 1024 },
      server(data(1, "end", true)),
    ])
    expect(outcome.messages[1]).toMatchObject({ code: 200, length: 5003, attributes: [] })
    expect(outcome.messages[1].capturedBytes).toBeLessThan(1200)
  })

  it("beyond a frame hand over what is open, and later frames are found again", () => {
    const protocol = makeHttp2()
    const { messages } = play(protocol, [
      client(preface, headers(1, request("/lost"), true)),
      { ...server(headers(1, { ":status": "200" }), data(1, "x")), missing: 300 },
      client(headers(3, request("/found"), true)),
      server(headers(3, { ":status": "500" }, true)),
    ])
    expect(messages.map((message) => message.requestResource || message.code)).toEqual([
      "/lost",
      200,
      "/found",
      500,
    ])
    expect(messages[1]).toMatchObject({ length: absentLength, attributes: ["response_truncated", "true"] })
    expect(protocol.stats).toMatchObject({ truncated: 1, resyncs: 1, malformed: 0 })
  })

  it("within a header block keep what came before", () => {
    const whole = headers(1, request("/cut", { "user-agent": "long".repeat(100) }), true)
    const { messages } = play(makeHttp2(), [
      { ...client(preface, whole.subarray(0, 120)), missing: whole.length - 120 },
      client(headers(3, request("/next"), true)),
    ])
    expect(messages[0]).toMatchObject({
      requestResource: "/cut",
      userAgent: "",
      attributes: ["head_truncated", "true"],
    })
    expect(messages[1].requestResource).toBe("/next")
  })

  it("of one short frame do not forget the header table", () => {
    const insert = frame(
      FrameType.headers,
      FrameFlag.endHeaders,
      1,
      block({ ":status": "200", "content-type": "text/event-stream" }, true),
    )
    const again = frame(FrameType.headers, 0x5, 3, Buffer.from("bfbe", "hex"))
    const after = (missing: number) =>
      messagesOf(
        client(preface, headers(1, request("/a"), true), headers(3, request("/b"), true)),
        { ...server(settings, insert), missing },
        server(again),
      ).find((message) => message.type === RecordType.response && message.requestId === 3)
    expect(after(11)).toMatchObject({ code: 200 })
    expect(after(12)).toMatchObject({ code: absentCode })
  })
})

describe("bounds", () => {
  it("of a header block and the streams", () => {
    const protocol = makeHttp2()
    const many = Array.from({ length: maxStreams + 3 }, (_, i) =>
      client(headers(2 * i + 1, request(`/n${i}`))),
    )
    const endless = Array.from({ length: 40 }, () =>
      client(frame(FrameType.continuation, 0, 9999, "y".repeat(4096))),
    )
    const outcome = play(protocol, [
      client(preface),
      ...many,
      client(frame(FrameType.headers, 0, 9999, block(request("/endless")))),
      ...endless,
      client(frame(FrameType.continuation, FrameFlag.endHeaders, 9999, "z")),
      client(headers(10_001, request("/after"))),
    ])
    expect(outcome.maxBuffered).toBeLessThanOrEqual(2 * (maxBlock + maxTableBytes))
    expect(protocol.stats.overflows).toBe(5)
    const resources = outcome.messages.map((message) => message.requestResource)
    expect(resources.slice(0, 2)).toEqual(["/n0", "/n1"])
    expect(resources.slice(-2)).toEqual(["/endless", "/after"])
  })

  it("hold for damage and noise", () => {
    const frames = fc
      .array(
        fc.tuple(
          fc.integer({ min: 0, max: 10 }),
          fc.nat({ max: 0x2f }),
          fc.nat({ max: 9 }),
          fc.uint8Array({ maxLength: 80 }),
        ),
      )
      .chain((list) =>
        fc.boolean().map((isClient) => (isClient ? client : server)(...list.map((parts) => frame(...parts)))),
      )
    fc.assert(
      fc.property(
        fc.oneof(
          damaged(conversation),
          damaged(recordings.grpcCore),
          damaged(recordings.grpcJs),
          fc.array(frames, { maxLength: 6 }),
          noise,
        ),
        (runs) => {
          const outcome = play(makeHttp2(), runs)
          expect(outcome.maxBuffered).toBeLessThanOrEqual(2 * (maxBlock + maxTableBytes))
        },
      ),
      { numRuns: 400 },
    )
  })

  it("any split gives the same messages", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(conversation, recordings.grpcCore, recordings.grpcJs),
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
        (runs, cuts) => {
          expect(messagesOf(...cutAt(runs, cuts))).toEqual(messagesOf(...runs))
        },
      ),
    )
  })

  it("finds the next request after noise that is reported lost", () => {
    fc.assert(
      fc.property(noise, (runs) => {
        const lost: Run = { direction: Direction.toServer, bytes: new Uint8Array(0), missing: 2 ** 40 }
        const found = client(
          frame(
            FrameType.headers,
            0x5,
            1001,
            Buffer.concat([Buffer.from([0x83, 0x86]), block({ ":path": "/found" })]),
          ),
        )
        expect(messagesOf(...runs, lost, found).some((message) => message.requestResource === "/found")).toBe(
          true,
        )
      }),
    )
  })
})
