import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { absentLength, RecordType, ResponseStatus } from "../../../model/L7Session.ts"
import { Direction, Evidence } from "../Protocol.ts"
import {
  cutAt,
  damaged,
  everyCut,
  fromClient,
  fromServer,
  noise,
  play,
  type Run,
} from "../transcript.testing.ts"
import { maxHead } from "./HalfStream.ts"
import { makeHttp1 } from "./http1.ts"
import { maxOutstanding } from "./RequestQueue.ts"

const bytesOf = (text: string) => Uint8Array.from(text, (c) => c.charCodeAt(0))
const detect = (text: string) => makeHttp1().detect(bytesOf(text), 0, text.length)
const requestOf = (head: string) => play(makeHttp1(), [fromClient(head)]).messages[0]

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`
const ok = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** Every kind of framing in one connection. */
const conversation: ReadonlyArray<Run> = [
  fromClient(get("/first?x=1")),
  fromServer(ok("hello")),
  fromClient('POST /up HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;ext="a"\r\nhello\r\n'),
  fromClient("A\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\nHEAD /h HTTP/1.1\r\nHost: h\r\n\r\n" + get("/piped")),
  fromServer(
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
  ),
  fromServer(
    "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
  ),
  fromClient("\r\nPUT /put HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nGET / HTTP/" + get("/a/b/c")),
  fromServer("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.0 500 Oh dear\r\n\r\neverything until the end"),
]

describe("detection", () => {
  it("tells requests from responses from others", () => {
    expect(detect("GET / HTTP/1.1\r\n")).toBe(Evidence.request)
    expect(detect("OPTIONS * HTTP/1.1\r\n")).toBe(Evidence.request)
    expect(detect("CONNECT a:443 HTTP/1.1\r\n")).toBe(Evidence.request)
    expect(detect("GET http://h/ HTTP/1.0\r\n")).toBe(Evidence.request)
    expect(detect(`POST /${"long".repeat(40)}`)).toBe(Evidence.request)
    expect(detect("HTTP/1.1 200 OK\r\n")).toBe(Evidence.response)
    for (const unclear of ["G", "GET", "GET ", "HTT", "HTTP/1.1 20", "H"])
      expect(detect(unclear)).toBe(Evidence.unclear)
    for (const other of [
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
      "GET key\r\n",
      "get /x\r\n",
      "GET /key\r\n",
      "*1\r\n$4\r\nPING\r\n",
      "\x16\x03\x01",
      "HTTP/2 200\r\n\r\n",
      "HTTP/1.1 xyz\r\n",
    ]) {
      expect(detect(other), other).toBe(Evidence.none)
    }
  })
})

describe("heads", () => {
  it("reads a request", () => {
    const message = requestOf(
      "POST /api/v1/orders?id=7 HTTP/1.1\r\nhost: shop:8080\r\nUser-Agent:\t curl/8 \r\nREFERER: http://x/?token=abc&b=1\r\n" +
        "X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\nX-Request-ID: r-1\r\nContent-Length: 0\r\nCookie: secret=1\r\n" +
        "Authorization: Bearer zzz\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n",
    )
    expect(message).toMatchObject({
      type: RecordType.request,
      version: "1.1",
      requestType: "POST",
      requestDomain: "shop:8080",
      requestResource: "/api/v1/orders?id=7",
      endpoint: "/api/v1",
      userAgent: "curl/8",
      referer: "http://x/?token=***&b=1",
      proxyClient: "10.0.0.1",
      xRequestId: "r-1",
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      length: 0,
      status: ResponseStatus.unknown,
    })
    expect(JSON.stringify(message)).not.toMatch(/zzz|secret/)
  })

  it("reads all forms of a target", () => {
    expect(requestOf("GET http://u:p@a.example:81/x/y/z?q HTTP/1.1\r\nHost: other\r\n\r\n")).toMatchObject({
      requestDomain: "a.example:81",
      requestResource: "/x/y/z?q",
      endpoint: "/x/y",
    })
    expect(requestOf("GET http://a?q HTTP/1.1\r\n\r\n")).toMatchObject({
      requestDomain: "a",
      requestResource: "/?q",
    })
    expect(requestOf("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n")).toMatchObject({
      requestResource: "*",
      endpoint: "*",
    })
    expect(requestOf("CONNECT db:5432 HTTP/1.1\r\nHost: h\r\n\r\n")).toMatchObject({
      requestDomain: "db:5432",
      requestResource: "db:5432",
    })
    expect(requestOf("GET /\xc3\xa4 HTTP/1.0\nHost: h\n\n")).toMatchObject({
      requestResource: "/ä",
      version: "1.0",
    })
    expect(requestOf(get("/?a=/b/c"))).toMatchObject({ endpoint: "/" })
    expect(requestOf("BREW /pot HTTP/1.1\r\n\r\n")).toMatchObject({ requestType: "BREW" })
  })

  it("masks what looks like a secret in a query, and nothing else", () => {
    const secret =
      "/p?user=u&Password=1&access_token=2&api-key=3&X-Amz-Signature=4&key=5&monkey=6&token&user[passwd]=7&n=8"
    expect(requestOf(get(secret)).requestResource).toBe(
      "/p?user=u&Password=***&access_token=***&api-key=***&X-Amz-Signature=***&key=***&monkey=6&token&user[passwd]=***&n=8",
    )
    expect(requestOf(get("/p?a%70i_key=1&reset_token=2")).requestResource).toBe(
      "/p?a%70i_key=***&reset_token=***",
    )
  })

  it("reads trace contexts, the better one where there are several", () => {
    const traced = (headers: string) => requestOf(`GET / HTTP/1.1\r\n${headers}\r\n\r\n`)
    expect(traced("sw8: 1-dHJhY2U=-c2VnbWVudA==-3-x-x-x-x")).toMatchObject({
      traceId: "trace",
      spanId: "segment-3",
    })
    expect(traced("b3: 80f198ee56343ba864fe8b2a57d3eff7-e457b5a2e4d86bd1-1-05e3ac9a4f6e3b90")).toMatchObject({
      traceId: "80f198ee56343ba864fe8b2a57d3eff7",
      spanId: "e457b5a2e4d86bd1",
      parentSpanId: "05e3ac9a4f6e3b90",
    })
    expect(
      traced("X-B3-SpanId: 03df9f227df14072\r\nX-B3-TraceId: 744a02a3033b7d5960cd96456ba069a0"),
    ).toMatchObject({ traceId: "744a02a3033b7d5960cd96456ba069a0", spanId: "03df9f227df14072" })
    expect(traced("uber-trace-id: 1abc:2d:3e:1")).toMatchObject({
      traceId: "1abc",
      spanId: "2d",
      parentSpanId: "3e",
    })
    expect(
      traced(
        "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nuber-trace-id: 1abc:2d:3e:1\r\n" +
          "sw8: 1-dHJhY2U=-c2VnbWVudA==-3-x",
      ),
    ).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      parentSpanId: "",
    })
    for (const bad of [
      "traceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01",
      "traceparent: 00-0af7651916cd43dd8448eb211c80319X-b7ad6b7169203331-01",
      "traceparent: 00-0af7",
      "b3: 1",
      "sw8: --",
      "uber-trace-id: :::",
      "x-b3-traceid: <script>",
    ]) {
      expect(traced(bad), bad).toMatchObject({ traceId: "", spanId: "" })
    }
  })

  it("reads a response with the endpoint of its request", () => {
    const [, response] = play(makeHttp1(), [
      fromClient(get("/a/b/c")),
      fromServer("HTTP/1.1 404 Not Found\r\n\r\n"),
    ]).messages
    expect(response).toMatchObject({
      type: RecordType.response,
      endpoint: "/a/b",
      code: 404,
      status: ResponseStatus.clientError,
      exception: "Not Found",
      length: 0,
    })
  })
})

describe("framing", () => {
  const summary = (runs: ReadonlyArray<Run>) =>
    play(makeHttp1(), runs).messages.map((message) =>
      message.type === RecordType.request
        ? `${message.requestType} ${message.requestResource} ${message.length}`
        : `${message.code} ${message.length} ${message.endpoint}`,
    )

  it("finds every message of a conversation", () => {
    expect(summary(conversation)).toEqual([
      "GET /first?x=1 -1",
      "200 5 /first",
      "POST /up 15",
      "HEAD /h -1",
      "GET /piped -1",
      "201 3 /up",
      "200 500 /h",
      "304 9 /piped",
      "PUT /put 11",
      "GET /a/b/c -1",
      "204 -1 /put",
      "500 24 /a/b",
    ])
  })

  it("finds the same at every cut", () => {
    const whole = play(makeHttp1(), conversation).messages
    for (const cut of everyCut(conversation)) expect(play(makeHttp1(), cut).messages).toEqual(whole)
  })

  it("leaves at 101 and after CONNECT", () => {
    const upgrade = fromClient("GET /ws HTTP/1.1\r\nUpgrade: websocket\r\n\r\n")
    const left = play(makeHttp1(), [
      upgrade,
      fromServer("HTTP/1.1 101 Switching Protocols\r\n\r\n\x81\x05hello"),
      upgrade,
    ])
    expect(left.hasLeft).toBe(true)
    expect(left.messages).toHaveLength(2)
    const tunnel = [
      fromClient("CONNECT h:443 HTTP/1.1\r\n\r\n"),
      fromServer("HTTP/1.1 200 OK\r\n\r\n"),
      upgrade,
    ]
    expect(play(makeHttp1(), tunnel)).toMatchObject({ hasLeft: true, messages: { length: 2 } })
    const refused = [
      tunnel[0],
      fromServer("HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n"),
      fromClient(get("/")),
    ]
    expect(play(makeHttp1(), refused)).toMatchObject({ hasLeft: false, messages: { length: 3 } })
  })

  it("hands over a request before its early response, and a long body before its end", () => {
    const upload = fromClient("POST /u HTTP/1.1\r\nContent-Length: 1000\r\n\r\nabc")
    const early = play(makeHttp1(), [upload, fromServer(ok("no"))], { ticks: false, close: false })
    expect(early.messages.map((message) => message.type)).toEqual([RecordType.request, RecordType.response])
    const events = fromServer("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
    expect(
      play(makeHttp1(), [fromClient(get("/e")), events], { ticks: false, close: false }).messages,
    ).toHaveLength(2)
  })

  it("refuses contradicting lengths", () => {
    const protocol = makeHttp1()
    play(protocol, [fromClient("POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello")])
    play(protocol, [fromClient("POST / HTTP/1.1\r\nContent-Length: -5\r\n\r\n")])
    play(protocol, [fromClient("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n")])
    expect(protocol.stats).toMatchObject({ malformed: 3, requests: 3 })
    expect(
      summary([fromClient("POST / HTTP/1.1\r\nContent-Length: 2, 2\r\n\r\nhi" + get("/x"))]),
    ).toHaveLength(2)
  })
})

describe("losses", () => {
  const paths = (runs: ReadonlyArray<Run>, protocol = makeHttp1()) =>
    play(protocol, runs).messages.map((message) => message.requestResource || String(message.code))

  it("counts missing bytes of a body of known length", () => {
    const cut = fromServer("HTTP/1.1 200 OK\r\nContent-Length: 10000\r\n\r\nabc", 9997)
    const outcome = play(makeHttp1(), [
      fromClient(get("/1")),
      cut,
      fromClient(get("/2")),
      fromServer(ok("2")),
    ])
    expect(outcome.messages.map((message) => message.length)).toEqual([absentLength, 10000, absentLength, 1])
    expect(outcome.messages[1].capturedBytes).toBe(cut.bytes.length)
    expect(outcome.desyncs).toEqual([])
  })

  it("keeps its place in a chunk that was cut", () => {
    const cut = fromServer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1000\r\nabc", 0x1000 - 3)
    const runs = [fromClient(get("/1")), cut, fromServer("\r\n0\r\n\r\n" + ok("x"))]
    expect(play(makeHttp1(), runs).messages.map((message) => message.length)).toEqual([
      absentLength,
      0x1000,
      1,
    ])
  })

  it("leaves a body of which a part was lost unnoticed when the next message is due", () => {
    const unseen = fromServer("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    const like = fromServer("HTTP/1.1 200 OK\r\nthis is body")
    const protocol = makeHttp1()
    const runs = [fromClient(get("/1")), unseen, like, fromClient(get("/2")), fromServer(ok("2"))]
    expect(paths(runs, protocol)).toEqual(["/1", "/2", "200", "200"])
    expect(protocol.stats).toMatchObject({ resyncs: 1, truncated: 1, malformed: 0 })
    const upload = fromClient("POST /up HTTP/1.1\r\nContent-Length: 1000\r\n\r\n")
    expect(paths([upload, fromClient(get("/body")), fromServer(ok("a")), fromClient(get("/2"))])).toEqual([
      "/up",
      "200",
      "/2",
    ])
  })

  it("finds the next message after a lost one", () => {
    const protocol = makeHttp1()
    const chunked = fromServer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", 9000)
    const runs = [
      fromClient(get("/1")),
      chunked,
      fromServer("rest of it"),
      fromClient(get("/2")),
      fromServer(ok("y")),
    ]
    expect(paths(runs, protocol)).toEqual(["/1", "200", "/2", "200"])
    expect(protocol.stats).toMatchObject({ resyncs: 1, skippedBytes: 9010, truncated: 1, malformed: 0 })
  })

  it("tells what a cut head says, and that it was cut", () => {
    const cut = fromClient("GET /cut HTTP/1.1\r\nHost: h\r\nCookie: a", 5000)
    const [request, response, next] = play(makeHttp1(), [
      cut,
      fromServer(ok("z")),
      fromClient(get("/next")),
    ]).messages
    expect(request).toMatchObject({
      requestResource: "/cut",
      requestDomain: "h",
      attributes: ["head_truncated", "true"],
    })
    expect(response).toMatchObject({ code: 200, endpoint: "/cut", attributes: [] })
    expect(next).toMatchObject({ requestResource: "/next" })
    // The same when the rest of the head never comes, but the answer does.
    expect(paths([fromClient("GET /cut HTTP/1.1\r\nHost: h\r\nCoo"), fromServer(ok("z"))])).toEqual([
      "/cut",
      "200",
    ])
  })

  it("says when order cannot pair any more", () => {
    const lost = play(makeHttp1(), [fromClient(get("/1")), fromClient("", 800), fromClient(get("/3"))])
    expect(lost.desyncs).toEqual([Direction.toServer])
    const beyond = fromServer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", 500)
    expect(play(makeHttp1(), [fromClient(get("/1")), beyond]).desyncs).toEqual([Direction.toClient])
  })

  it("knows a response to an unseen HEAD when the next one follows", () => {
    const head = fromServer("HTTP/1.1 200 OK\r\nContent-Length: 77\r\n\r\n")
    expect(paths([head, fromServer(ok("a")), fromServer(ok("b"))])).toEqual(["200", "200", "200"])
  })

  it("bounds heads", () => {
    const protocol = makeHttp1()
    const long = fromClient(`GET /long HTTP/1.1\r\nHost: h\r\nX: ${"x".repeat(maxHead)}`)
    const endless = Array.from({ length: 50 }, () => fromClient("y".repeat(4096)))
    const outcome = play(protocol, [long, ...endless, fromClient(get("/after"))])
    expect(outcome.messages.map((message) => message.requestResource)).toEqual(["/long", "/after"])
    expect(outcome.maxBuffered).toBeLessThanOrEqual(maxHead)
    expect(protocol.stats).toMatchObject({ malformed: 1, truncated: 1, resyncs: 1 })
    const noLine = play(protocol, [fromClient(`GET /${"x".repeat(40_000)}`), fromClient(get("/after"))])
    expect(noLine.messages.map((message) => message.requestResource)).toEqual(["/after"])
  })

  it("pairs behind more requests than it remembers", () => {
    const protocol = makeHttp1()
    const many = Array.from({ length: maxOutstanding + 2 }, (_, i) => fromClient(get(`/n${i}`)))
    const outcome = play(protocol, [...many, ...many.map(() => fromServer(ok("")))])
    const endpoints = outcome.messages.slice(many.length).map((message) => message.endpoint)
    expect(endpoints.slice(0, 4)).toEqual(["", "", "/n2", "/n3"])
    expect(endpoints.at(-1)).toBe(`/n${maxOutstanding + 1}`)
    expect(protocol.stats.overflows).toBe(2)
  })
})

const token = fc.stringMatching(/^[a-zA-Z0-9]{1,12}$/)
const body = fc.string({ maxLength: 60 }).map((text) => text.replace(/[^\x20-\x7e]/g, "x"))
const framed = (startLine: string, headers: string, content: string, chunk: number): string => {
  if (chunk === 0) return `${startLine}\r\n${headers}Content-Length: ${content.length}\r\n\r\n${content}`
  let chunks = ""
  for (let i = 0; i < content.length; i += chunk) {
    const piece = content.slice(i, i + chunk)
    chunks += `${piece.length.toString(16)}\r\n${piece}\r\n`
  }
  return `${startLine}\r\n${headers}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`
}
const exchange = fc
  .record({
    path: token,
    header: token,
    up: body,
    down: body,
    chunk: fc.nat({ max: 7 }),
    code: fc.integer({ min: 200, max: 599 }),
  })
  .map(({ path, header, up, down, chunk, code }) => {
    const hasBody = code !== 204 && code !== 304
    return [
      fromClient(framed(`POST /${path} HTTP/1.1`, `X-${header}: ${header}\r\nHost: ${path}\r\n`, up, chunk)),
      fromServer(hasBody ? framed(`HTTP/1.1 ${code} R`, "", down, chunk) : `HTTP/1.1 ${code} R\r\n\r\n`),
    ]
  })
const exchanges = fc.array(exchange, { minLength: 1, maxLength: 4 }).map((pairs) => pairs.flat())

describe("properties", () => {
  it("any split of any conversation gives the same messages", () => {
    fc.assert(
      fc.property(
        exchanges,
        fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 30 }),
        (runs, cuts) => {
          const whole = play(makeHttp1(), runs).messages
          expect(whole).toHaveLength(runs.length)
          expect(play(makeHttp1(), cutAt(runs, cuts)).messages).toEqual(whole)
        },
      ),
    )
  })

  it("survives damage and noise within its bounds and finds back", () => {
    fc.assert(
      fc.property(fc.oneof(exchanges.chain(damaged), damaged(conversation), noise), (runs) => {
        const outcome = play(makeHttp1(), runs)
        expect(outcome.maxBuffered).toBeLessThanOrEqual(2 * maxHead)
      }),
      { numRuns: 500 },
    )
  })

  it("finds the next request after any noise that is reported lost", () => {
    fc.assert(
      fc.property(noise, (runs) => {
        const lost: Run = { direction: Direction.toServer, bytes: new Uint8Array(0), missing: 2 ** 40 }
        const outcome = play(makeHttp1(), [...runs, lost, fromClient(get("/found/again"))])
        expect(outcome.hasLeft || outcome.messages.some((m) => m.requestResource === "/found/again")).toBe(
          true,
        )
      }),
    )
  })
})
