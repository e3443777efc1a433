import { Buffer } from "node:buffer"
import { describe, expect, it } from "vitest"
import { ResponseStatus } from "../../../model/L7Session.ts"
import { keepsToFrames } from "../framed/framed.testing.ts"
import { Direction, Evidence } from "../Protocol.ts"
import { makeProtocols } from "../protocols.ts"
import { readRecording, shortly } from "../recording.testing.ts"
import { fromClient, fromServer, play } from "../transcript.testing.ts"
import { makeNats } from "./nats.ts"
import { endpointOf } from "./subjects.ts"

const recording = readRecording(new URL("./recordings/nats-server-python.jsonl", import.meta.url))
const detect = (text: string) => makeNats().detect(Buffer.from(text, "latin1"), 0, text.length)
const info = 'INFO {"server_id":"A","server_name":"hub","version":"2.10.7","headers":true}\r\n'
const connect = (verbose: boolean) => `CONNECT {"verbose":${verbose},"pedantic":false}\r\n`
const msg = (subject: string, payload: string, reply = "") =>
  `MSG ${subject} 1 ${reply === "" ? "" : `${reply} `}${payload.length}\r\n${payload}\r\n`
const hmsg = (subject: string, head: string, payload = "") =>
  `HMSG ${subject} 1 ${head.length} ${head.length + payload.length}\r\n${head}${payload}\r\n`

/** 8 KiB of both directions. */
const maxBuffered = 16_384

describe("detection", () => {
  it("knows the greetings and what only one side says", () => {
    for (const request of [
      connect(false),
      "PUB a 1\r\nx\r\n",
      "pub a b 1\r\n",
      "SUB a.* 7\r\n",
      "UNSUB 7 1\r\n",
    ])
      expect(detect(request), request).toBe(Evidence.request)
    for (const response of [info, msg("a", "x"), hmsg("a", "NATS/1.0\r\n\r\n")])
      expect(detect(response), response).toBe(Evidence.response)
    for (const unclear of ["PING\r\n", "PONG\r\n", "+OK\r\n", "-ERR 'x'\r\n", "PU", "INF"])
      expect(detect(unclear), unclear).toBe(Evidence.unclear)
  })

  it("takes nothing else", () => {
    for (const other of [
      "CONNECT example.org:443 HTTP/1.1\r\n",
      "INFO\r\n",
      "PUB a b c d 1\r\n",
      "PUB a x\r\n",
      "PUB a 1\nx\n",
      "PUB a 1\r\nxyzz",
      "SUBSCRIBE a\r\n",
      "PUT / HTTP/1.1\r\n",
      "MSG a b\r\n",
      "*1\r\n$4\r\nPING\r\n",
    ])
      expect(detect(other), other).toBe(Evidence.none)
  })
})

it("takes its CONNECT before HTTP does", () => {
  const bytes = Buffer.from(connect(false))
  const first = makeProtocols().find(
    (protocol) => protocol.detect(bytes, 0, bytes.length) === Evidence.request,
  )
  expect(first?.name).toBe("nats")
})

describe("a recorded conversation", () => {
  const { messages } = play(makeNats(), recording)
  const lines = shortly(makeNats(), recording)

  it("pairs requests and calls of JetStream with their answers", () => {
    expect(lines.filter((line) => !/_INBOX|Sub|Unsub|^Ping|Info/.test(line))).toEqual([
      "< unknown async",
      "Connect async",
      "< ok",
      "Pub $JS.API.STREAM.CREATE.ORDERS",
      "< ok",
      "Hpub orders.new",
      "< ok",
      "Pub price.get",
      "< unknown async",
      "< ok",
      "Pub nobody.there",
      "< server_error 503 No Responders",
      "Pub $JS.API.STREAM.INFO.NONE",
      "< client_error 404 stream not found",
      "Pub $JS.API.STREAM.NAMES",
      "< ok",
      "Pub $JS.API.CONSUMER.INFO.ORDERS.worker",
      "< client_error 404 consumer not found",
      "Pub $JS.API.CONSUMER.CREATE.ORDERS.worker.orders.*",
      "< ok",
      "Pub $JS.API.CONSUMER.MSG.NEXT.ORDERS.worker async",
      "< unknown async",
      "Pub $JS.ACK.ORDERS.worker.1.1.1.1795694558597786715.0 async",
      "Pub plain async",
      "< ok",
      "< ok",
      "< ok",
      "< ok",
      "< ok",
    ])
  })

  it("carries traces, and the reply subject as what identifies a request", () => {
    const published = messages.find((message) => message.requestType === "Hpub")
    expect(published).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
    })
    const asked = messages.filter((message) => message.requestResource === "price.get" && !message.isAsync)
    const delivered = messages.filter((message) => message.requestResource === "price.get" && message.isAsync)
    expect(asked[0].xRequestId).toMatch(/^_INBOX\./)
    expect(delivered.at(-1)?.xRequestId).toBe(asked[0].xRequestId)
    expect(JSON.stringify(messages)).not.toContain("secret")
  })
})

