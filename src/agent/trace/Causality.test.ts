import { describe, expect, it } from "vitest"
import { Causality } from "./Causality.ts"
import { Events } from "./events.testing.ts"

describe("a lane that serves one request after another", () => {
  it("makes its calls for the request that it has read and not answered", () => {
    const events = new Events()
    const [front, database, cache] = [events.server(), events.client(), events.client()]
    events.request(database, "before")
    events.answer(database)
    for (const name of ["A", "B"]) {
      events.request(front, name)
      events.wait()
      events.request(database, `sql ${name}`)
      events.wait()
      events.answer(database)
      // Pipelined.
      events.request(cache, [`get 1 ${name}`, `get 2 ${name}`])
      events.answer(cache)
      events.answer(cache)
      events.answer(front)
      events.wait()
    }
    events.request(database, "after")
    events.answer(database)
    expect(events.joined).toEqual({
      ...{ before: "-", after: "-", "sql A": "A", "get 1 A": "A", "get 2 A": "A" },
      ...{ "sql B": "B", "get 1 B": "B", "get 2 B": "B" },
    })
  })

  it("is known by the request that it serves and no other, for what happens in it meanwhile", () => {
    const events = new Events(new Set([7]), new Set([1]))
    const { causality } = events
    const servedBy = (tid: number, coroutine = 0): number => causality.servedBy(100, tid, coroutine)
    const [front, loop, go] = [events.server(), events.server(), events.server()]
    events.request(front, "warm")
    events.request(loop, "warm", { tid: 7 })
    // Whether it is an event loop is not known before it was looked at.
    expect(servedBy(1)).toBe(0)
    causality.expire(2_000_000)
    events.answer(front)
    events.answer(loop, { tid: 7 })
    expect(servedBy(1)).toBe(0)
    events.request(front, "A")
    const first = servedBy(1)
    expect(first).toBeGreaterThan(0)
    expect(servedBy(2)).toBe(0)
    expect(causality.servedBy(200, 1, 0)).toBe(0)
    events.answer(front)
    expect(servedBy(1)).toBe(0)
    events.request(front, "B")
    expect(servedBy(1)).toBeGreaterThan(first)
    // In an event loop it would be a guess, even of one request.
    events.request(loop, "L", { tid: 7 })
    expect(servedBy(7)).toBe(0)
    events.request(go, "G", { tgid: 300, tid: 9, coroutine: 0xc000 })
    expect(causality.servedBy(300, 9, 0)).toBe(0)
    expect(causality.servedBy(300, 12, 0xc000)).toBeGreaterThan(0)
    expect(causality.servedBy(300, 9, 0xd000)).toBe(0)
  })

  it("is not mistaken for another thread, process or goroutine", () => {
    const events = new Events()
    const lanes = [
      { tid: 1 },
      { tid: 2 },
      { tid: 3, tgid: 200 },
      { tid: 4, tgid: 300, coroutine: 0xc000 },
      { tid: 4, tgid: 300, coroutine: 0xd000 },
    ]
    const talks = lanes.map(() => [events.server(), events.client()] as const)
    for (const [i, [server]] of talks.entries()) events.request(server, `R${i}`, lanes[i])
    for (const [i, [, client]] of talks.entries()) events.request(client, `C${i}`, lanes[i])
    // A goroutine goes on on another thread.
    for (const [i, [, client]] of talks.entries()) events.answer(client, { ...lanes[i], tid: 90 + i })
    expect(events.joined).toEqual({ C0: "R0", C1: "R1", C2: "R2", C3: "R3", C4: "R4" })
  })

  it("says nothing of threads once goroutines are known", () => {
    const events = new Events()
    const [server, client, other] = [events.server(), events.client(), events.client()]
    events.request(server, "A", { tid: 1, coroutine: 0xc000 })
    events.request(client, "by thread", { tid: 1 })
    events.request(other, "by another goroutine", { tid: 1, coroutine: 0xd000 })
    events.answer(client, { tid: 1 })
    events.answer(other, { tid: 1, coroutine: 0xd000 })
    expect(events.joined).toEqual({ "by thread": "-", "by another goroutine": "-" })
  })

  it("takes a request over from the lane that read its beginning", () => {
    const events = new Events()
    const [server, client] = [events.server(), events.client()]
    events.request(server, [], { tid: 1 })
    events.request(server, "A", { tid: 2 })
    events.request(client, "C", { tid: 2 })
    events.answer(client, { tid: 2 })
    expect(events.joined).toEqual({ C: "A" })
  })

  it("makes its calls for the request that it answers next, where another lane read it", () => {
    const events = new Events()
    const [server, client] = [events.server(), events.client()]
    const [reader, worker] = [{ tid: 1 }, { tid: 2 }]
    for (const name of ["first", "A", "B"]) {
      events.request(server, name, reader)
      for (const of of [`1 ${name}`, `2 ${name}`]) {
        events.request(client, of, worker)
        events.answer(client, worker)
      }
      events.answer(server, worker)
    }
    // Begun before the request came.
    events.request(client, "own", worker)
    events.answer(client, worker)
    events.request(server, "C", reader)
    events.request(client, "C", worker)
    events.answer(client, worker)
    events.answer(server, worker)
    expect(events.joined).toEqual({
      // That the worker answers for others was not known yet.
      ...{ "1 first": "-", "2 first": "-" },
      ...{ "1 A": "A", "2 A": "A", "1 B": "B", "2 B": "B", own: "-", C: "-" },
    })
  })

  it("is not certain while several requests of one connection wait, and is again for the last", () => {
    const events = new Events()
    const [server, client] = [events.server(), events.client()]
    events.request(server, ["A", "B"])
    events.request(client, "early")
    events.answer(client)
    events.answer(server)
    events.request(client, "late")
    events.answer(client)
    expect(events.joined).toEqual({ early: "-", late: "B" })
  })

  it("begins anew with a goroutine at the same address, whose request was never answered", () => {
    const events = new Events()
    const [gone, server, client] = [events.server(), events.server(), events.client()]
    const caller = { coroutine: 0xc000 }
    events.request(gone, "gone", caller)
    events.request(server, "A", caller)
    events.request(client, "C", caller)
    events.answer(client, caller)
    expect(events.joined).toEqual({ C: "A" })
  })

  it("knows nothing after events were lost, until it reads the next request", () => {
    const events = new Events()
    const [server, client] = [events.server(), events.client()]
    events.request(server, "A")
    events.causality.blind(true)
    events.request(client, "lost")
    events.answer(client)
    events.causality.blind(false)
    events.request(client, "after")
    events.answer(client)
    events.answer(server)
    events.request(server, "B")
    events.request(client, "again")
    events.answer(client)
    expect(events.joined).toEqual({ lost: "-", after: "-", again: "B" })
  })
})

