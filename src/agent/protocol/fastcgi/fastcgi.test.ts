import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { eachForeignPayload, eachPayload, hasCaptures } from "../captures.testing.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Evidence } from "../Protocol.ts"
import { readRecording } from "../recording.testing.ts"
import { client, play, server } from "../transcript.testing.ts"
import { makeFastCgi } from "./fastcgi.ts"

const u16 = (value: number) => Buffer.from([value >> 8, value])
const record = (type: number, id: number, content: Uint8Array | string = "", padding = 0) => {
  const bytes = Buffer.from(content as string)
  return Buffer.concat([
    Buffer.from([1, type]),
    u16(id),
    u16(bytes.length),
    Buffer.from([padding, 0]),
    bytes,
    Buffer.alloc(padding, 0xee),
  ])
}
const begin = (id: number, role = 1) => record(1, id, Buffer.from([0, role, 1, 0, 0, 0, 0, 0]))
const size = (length: number) =>
  length < 128 ? Buffer.from([length]) : Buffer.from([0x80, length >> 16, length >> 8, length])
const pairs = (values: Record<string, string>) =>
  Buffer.concat(
    Object.entries(values).map(([name, value]) =>
      Buffer.concat([size(name.length), size(value.length), Buffer.from(name + value)]),
    ),
  )
const ask = (id: number, values: Record<string, string>) =>
  Buffer.concat([begin(id), record(4, id, pairs(values), 3), record(4, id), record(5, id)])
const get = (id: number, uri: string) =>
  ask(id, { REQUEST_METHOD: "GET", REQUEST_URI: uri, HTTP_HOST: "shop" })
const finish = (id: number, application = 0, protocol = 0) =>
  record(3, id, Buffer.from([0, 0, 0, application, protocol, 0, 0, 0]))
const answer = (id: number, output: string) =>
  Buffer.concat([record(6, id, output, 5), record(6, id), finish(id)])
const detect = (bytes: Uint8Array) => makeFastCgi().detect(bytes, 0, bytes.length)

const recorded = readRecording(new URL("./recordings/php-fpm-nginx.jsonl", import.meta.url))

/** A record of 8 KiB for each direction, and one or two requests under way. */
const maxBuffered = 2 * 8200 + 16 * (8192 + 2048)

describe("detection", () => {
  it("knows beginnings, parameters and output", () => {
    expect(detect(get(1, "/"))).toBe(Evidence.request)
    expect(detect(record(4, 1, pairs({ QUERY_STRING: "a=1" })))).toBe(Evidence.request)
    expect(detect(record(6, 1, "Status: 404 Not Found\r\n\r\n"))).toBe(Evidence.response)
    expect(detect(get(1, "/").subarray(0, 5))).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      record(6, 1, "0123456789"),
      record(1, 1, Buffer.from([0, 9, 1, 0, 0, 0, 0, 0])),
      record(1, 0, Buffer.from([0, 1, 1, 0, 0, 0, 0, 0])),
      record(12, 1, "Status: 200"),
      Buffer.alloc(40, 1),
    ])
      expect(detect(other)).toBe(Evidence.none)
  })

  it.skipIf(!hasCaptures)("takes nothing of other protocols", async () => {
    const taken = new Set<string>()
    await eachForeignPayload(["fastcgi"], (bytes, start, end, file) => {
      const evidence = makeFastCgi().detect(bytes, start, end)
      if (evidence !== Evidence.none && evidence !== Evidence.unclear) taken.add(file)
    })
    expect([...taken]).toEqual([])
  })
})