describe("verbose mode", () => {
  it("pairs everything in order", () => {
    expect(
      shortly(makeNats(), [
        fromServer(info),
        fromClient(`${connect(true)}SUB a 1\r\nPUB a 1\r\nx\r\n`),
        fromServer(`+OK\r\n+OK\r\n-ERR 'Permissions Violation for Publish to "a"'\r\n${msg("a", "x")}`),
        fromServer("PING\r\n"),
        fromClient("PONG\r\n"),
      ]),
    ).toEqual([
      "< unknown async",
      "Connect",
      "Sub a",
      "Pub a",
      "< ok",
      "< ok",
      '< client_error Permissions Violation for Publish to "a"',
      "< unknown async",
      "< unknown async",
      "Pong async",
    ])
  })
})

describe("outcomes", () => {
  const answer = (...texts: ReadonlyArray<string>) =>
    play(makeNats(), [
      fromServer(info),
      fromClient(`${connect(false)}PUB svc _INBOX.a.1 0\r\n\r\n`),
      ...texts.map((text) => fromServer(text)),
    ]).messages.slice(3)

  it("of services, statuses, errors", () => {
    expect(
      answer(
        hmsg(
          "_INBOX.a.1",
          "NATS/1.0\r\nNats-Service-Error: no stock\r\nNats-Service-Error-Code: 422\r\n\r\n",
        ),
      )[0],
    ).toMatchObject({ code: 422, status: ResponseStatus.clientError, exception: "no stock", isAsync: false })
    expect(answer(hmsg("_INBOX.x", "NATS/1.0 408 Request Timeout\r\n\r\n"))[0]).toMatchObject({
      code: 408,
      status: ResponseStatus.ok,
      result: "Request Timeout",
      isAsync: true,
    })
    expect(answer("-ERR 'maximum connections exceeded'\r\n")[0]).toMatchObject({
      status: ResponseStatus.serverError,
      isAsync: true,
    })
  })

  it("pairs the first answer, further ones are one-way", () => {
    expect(answer(msg("_INBOX.a.1", "1"), msg("_INBOX.a.1", "2"))).toMatchObject([
      { isAsync: false, status: ResponseStatus.ok },
      { isAsync: true },
    ])
  })
})

it("endpoints of subjects", () => {
  expect(endpointOf("orders.new.eu")).toBe("orders")
  expect(endpointOf("orders")).toBe("orders")
  expect(endpointOf("$JS.API.CONSUMER.MSG.NEXT.stream.consumer")).toBe("$JS.API.CONSUMER.MSG.NEXT")
  expect(endpointOf("$JS.API.INFO")).toBe("$JS.API.INFO")
  expect(endpointOf("$JS.ACK.stream.consumer.1")).toBe("$JS.ACK")
})

describe("losses and hostile input", () => {
  it("skips what is missing of a payload", () => {
    const nats = makeNats()
    const long = `PUB big 9000\r\n${"x".repeat(9000)}\r\n`
    const { messages } = play(nats, [
      fromServer(info),
      fromClient(long.slice(0, 1024), long.length - 1024),
      fromClient("PUB small 1\r\nx\r\n"),
    ])
    expect(messages.slice(1)).toMatchObject([
      { requestResource: "big", length: long.length, capturedBytes: 1024 },
      { requestResource: "small" },
    ])
    expect(nats.stats).toMatchObject({ malformed: 0, resyncs: 0 })
  })

  it("refuses lines that are none, and goes on", () => {
    for (const bad of [
      "PUB a 99999999999\r\n",
      "PUB a -1\r\n",
      "HPUB a 9 3\r\n",
      "MSG a 1 1\r\nx\r\n",
      `PUB ${"x".repeat(9000)}`,
      "NOISE\r\n",
      "PUB a 1\r\nxyz\r\n",
    ]) {
      const nats = makeNats()
      const { messages } = play(nats, [fromServer(info), fromClient(bad), fromClient("PUB b 1\r\nx\r\n")])
      expect(nats.stats.malformed, bad.slice(0, 30)).toBe(1)
      expect(messages.at(-1)?.requestResource).toBe("b")
    }
  })

  it("forgets the oldest of too many reply subjects", () => {
    const nats = makeNats()
    for (const direction of [Direction.toServer])
      play(
        nats,
        Array.from({ length: 1100 }, (_, i) => ({
          direction,
          bytes: Buffer.from(`PUB svc _INBOX.a.${i} 0\r\n\r\n`),
        })),
      )
    expect(nats.stats.overflows).toBe(76)
  })
})

keepsToFrames(makeNats, recording, maxBuffered)
