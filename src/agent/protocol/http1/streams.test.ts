// What ends or outlives a message of HTTP/1.1: event streams, the upgrade to HTTP/2.

import { describe, expect, it } from "vitest"
import { absentLength, RecordType } from "../../../model/L7Session.ts"
import { L7Protocol } from "../../../model/protocol.ts"
import { h2cUpgrade } from "../http2/recorded.testing.ts"
import { makeHttp2 } from "../http2/http2.ts"
import { everyCut, fromClient, fromRecording, fromServer, play } from "../transcript.testing.ts"
import { makeHttp1 } from "./http1.ts"

const get = "GET /events HTTP/1.1\r\nHost: h\r\n\r\n"
const head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\n"
const body = ": hello\n\nid: 7\ndata: 1\n\nevent: x\r\ndata: 2\r\ndata: 3\r\n\r\nretry: 5\n\ndata: cut"
const chunks = [body.slice(0, 13), body.slice(13, 24), body.slice(24)]
  .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
  .join("")

describe("event streams", () => {
  for (const [name, answer, length] of [
    ["chunked", `${head}Transfer-Encoding: chunked\r\n\r\n${chunks}0\r\n\r\n`, body.length],
    ["of known length", `${head}Content-Length: ${body.length}\r\n\r\n${body}`, absentLength],
    ["until the end", `${head}\r\n${body}`, body.length],
  ] as const) {
    it(`${name}: handed over at the beginning, told of again at the end`, () => {
      const runs = [fromClient(get), fromServer(answer)]
      const { messages } = play(makeHttp1(), runs)
      expect(messages.map((message) => message.type)).toEqual([
        RecordType.request,
        RecordType.response,
        RecordType.response,
      ])
      expect(messages[1]).toMatchObject({ code: 200, isAsync: false, endpoint: "/events" })
      expect(messages[2]).toMatchObject({
        code: 200,
        isAsync: true,
        endpoint: "/events",
        capturedBytes: answer.length,
        attributes: ["events", "2"],
      })
      if (length !== absentLength) expect(messages[2].length).toBe(length)
      for (const cut of everyCut(runs)) expect(play(makeHttp1(), cut).messages).toEqual(messages)
    })
  }

  it("of which bytes were lost do not tell a number", () => {
    const answer = fromServer(`${head}\r\n${body}`, 500)
    const { messages } = play(makeHttp1(), [fromClient(get), answer, fromServer("data: 9\n\n")])
    expect(messages[2]).toMatchObject({ attributes: [], length: body.length + 500 + 9 })
  })
})

describe("the upgrade to HTTP/2", () => {
  const http1 = () => makeHttp1({ upgrades: { http2: makeHttp2().upgraded } })

  it("pairs the request with the answer that stream 1 brings, at any cut", () => {
    const runs = fromRecording(h2cUpgrade)
    const { messages, hasLeft } = play(http1(), runs)
    expect(hasLeft).toBe(false)
    expect(messages.map((m) => [m.protocol, m.requestId, m.requestResource || m.code, m.isAsync])).toEqual([
      [L7Protocol.http1, -1, "/api/v1/orders/7", false],
      [L7Protocol.http2, -1, 200, false],
      [L7Protocol.http2, 3, "/nothing", false],
      [L7Protocol.http2, 3, 200, false],
      [L7Protocol.http2, 5, "/events", false],
      [L7Protocol.http2, 5, 200, false],
      [L7Protocol.http2, 5, 200, true],
    ])
    expect(messages[1]).toMatchObject({ endpoint: "/api/v1", length: 19 })
    expect(messages[6].attributes).toEqual(["events", "3"])
    for (const cut of everyCut(runs)) expect(play(http1(), cut).messages).toEqual(messages)
  })
})
