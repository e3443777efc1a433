import { Buffer } from "node:buffer"
import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import { L7Protocol } from "../../model/protocol.ts"
import { makeProtocols } from "../protocol/protocols.ts"
import { Connection, DirectionScore, Side } from "./Connection.ts"
import { byThread, systemCalls } from "./connections.testing.ts"
import type { Session } from "./Session.ts"
import { makePairBudget } from "./SessionPairs.ts"

const get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n"
const ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

const start = (client: Side = Side.unknown) => {
  const sessions: Array<Session> = []
  const connection = new Connection(1, 1, systemCalls(client), {
    protocols: makeProtocols(),
    budget: makePairBudget(),
    onSession: (session) => sessions.push(session),
  })
  let timeUs = 0
  const feed = (sender: Side, text: string, more: { missing?: number; seq?: number; hint?: number } = {}) => {
    const bytes = Buffer.from(`..${text}..`, "latin1")
    connection.feed(
      sender,
      bytes,
      2,
      bytes.length - 2,
      more.missing ?? 0,
      ++timeUs,
      more.seq ?? 0,
      byThread(7),
      more.hint ?? 0,
    )
  }
  return { connection, sessions, feed }
}
const pathsOf = (sessions: ReadonlyArray<Session>) =>
  sessions.map((session) => `${session.request?.requestResource ?? "-"} ${session.response?.code ?? "-"}`)

describe("Connection", () => {
  it("learns protocol and sides from a request, or from a response", () => {
    const request = start()
    request.feed(Side.b, get)
    request.feed(Side.a, ok)
    expect(request.connection).toMatchObject({ client: Side.b, directionScore: DirectionScore.payload })
    expect(request.connection.serverEnd.port).toBe(40_000)
    expect(pathsOf(request.sessions)).toEqual(["/a 200"])
    expect(request.sessions[0]).toMatchObject({ requestThread: 7, responseThread: 7 })

    const response = start()
    response.feed(Side.a, ok)
    expect(response.connection.client).toBe(Side.b)
    expect(response.connection.protocol?.protocol).toBe(L7Protocol.http1)
  })

  it("believes the kernel about the client, and the payload more", () => {
    const agrees = start(Side.a)
    agrees.feed(Side.a, get)
    expect(agrees.connection).toMatchObject({ client: Side.a, directionScore: DirectionScore.kernel })
    const contradicts = start(Side.b)
    contradicts.feed(Side.a, get)
    expect(contradicts.connection).toMatchObject({ client: Side.a, directionScore: DirectionScore.payload })
  })

  it("waits for the end of an unclear beginning and loses none of it", () => {
    const { feed, sessions } = start()
    feed(Side.a, "GE")
    feed(Side.a, "T /a HT")
    feed(Side.a, get.slice(9))
    feed(Side.b, ok)
    expect(pathsOf(sessions)).toEqual(["/a 200"])
    const redis = start()
    redis.feed(Side.a, "PING\r\n")
    redis.feed(Side.b, "+PONG\r\n")
    expect(redis.sessions).toMatchObject([
      { request: { requestType: "PING" }, response: { result: "SimpleString" } },
    ])
  })

  it("decides by a clear message behind unclear ones, of which it loses none", () => {
    const { feed, sessions } = start()
    feed(Side.a, "SET a 1\r\n")
    feed(Side.b, "+OK\r\n")
    feed(Side.a, "GET a\r\n")
    feed(Side.b, "$1\r\n1\r\n")
    expect(sessions.map(({ request }) => request?.requestResource)).toEqual(["SET a ?", "GET a"])
  })

  it("takes who connected, or else who spoke first, for the client where either side may have begun", () => {
    const greeting = `\xff${"\0".repeat(7)}\x01\x7f\x03\x01NULL`.padEnd(64, "\0")
    for (const [known, client] of [
      [Side.unknown, Side.b],
      [Side.a, Side.a],
    ]) {
      const { connection, feed } = start(known)
      feed(Side.b, greeting)
      expect(connection.protocol?.protocol).toBe(L7Protocol.zmtp)
      expect(connection.client).toBe(client)
      expect(connection.directionScore).toBe(
        known === Side.unknown ? DirectionScore.guess : DirectionScore.kernel,
      )
    }
  })

  it("takes the kernel's word for an unclear beginning", () => {
    const { feed, sessions, connection } = start(Side.a)
    feed(Side.a, "PING\r\n", { hint: L7Protocol.redis })
    expect(connection.protocol?.protocol).toBe(L7Protocol.redis)
    feed(Side.b, "-NOAUTH no\r\n", { hint: L7Protocol.redis })
    expect(sessions).toHaveLength(1)
  })

  it("gives up after four feeds that say nothing", () => {
    const { feed, sessions, connection } = start()
    for (let i = 0; i < 4; i++) {
      expect(connection.isAbandoned).toBe(false)
      feed(i % 2 === 0 ? Side.a : Side.b, "\x16\x03\x01 not for us")
    }
    expect(connection.isAbandoned).toBe(true)
    feed(Side.a, get)
    feed(Side.b, ok)
    expect(sessions).toEqual([])
    const hinted = start()
    for (let i = 0; i < 20; i++) hinted.feed(Side.a, "continuation", { hint: L7Protocol.http1 })
    hinted.feed(Side.a, get, { hint: L7Protocol.http1 })
    expect(hinted.connection.protocol).not.toBeNull()
  })

  it("gives beginnings that come in pieces more tries, not endless ones", () => {
    const pieces = start()
    for (const piece of get.match(/.{1,3}/gs)!) pieces.feed(Side.a, piece)
    pieces.feed(Side.b, ok)
    expect(pathsOf(pieces.sessions)).toEqual(["/a 200"])
    const { feed, connection } = start()
    for (let i = 0; i < 19; i++) feed(Side.a, "\x01")
    expect(connection.isAbandoned).toBe(false)
    feed(Side.a, "\x01")
    expect(connection.isAbandoned).toBe(true)
  })

  it("passes over what was sent again and reports what was lost", () => {
    const { feed, sessions } = start()
    const first = 4_294_967_290
    feed(Side.a, get, { seq: first })
    feed(Side.a, get, { seq: first })
    const next = (first + get.length) >>> 0
    feed(Side.b, ok.slice(0, 20), { seq: 500 })
    feed(Side.b, ok.slice(10), { seq: 510 })
    expect(pathsOf(sessions)).toEqual(["/a 200"])
    // A request of 100 bytes was lost, its response was not.
    feed(Side.b, ok, { seq: 500 + ok.length })
    feed(Side.a, get, { seq: (next + 100) >>> 0 })
    feed(Side.b, ok, { seq: 500 + 2 * ok.length })
    expect(pathsOf(sessions)).toEqual(["/a 200", "- 200", "/a -", "- 200"])
    feed(Side.a, get, { seq: (next + 100 + get.length) >>> 0 })
    feed(Side.b, ok, { seq: 500 + 3 * ok.length })
    expect(pathsOf(sessions).at(-1)).toBe("/a 200")
  })

  it("keeps its place when bytes of a body are lost between feeds", () => {
    const { feed, sessions } = start()
    feed(Side.a, get, { seq: 1 })
    const head = "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    feed(Side.b, head, { seq: 1 })
    feed(Side.b, "x".repeat(100), { seq: 1 + head.length + 900 })
    expect(sessions).toMatchObject([{ response: { length: 1000, capturedBytes: head.length + 100 } }])
  })

  it("hands over what is open at its end", () => {
    const { feed, sessions, connection } = start()
    feed(Side.a, get)
    connection.close(9)
    expect(pathsOf(sessions)).toEqual(["/a -"])
    feed(Side.b, ok)
    expect(sessions).toHaveLength(1)
  })

  it("parses nothing after the connection left its protocol", () => {
    const { feed, sessions, connection } = start()
    feed(Side.a, "GET /ws HTTP/1.1\r\nUpgrade: x\r\n\r\n")
    feed(Side.b, "HTTP/1.1 101 Yes\r\n\r\n")
    feed(Side.a, get)
    expect(pathsOf(sessions)).toEqual(["/ws 101"])
    expect(connection.isAbandoned).toBe(true)
  })
})