describe("threads that carry lighter ones, as those of a JVM do", () => {
  it("make calls for the request whose answer they read last, not for the one that they read themselves", () => {
    const events = new Events()
    const [one, other] = [{ tid: 1 }, { tid: 2 }]
    for (let round = 0; round < 50; round++) {
      const [first, second] = [events.server(), events.server()]
      const clients = [1, 2, 3, 4].map(() => events.client())
      events.request(first, `A${round}`, one)
      events.request(clients[0]!, `a1 ${round}`, one)
      events.wait(1)
      events.request(second, `B${round}`, other)
      events.request(clients[1]!, `b1 ${round}`, other)
      events.wait(2)
      events.answer(clients[0]!, other)
      events.request(clients[2]!, `a2 ${round}`, other)
      events.wait(2)
      events.answer(clients[1]!, one)
      events.request(clients[3]!, `b2 ${round}`, one)
      events.wait(1)
      events.answer(clients[2]!, one)
      events.answer(first, one)
      events.wait(1)
      events.answer(clients[3]!, other)
      events.answer(second, other)
      events.wait(2)
    }
    events.causality.releaseAll()
    const entries = Object.entries(events.joined)
    const right = entries.filter(([call, request]) => {
      const [name, round] = call.split(" ")
      return request === `${name!.charAt(0).toUpperCase()}${round}`
    })
    const unknown = entries.filter(([, request]) => request === "-")
    expect(right.length + unknown.length).toBe(200)
    expect(right.length).toBeGreaterThanOrEqual(190)
  })
})

describe("messages with ids", () => {
  it("join calls of the lane that has one request, and none where it has several", () => {
    const events = new Events()
    const [server, client] = [events.server(), events.client()]
    events.request(server, "A", {}, true)
    events.request(client, "C", {}, true)
    events.answer(client)
    // A frame that is no message does not begin a request.
    events.request(server, [], {}, true)
    events.request(client, "D", {}, true)
    events.answer(client)
    events.request(server, "B", {}, true)
    events.request(client, "E", {}, true)
    events.answer(client)
    expect(events.joined).toEqual({ C: "A", D: "A", E: "-" })
  })
})

describe("ids", () => {
  it("grow, are safe integers for a century, and do not meet those of an earlier start", () => {
    const first = (seed: number): number => new Causality({ seed, waitsAsLoop: () => undefined }).nextId
    expect(first(2_000_000_000)).toBeGreaterThan(first(1_999_999_999) + 2_000_000)
    expect(Number.isSafeInteger(first(4_200_000_000))).toBe(true)
  })
})

describe("rows that are held", () => {
  const loop = new Set([1])

  it("are written when the request they may belong to takes too long", () => {
    const events = new Events(loop)
    const [front, other, client] = [events.server(), events.server(), events.client()]
    events.request(front, "A")
    events.request(other, "B")
    events.request(client, "C")
    events.answer(client)
    expect(events.joined).toEqual({})
    events.causality.expire(events.nowUs + 14_000_000)
    expect(events.joined).toEqual({})
    expect(events.causality.stats()["calls_held"]).toBe(1)
    events.causality.expire(events.nowUs + 15_000_000)
    expect(events.joined).toEqual({ C: "-" })
    expect(events.causality.stats()["calls_held"]).toBe(0)
  })

  it("are written at the end of capture, and when the request is given up", () => {
    const events = new Events(loop)
    const [front, other] = [events.server(), events.server()]
    const calls = [events.client(), events.client()]
    events.request(front, "A")
    events.request(other, "B")
    events.request(calls[0]!, "C")
    events.answer(calls[0]!)
    events.close(other)
    expect(events.joined).toEqual({ C: "-" })
    events.request(other, "D")
    events.request(calls[1]!, "E")
    events.answer(calls[1]!)
    events.causality.releaseAll()
    expect(events.joined).toEqual({ C: "-", E: "-" })
  })

  it("are bounded", () => {
    const events = new Events(loop)
    const [front, other] = [events.server(), events.server()]
    events.request(other, "other")
    for (let i = 0; i < 16_400; i++) {
      events.request(front, `R${i}`)
      const client = events.client()
      events.request(client, `C${i}`)
      events.answer(client)
      // What is read next is another matter.
      events.answer(other, {}, undefined, false)
      front.open.length = 0
      front.exchange.served.length = 0
    }
    expect(events.causality.stats()).toMatchObject({ calls_held: 16_384, causality_overflows_total: 16 })
    expect(Object.keys(events.joined).length).toBe(16)
  })
})
