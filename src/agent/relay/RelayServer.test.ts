import { once } from "node:events"
import { spawn } from "node:child_process"
import { connect as connectHttp2, type ClientHttp2Session } from "node:http2"
import { connect } from "node:net"
import { createInterface } from "node:readline"
import { gzipSync, zstdCompressSync } from "node:zlib"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { ipText } from "../../model/ipText.ts"
import { framed } from "./GrpcMessages.ts"
import { RelayServer } from "./RelayServer.ts"
import { SpanIntake } from "./SpanIntake.ts"
import { jsonRequest, type Told, tracesRequest } from "./traces.testing.ts"

const protobuf = "application/x-protobuf"
const exportPath = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

const told = (name: string, resource: Told["resource"] = { "service.name": "shop" }, kind = 2): Told => ({
  resource,
  spans: [
    {
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      name,
      kind,
      startNs: 1_700_000_000_000_000_000n,
      endNs: 1_700_000_000_100_000_000n,
      attributes: { "http.request.method": "GET", "http.route": "/orders" },
    },
  ],
})

interface Row {
  readonly name: string
  readonly service: string
  readonly pids: readonly [number, number]
  readonly ips: readonly [string, string]
}

let server: RelayServer
let intake: SpanIntake
let isFull = false
let rows: Array<Row> = []
let port = 0

const begin = async (token = ""): Promise<void> => {
  isFull = false
  rows = []
  const emit = ({ columns, rows: count }: ColumnBatch<"span">): void => {
    for (let row = 0; row < count; row++)
      rows.push({
        name: columns.endpoint[row]!,
        service: columns.app_service[row]!,
        pids: [columns.process_id_0[row]!, columns.process_id_1[row]!],
        ips: [
          ipText(columns.ip_0.slice(row * 16, row * 16 + 16)),
          ipText(columns.ip_1.slice(row * 16, row * 16 + 16)),
        ],
      })
  }
  intake = new SpanIntake(emit, () => isFull)
  server = new RelayServer(intake, { host: "127.0.0.1", port: 0, bodyBytes: 100_000, token })
  port = await server.listen()
}

beforeEach(() => begin())
afterEach(() => server.close())

const taken = (): ReadonlyArray<Row> => {
  intake.flush()
  return rows
}

const post = (
  path: string,
  body: Uint8Array | string,
  headers: Readonly<Record<string, string>> = { "content-type": protobuf },
): Promise<Response> =>
  fetch(`http://127.0.0.1:${port}${path}`, {
    method: "POST",
    headers,
    body: typeof body === "string" ? body : new Uint8Array(body),
  })