describe("requests", () => {
  it("of nginx to PHP carry what HTTP requests do", () => {
    const { messages } = play(makeFastCgi(), recorded)
    expect(messages[0]).toMatchObject({
      requestType: "GET",
      requestDomain: "shop.example",
      requestResource: "/cart/user-15/items?token=***&a=1",
      endpoint: "/cart/user-*",
      requestId: 1,
      version: "1",
      length: 0,
      xRequestId: "ask-7",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      attributes: ["script_filename", "/var/www/shop/index.php"],
    })
    expect(messages[2]).toMatchObject({
      requestType: "POST",
      endpoint: "/orders",
      length: 8,
      proxyClient: "10.1.2.3",
      referer: "http://shop/",
    })
    expect(
      messages.map(({ code, exception, length, requestType, status, type }) =>
        type === 0 ? requestType : [status, code, exception, length],
      ),
    ).toEqual([
      "GET",
      [ResponseStatus.ok, 302, "", 7],
      "POST",
      [ResponseStatus.ok, 302, "", 7],
      "GET",
      [ResponseStatus.clientError, 404, "Not Found", 7],
      "GET",
      [ResponseStatus.serverError, 503, "Service Unavailable", 2],
      "GET",
      [ResponseStatus.ok, 200, "", 12000],
      "HEAD",
      [ResponseStatus.ok, 302, "", 0],
    ])
    expect(messages[7]).toMatchObject({
      xRequestId: "answer-7",
      attributes: ["stderr", "PHP message: it broke"],
    })
    expect(messages.every((message) => message.capturedBytes > 0)).toBe(true)
  })

  it("are paired by number, in any order, each over many records", () => {
    const values = pairs({
      REQUEST_METHOD: "PUT",
      REQUEST_URI: `/a/${"x".repeat(300)}`,
      HTTP_COOKIE: "secret",
    })
    const { messages } = play(makeFastCgi(), [
      client(
        begin(1),
        begin(2),
        record(4, 1, values.subarray(0, 20)),
        record(4, 2, pairs({ REQUEST_METHOD: "GET" })),
      ),
      client(
        record(4, 1, values.subarray(20)),
        record(4, 1),
        record(4, 2),
        record(5, 2),
        record(5, 1, "abc"),
        record(5, 1),
      ),
      server(record(6, 2, "Content-Type: text/plain\r\n"), record(6, 1, "Status: 201 Created\n\nabc")),
      server(record(6, 2, "\r\n12345"), finish(2), finish(1)),
    ])
    expect(
      messages.map(({ code, length, requestId, requestType }) => [requestId, requestType, code, length]),
    ).toEqual([
      [2, "GET", -32768, 0],
      [1, "PUT", -32768, 3],
      [2, "", 200, 5],
      [1, "", 201, 3],
    ])
    expect(JSON.stringify(messages)).not.toContain("secret")
  })

  it("may be refused, aborted, and answered early", () => {
    const { messages } = play(makeFastCgi(), [
      client(get(1, "/")),
      server(finish(1, 0, 2)),
      client(get(2, "/"), record(2, 2)),
      server(finish(2, 3)),
      client(begin(3), record(4, 3, pairs({ REQUEST_METHOD: "POST" })), record(4, 3), record(5, 3, "abc")),
      server(answer(3, "Status: 413 Too Large\r\n\r\n")),
      client(record(9, 0, pairs({ FCGI_MAX_CONNS: "" }))),
      server(record(10, 0, pairs({ FCGI_MAX_CONNS: "1" }))),
    ])
    expect(
      messages.map(({ code, exception, requestType, status }) => [requestType, status, code, exception]),
    ).toEqual([
      ["GET", ResponseStatus.unknown, -32768, ""],
      ["", ResponseStatus.serverError, -32768, "FCGI_OVERLOADED"],
      ["GET", ResponseStatus.unknown, -32768, ""],
      ["FCGI_ABORT_REQUEST", ResponseStatus.unknown, -32768, ""],
      ["", ResponseStatus.serverError, -32768, ""],
      ["POST", ResponseStatus.unknown, -32768, ""],
      ["", ResponseStatus.clientError, 413, "Too Large"],
    ])
    expect(messages[4].attributes).toEqual(["app_status", "3"])
  })
})

describe.skipIf(!hasCaptures)("DeepFlow's capture", () => {
  it("is read as tshark reads it", async () => {
    const runs: Array<ReturnType<typeof client>> = []
    await eachPayload("fastcgi/fastcgi.pcap", (bytes, start, end, port) => {
      const piece = Buffer.from(bytes.subarray(start, end))
      runs.push(port === 9000 ? server(piece) : client(piece))
    })
    const { messages } = play(makeFastCgi(), runs)
    expect(messages).toHaveLength(2)
    expect(messages[0]).toMatchObject({ requestType: "GET", endpoint: "/aaaaa", requestId: 1 })
    // The capture ends in the second record of the output: its length is not known.
    expect(messages[1]).toMatchObject({ code: 200, status: ResponseStatus.ok, length: -1, requestId: 1 })
  })
})

describe("losses and hostile input", () => {
  it("forgets the oldest of too many requests, and keeps within its bound", () => {
    const fastCgi = makeFastCgi()
    const large = record(4, 1, Buffer.alloc(60_000, 65))
    const runs = Array.from({ length: 40 }, (_, i) =>
      client(begin(i + 1), Buffer.concat([Buffer.from([1, 4]), u16(i + 1), large.subarray(4)])),
    )
    const outcome = play(fastCgi, runs)
    expect(outcome.maxBuffered).toBeLessThanOrEqual(maxBuffered)
    expect(fastCgi.stats.overflows).toBe(24)
  })

  it("keeps the status of an answer of which a part is missing", () => {
    const long = record(6, 1, `Status: 500 Oops\r\n\r\n${"x".repeat(5000)}`)
    const { messages } = play(makeFastCgi(), [
      client(get(1, "/")),
      { ...server(long.subarray(0, 200)), missing: long.length - 200 },
      server(finish(1)),
      client(get(1, "/next")),
    ])
    expect(messages[1]).toMatchObject({ code: 500, exception: "Oops", status: ResponseStatus.serverError })
    expect(messages[2].endpoint).toBe("/next")
  })
})

keepsToFrames(
  makeFastCgi,
  [
    client(get(1, "/a"), get(2, "/b")),
    server(record(6, 2, "Status: 404 Not Found\r\n\r\n"), finish(2), answer(1, "A: b\r\n\r\n")),
    ...recorded,
  ],
  maxBuffered,
)