describe("Connection, whatever is fed", () => {
  const feedOf = fc.record({
    sender: fc.constantFrom(Side.a, Side.b),
    text: fc.oneof(
      fc.constantFrom(
        get,
        ok,
        "GE",
        "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n",
        "$1\r\nv\r\n",
        "+OK\r\n",
        ok + ok,
        get + get,
      ),
      fc.string({ unit: "binary-ascii", maxLength: 80 }),
    ),
    missing: fc.oneof(fc.constant(0), fc.nat({ max: 9000 })),
    seqStep: fc.oneof(fc.constant(0), fc.integer({ min: -200, max: 200 }), fc.integer()),
    hint: fc.constantFrom(0, L7Protocol.http1, L7Protocol.redis),
  })

  it("hands over each message once and leaves nothing outstanding", () => {
    fc.assert(
      fc.property(fc.array(feedOf, { maxLength: 40 }), fc.boolean(), (feeds, withSeqs) => {
        const parsed: Array<unknown> = []
        const handed: Array<unknown> = []
        const budget = makePairBudget({ maxPerConnection: 3 })
        const connection = new Connection(1, 1, systemCalls(), {
          protocols: makeProtocols(),
          budget,
          onMessage: (message) => parsed.push(message),
          onSession: ({ request, response }) =>
            handed.push(...[request, response].filter((half) => half !== null)),
        })
        const expected: [number, number] = [1000, 4_294_967_000]
        feeds.forEach(({ sender, text, missing, seqStep, hint }, timeUs) => {
          const bytes = Buffer.from(text, "latin1")
          const side = sender === Side.a ? 0 : 1
          const seq = (expected[side] + seqStep) >>> 0
          expected[side] = (seq + bytes.length + missing) >>> 0
          connection.feed(
            sender,
            bytes,
            0,
            bytes.length,
            missing,
            timeUs,
            withSeqs ? seq : 0,
            byThread(1),
            hint,
          )
        })
        connection.close(feeds.length)
        expect(budget.outstanding).toBe(0)
        expect(new Set(handed)).toEqual(new Set(parsed))
        expect(handed).toHaveLength(parsed.length)
      }),
      { numRuns: 300 },
    )
  })
})