describe("OTLP over HTTP", () => {
  it("is taken in both forms, compressed or not, at both paths", async () => {
    const bytes = tracesRequest(told("a"))
    const json = { "content-type": "application/json" }
    const answers = [
      await post("/v1/traces", bytes),
      await post("/v1/traces", gzipSync(bytes), { "content-type": protobuf, "content-encoding": "gzip" }),
      await post("/api/v1/otel/trace", zstdCompressSync(bytes), {
        "content-type": protobuf,
        "content-encoding": "zstd",
      }),
      await post("/v1/traces", jsonRequest(told("a")), json),
      await post("/v1/traces", new Uint8Array(0)),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(answers.map(({ headers }) => headers.get("content-type"))).toEqual([
      protobuf,
      protobuf,
      protobuf,
      "application/json",
      protobuf,
    ])
    expect(await answers[0]!.text()).toBe("")
    expect(await answers[3]!.json()).toEqual({})
    expect(taken().map(({ name, service }) => `${service} ${name}`)).toEqual(Array(4).fill("shop a"))
  })

  it("says how many spans it rejects", async () => {
    const [good, bad] = [told("good"), told("bad")]
    const body = jsonRequest(good, { ...bad, spans: [{ ...bad.spans[0]!, traceId: "00" }] })
    const answer = await post("/v1/traces", body, { "content-type": "application/json" })
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ partialSuccess: { rejectedSpans: "1" } })
    expect(taken()).toHaveLength(1)
    expect(intake.stats()).toMatchObject({ relay_spans_total: 1, relay_spans_rejected_total: 1 })
  })

  it("is refused with a reason where it is none", async () => {
    const bytes = tracesRequest(told("a"))
    const json = { "content-type": "application/json" }
    const refused = async (answer: Promise<Response>) => {
      const { status } = await answer
      return status
    }
    expect(await refused(post("/v1/traces", "{", json))).toBe(400)
    expect(await refused(post("/v1/traces", bytes.subarray(3)))).toBe(400)
    expect(
      await refused(post("/v1/traces", bytes, { "content-type": protobuf, "content-encoding": "gzip" })),
    ).toBe(400)
    expect(await refused(post("/v1/traces", bytes, { "content-type": "text/plain" }))).toBe(415)
    expect(
      await refused(post("/v1/traces", bytes, { "content-type": protobuf, "content-encoding": "lzma" })),
    ).toBe(415)
    expect(await refused(post("/v1/metrics", bytes))).toBe(404)
    expect(await refused(fetch(`http://127.0.0.1:${port}/v1/traces`))).toBe(405)
    const said = await post("/v1/traces", "{", json)
    expect(await said.json()).toMatchObject({ code: 3, message: expect.stringContaining("content type") })
    expect(taken()).toEqual([])
    expect(intake.stats()).toMatchObject({
      relay_refused_malformed_requests_total: 4,
      relay_refused_unsupported_requests_total: 4,
    })
  })

  it("is refused where it is too large, as it comes and as it becomes", async () => {
    const large = tracesRequest(told("x".repeat(200_000)))
    expect((await post("/v1/traces", large)).status).toBe(413)
    const small = gzipSync(large)
    expect(small.length).toBeLessThan(10_000)
    const answer = await post("/v1/traces", small, { "content-type": protobuf, "content-encoding": "gzip" })
    expect(answer.status).toBe(413)
    expect(server.stats()).toMatchObject({ relay_body_bytes: 0 })
    expect(intake.stats()).toMatchObject({ relay_refused_too_large_requests_total: 2 })
  })

  it("may come again when there is no room", async () => {
    isFull = true
    const answer = await post("/v1/traces", tracesRequest(told("a")))
    expect([answer.status, answer.headers.get("retry-after")]).toEqual([429, "2"])
    expect(intake.stats()).toMatchObject({ relay_refused_full_requests_total: 1 })
    isFull = false
    expect((await post("/v1/traces", tracesRequest(told("a")))).status).toBe(200)
  })

  it("has no room for more bodies at the same time than their limit", async () => {
    const heads = Array.from({ length: 5 }, () => {
      const socket = connect(port, "127.0.0.1")
      socket.write(
        `POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: ${protobuf}\r\nContent-Length: 99000\r\n\r\n`,
      )
      socket.write(Buffer.alloc(98_000))
      return socket
    })
    const answer = await Promise.race(
      heads.map(async (socket) => {
        const [piece] = (await once(socket, "data")) as [Buffer]
        return piece.toString("latin1")
      }),
    )
    expect(answer).toContain("HTTP/1.1 429 ")
    for (const socket of heads) socket.destroy()
  })

  it("survives senders that go away, or are none", async () => {
    for (const bytes of ["P", "PR", "PRI * HTTP/2.0\r\n\r\nnot so", "\0\0\0", "GET"]) {
      const socket = connect(port, "127.0.0.1")
      socket.on("error", () => undefined)
      socket.write(bytes)
      await new Promise((resolve) => setTimeout(resolve, 20))
      socket.destroy()
    }
    const socket = connect(port, "127.0.0.1")
    socket.write(
      `POST /v1/traces HTTP/1.1\r\nHost: a\r\nContent-Type: ${protobuf}\r\nContent-Length: 900\r\n\r\nabc`,
    )
    await new Promise((resolve) => setTimeout(resolve, 20))
    socket.destroy()
    expect((await post("/v1/traces", tracesRequest(told("a")))).status).toBe(200)
    expect(server.stats()).toMatchObject({ relay_body_bytes: 0 })
  })
})

describe("SkyWalking over HTTP", () => {
  it("is taken", async () => {
    const segment = {
      traceId: "t",
      traceSegmentId: "s",
      service: "shop",
      spans: [
        { spanId: 0, parentSpanId: -1, startTime: "1", endTime: 2, operationName: "work", spanType: "Local" },
      ],
    }
    const answer = await post("/v3/segments", JSON.stringify([segment]), {
      "content-type": "application/json",
    })
    expect(answer.status).toBe(200)
    expect(taken().map(({ name, service }) => [service, name])).toEqual([["shop", "work"]])
  })
})

describe("gRPC", () => {
  let session: ClientHttp2Session

  beforeEach(() => {
    session = connectHttp2(`http://127.0.0.1:${port}`)
    session.on("error", () => undefined)
  })
  afterEach(() => session.destroy())

  const call = async (
    path: string,
    pieces: ReadonlyArray<Uint8Array>,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Readonly<Record<string, unknown>> & { readonly body: Buffer }> => {
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    })
    let found: Record<string, unknown> = {}
    stream.on("response", (head) => (found = { ...found, ...head }))
    stream.on("trailers", (trailers) => (found = { ...found, ...trailers }))
    const body: Array<Buffer> = []
    stream.on("data", (piece: Buffer) => body.push(piece))
    for (const piece of pieces) stream.write(piece)
    stream.end()
    await once(stream, "close")
    return { ...found, body: Buffer.concat(body) }
  }

  it("takes OTLP, whole and in pieces, compressed or not", async () => {
    const message = framed(tracesRequest(told("a")))
    const answer = await call(exportPath, [message])
    expect([answer[":status"], answer["content-type"], answer["grpc-status"]]).toEqual([
      200,
      "application/grpc",
      "0",
    ])
    expect(answer.body).toEqual(Buffer.alloc(5))
    const pieces = [...message].map((byte) => Uint8Array.of(byte))
    expect((await call(exportPath, pieces))["grpc-status"]).toBe("0")
    const compressed = framed(gzipSync(tracesRequest(told("b"))))
    compressed[0] = 1
    expect((await call(exportPath, [compressed], { "grpc-encoding": "gzip" }))["grpc-status"]).toBe("0")
    expect(taken().map(({ name }) => name)).toEqual(["a", "a", "b"])
  })

  it("says what it does not take, and when to come again", async () => {
    const message = framed(tracesRequest(told("a")))
    expect((await call("/other.Service/Call", [message]))["grpc-status"]).toBe("12")
    expect((await call(exportPath, [framed(Buffer.from("nonsense"))]))["grpc-status"]).toBe("3")
    expect((await call(exportPath, [message.subarray(0, 20)]))["grpc-status"]).toBe("3")
    expect((await call(exportPath, [framed(Buffer.alloc(100_001))]))["grpc-status"]).toBe("8")
    isFull = true
    const full = await call(exportPath, [message])
    expect(full["grpc-status"]).toBe("14")
    const details = Buffer.from(String(full["grpc-status-details-bin"]), "base64").toString("latin1")
    expect(details).toContain("type.googleapis.com/google.rpc.RetryInfo")
    expect(taken()).toEqual([])
    expect(server.stats()).toMatchObject({ relay_body_bytes: 0 })
  })

  it("answers with nothing what else SkyWalking's agents ask for", async () => {
    const answer = await call("/skywalking.v3.ManagementService/keepAlive", [framed(Buffer.from("x"))])
    expect([answer["grpc-status"], answer.body]).toEqual(["0", Buffer.alloc(5)])
  })
})

describe("a port with a token", () => {
  it("takes spans of those who present it, whatever they speak", async () => {
    await server.close()
    await begin("secret")
    const bytes = tracesRequest(told("a"))
    const json = { "content-type": "application/json" }
    const segment = JSON.stringify([{ traceId: "t", traceSegmentId: "s", spans: [{ operationName: "b" }] }])
    const answers = [
      await post("/v1/traces", bytes),
      await post("/v1/traces", bytes, { "content-type": protobuf, authorization: "Bearer other" }),
      await post("/v1/traces", bytes, { "content-type": protobuf, authorization: "Bearer secret" }),
      await post("/v3/segments", segment, { ...json, authentication: "secret" }),
    ]
    expect(answers.map(({ status }) => status)).toEqual([401, 401, 200, 200])
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    const stream = session.request({
      ":method": "POST",
      ":path": exportPath,
      "content-type": "application/grpc",
    })
    stream.end(framed(bytes))
    const [head] = (await once(stream, "response")) as [Readonly<Record<string, unknown>>]
    expect(head["grpc-status"]).toBe("16")
    session.destroy()
    expect(taken().map(({ name }) => name)).toEqual(["a", "b"])
    expect(intake.stats()).toMatchObject({ relay_refused_unauthorized_requests_total: 3 })
  })
})

describe("whose spans they are", () => {
  const mine = [process.pid, process.pid]

  it("is the process at the other end, on the side that the span's kind says", async () => {
    await post("/v1/traces", tracesRequest(told("answer", {}, 2)))
    await post("/v1/traces", tracesRequest(told("ask", {}, 3)))
    await post("/v1/traces", tracesRequest(told("work", { "process.pid": process.pid }, 1)))
    expect(taken().map(({ name, pids }) => [name, ...pids])).toEqual([
      ["answer", 0, process.pid],
      ["ask", process.pid, 0],
      ["work", ...mine],
    ])
    expect(rows[0]!.ips).toEqual(["0.0.0.0", "127.0.0.1"])
  })

  it("is another process' that sends, too", async () => {
    const child = spawn("python3", ["-c", senderProgram, String(port)], {
      stdio: ["pipe", "pipe", "inherit"],
    })
    const [line] = (await once(createInterface(child.stdout), "line")) as [string]
    expect(line).toBe("200")
    child.stdin.end()
    await once(child, "close")
    expect(taken().map(({ pids }) => pids[1])).toEqual([child.pid])
  })

  it("is not that of one who hands on what others tell", async () => {
    const address = { "k8s.pod.ip": "10.1.2.3" }
    await post(
      "/v1/traces",
      tracesRequest(told("a", { "service.name": "a", ...address }), told("b", { "service.name": "b" })),
    )
    await post("/v1/traces", tracesRequest(told("c", address)), {
      "content-type": protobuf,
      "user-agent": "OpenTelemetry Collector Contrib/0.150.0 (linux/amd64)",
    })
    await post("/v1/traces", tracesRequest(told("d", { "process.pid": 999_999, ...address })))
    expect(taken().map(({ ips, name, pids }) => [name, pids[1], ips[1]])).toEqual([
      ["a", 0, "10.1.2.3"],
      ["b", 0, "0.0.0.0"],
      ["c", 0, "10.1.2.3"],
      ["d", 0, "10.1.2.3"],
    ])
  })
})

const senderProgram = `
import json, sys, urllib.request
span = {"traceId": "0af7651916cd43dd8448eb211c80319c", "spanId": "b7ad6b7169203331", "name": "child", "kind": 2,
  "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000000100000000"}
request = urllib.request.Request(f"http://127.0.0.1:{sys.argv[1]}/v1/traces",
  json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}).encode(), {"content-type": "application/json"})
print(urllib.request.urlopen(request).status, flush=True)
sys.stdin.read()
`
