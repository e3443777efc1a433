import { describe, expect, it } from "vitest"
import { type Caller, Events, type Talk } from "./events.testing.ts"

const second = 1_000_000

/** A thread that reads and answers, and one that calls meanwhile. */
class Pair {
  readonly events = new Events()
  readonly server: Talk = this.events.server()
  readonly client: Talk = this.events.client()
  readonly reader: Caller = { tid: 1 }
  readonly worker: Caller = { tid: 2 }

  constructor() {
    this.events.tellWakes()
  }

  get isWatched(): boolean {
    return this.events.watched.has(100)
  }

  /** Requests; `wakes`: the worker's end wakes the reader. */
  requests(count: number, name: string, wakes: boolean): void {
    const { client, events, reader, server, worker } = this
    for (let i = 0; i < count; i++) {
      events.request(server, `${name}${i}`, reader)
      events.wakes(reader, worker)
      events.wait(1)
      events.request(client, `call ${name}${i}`, worker)
      events.answer(client, worker)
      if (wakes) events.wakes(worker, reader)
      events.answer(server, reader)
    }
  }

  /** So many seconds pass. */
  seconds(count: number): void {
    for (let i = 0; i < count; i++) {
      this.events.nowUs += second
      this.events.causality.expire(this.events.nowUs)
    }
  }
}

describe("who is watched", () => {
  it("are processes that call on lanes which never read a request, and their calls are joined from then on", () => {
    const pair = new Pair()
    pair.requests(15, "A", true)
    expect(pair.isWatched).toBe(false)
    pair.requests(2, "B", true)
    expect(pair.isWatched).toBe(true)
    pair.requests(3, "C", true)
    expect(pair.events.joined).toMatchObject({ "call A14": "-", "call C0": "C0", "call C2": "C2" })
    expect(pair.events.causality.stats()["causal_watched"]).toBe(1)
  })

  it("are not those whose calls are made by who serves, or that serve nothing", () => {
    const pair = new Pair()
    const { client, events, server } = pair
    for (let i = 0; i < 100; i++) {
      events.request(server, `R${i}`)
      events.request(client, `C${i}`)
      events.answer(client)
      events.answer(server)
      events.request(client, `alone ${i}`, { tgid: 200, tid: 9 })
      events.answer(client, { tgid: 200, tid: 9 })
    }
    expect(events.watched.size).toBe(0)
  })

  it("are left alone when it explains nothing, for longer each time", () => {
    const pair = new Pair()
    pair.requests(20, "A", false)
    expect(pair.isWatched).toBe(true)
    for (const [breakSeconds, name] of [
      [60, "B"],
      [120, "C"],
    ] as const) {
      pair.requests(20, name, false)
      pair.seconds(11)
      expect(pair.isWatched).toBe(false)
      pair.requests(40, `${name} early`, false)
      expect(pair.isWatched).toBe(false)
      pair.seconds(breakSeconds)
      pair.requests(40, `${name} late`, false)
      expect(pair.isWatched).toBe(true)
    }
  })

  it("stay watched as long as it explains calls, and not when they are idle", () => {
    const pair = new Pair()
    for (let i = 0; i < 30; i++) {
      pair.requests(20, `${i} `, true)
      pair.seconds(2)
    }
    expect(pair.isWatched).toBe(true)
    pair.seconds(25)
    expect(pair.isWatched).toBe(false)
    pair.requests(40, "again ", true)
    expect(pair.isWatched).toBe(true)
  })

  it("are left alone when they wake too often, and when they end", () => {
    const pair = new Pair()
    pair.requests(20, "A", true)
    for (let i = 0; i < 50_001; i++) pair.events.wakes(pair.reader, { tid: 77 })
    pair.seconds(1)
    expect(pair.isWatched).toBe(false)
    const other = new Pair()
    other.requests(20, "A", true)
    expect(other.isWatched).toBe(true)
    other.events.causality.ended(100)
    expect(other.isWatched).toBe(false)
  })

  it("have the rows of a job written that nobody is woken by", () => {
    const pair = new Pair()
    pair.requests(20, "A", true)
    pair.events.request(pair.client, "poll", pair.worker)
    pair.events.answer(pair.client, pair.worker)
    pair.seconds(2)
    expect(pair.events.joined["poll"]).toBeUndefined()
    pair.seconds(1)
    expect(pair.events.joined["poll"]).toBe("-")
    pair.requests(1, "B", true)
    expect(pair.events.joined["call B0"]).toBe("B0")
  })

  it("are left alone when that is given up", () => {
    const pair = new Pair()
    const { handOvers } = pair.events.causality.lanes
    pair.requests(20, "A", true)
    expect(pair.isWatched).toBe(true)
    handOvers.stop()
    expect(pair.isWatched).toBe(false)
    pair.requests(40, "B", true)
    expect(pair.isWatched).toBe(false)
    expect(handOvers.size).toBe(0)
    pair.events.tellWakes()
    pair.requests(40, "C", true)
    expect(pair.isWatched).toBe(true)
  })

  it("lose what is under way when wake-ups were lost", () => {
    const pair = new Pair()
    const { client, events, reader, server, worker } = pair
    pair.requests(20, "A", true)
    events.request(server, "B", reader)
    events.request(client, "lost", worker)
    events.answer(client, worker)
    events.causality.lanes.wakesLost()
    events.wakes(worker, reader)
    events.answer(server, reader)
    pair.requests(1, "C", true)
    expect(events.joined).toMatchObject({ lost: "-", "call C0": "C0" })
  })
})

describe("goroutines", () => {
  const go = (coroutine: number): Caller => ({ tid: 1, coroutine })
  const [handler, child, reader, frames] = [0xa000, 0xb000, 0xc000, 0xd000]

  /** A process that is watched, because goroutines call that serve nothing. */
  const watched = (): Events => {
    const events = new Events()
    events.tellWakes()
    const [server, client] = [events.server(), events.client()]
    for (let i = 0; i < 20; i++) {
      events.request(server, `W${i}`, go(0xe000))
      events.request(client, `w${i}`, go(0xf000))
      events.answer(client, go(0xf000))
      events.answer(server, go(0xe000))
    }
    expect(events.watched.has(100)).toBe(true)
    return events
  }
  const asks = (events: Events, name: string, caller: number, client = events.client()): void => {
    events.request(client, name, go(caller))
    events.answer(client, go(caller))
  }

  it("work for the request of the one that began them, as long as it is served", () => {
    const events = watched()
    const server = events.server()
    asks(events, "before", child)
    events.request(server, "A", go(handler))
    events.begins(handler, child)
    asks(events, "of child", child)
    events.begins(child, 0xb100)
    asks(events, "of its child", 0xb100)
    events.answer(server, go(handler))
    asks(events, "late", child)
    events.request(server, "B", go(handler))
    asks(events, "of B's time", child)
    // Another one begins in its place.
    events.begins(0x1234, child)
    asks(events, "of another", child)
    events.answer(server, go(handler))
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({
      ...{ before: "-", "of child": "A", "of its child": "A" },
      ...{ late: "-", "of B's time": "-", "of another": "-" },
    })
  })

  it("whose place another one took while nothing was told work for nobody", () => {
    for (const untold of ["lost", "stopped"] as const) {
      const events = watched()
      const { lanes } = events.causality
      const server = events.server()
      events.request(server, "A", go(handler))
      events.begins(handler, child)
      asks(events, "of child", child)
      if (untold === "lost") lanes.wakesLost()
      else lanes.handOvers.stop()
      // Meanwhile the child ended, and another one began.
      asks(events, "of another", child)
      events.answer(server, go(handler))
      events.causality.releaseAll()
      expect(events.joined).toMatchObject({ "of child": "A", "of another": "-" })
    }
  })

  it("that took the place of one which read a part of a request do not work for that", () => {
    const events = watched()
    const server = events.server()
    // One byte, ahead.
    events.request(server, [], go(reader))
    asks(events, "of another", reader)
    events.request(server, "A", go(handler))
    asks(events, "of the handler", handler)
    asks(events, "of yet another", reader)
    events.answer(server, go(handler))
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({ "of another": "-", "of the handler": "A", "of yet another": "-" })
  })

  it("are begun by the reader of a connection with streams, in the order of its requests", () => {
    const events = watched()
    const server = events.server()
    events.request(server, ["A", "B"], go(reader), true)
    events.begins(reader, 0xb000)
    events.begins(reader, 0xb100)
    events.begins(reader, 0xb200)
    asks(events, "b", 0xb100)
    asks(events, "a", 0xb000)
    asks(events, "none", 0xb200)
    // Of this one it is not seen that a goroutine begins.
    events.request(server, "C", go(reader), true)
    events.request(server, "D", go(reader), true)
    events.begins(reader, 0xb300)
    asks(events, "d", 0xb300)
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({ a: "A", b: "B", none: "-", d: "D" })
  })

  it("are begun by the reader when their requests begin, however late these end", () => {
    const events = watched()
    const server = events.server()
    events.frames(server, { begun: ["A"] }, go(reader))
    events.begins(reader, 0xb000)
    events.frames(server, { ended: ["A"], begun: ["B", "C"] }, go(reader))
    events.begins(reader, 0xb100)
    events.begins(reader, 0xb200)
    events.frames(server, { ended: ["C"], whole: ["D"] }, go(reader))
    events.begins(reader, 0xb300)
    for (const [name, goroutine] of [
      ["a", 0xb000],
      ["b", 0xb100],
      ["c", 0xb200],
      ["d", 0xb300],
    ] as const)
      asks(events, name, goroutine)
    events.frames(server, { ended: ["B"] }, go(reader))
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({ a: "A", b: "B", c: "C", d: "D" })
  })

  it("are begun by another one when one request began at a time", () => {
    const events = watched()
    const server = events.server()
    events.frames(server, { begun: ["A"] }, go(reader))
    events.wakes(go(reader), go(frames))
    events.begins(frames, 0xb000)
    events.frames(server, { ended: ["A"], begun: ["B"] }, go(reader))
    events.begins(frames, 0xb100)
    asks(events, "a", 0xb000)
    asks(events, "b", 0xb100)
    events.frames(server, { ended: ["B"] }, go(reader))
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({ a: "A", b: "B" })
  })

  it("that write what others ask over one connection work for none of them", () => {
    const events = watched()
    const [server, upstream] = [events.server(), events.client()]
    const writer = go(0xb800)
    events.request(server, "A", go(handler))
    events.begins(handler, 0xb800)
    events.request(upstream, "a", writer, true)
    events.request(upstream, "b", writer, true)
    events.answer(upstream)
    events.answer(upstream)
    events.request(upstream, "c", writer, true)
    events.answer(upstream)
    // One after the other is for itself.
    events.begins(handler, 0xb900)
    const own = events.client()
    for (const name of ["d", "e"]) {
      events.request(own, name, go(0xb900), true)
      events.answer(own)
    }
    events.begins(handler, 0xba00)
    const both = events.client()
    events.request(both, ["f", "g"], go(0xba00), true)
    events.answers(both, 2)
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({ a: "A", b: "-", c: "-", d: "A", e: "A", g: "-" })
  })

  it("are begun by the one to which the reader of the first bytes leaves the connection", () => {
    const events = watched()
    const server = events.server()
    const writer = 0xb800
    events.request(server, "A", go(reader), true)
    events.begins(reader, writer)
    events.begins(reader, frames)
    events.begins(frames, 0xb000)
    asks(events, "a", 0xb000)
    events.request(server, "B", go(frames), true)
    events.begins(frames, 0xb100)
    asks(events, "b", 0xb100)
    // The first one does not read any more: what it begins is for whoever wakes it.
    events.begins(reader, 0xb200)
    asks(events, "none", 0xb200)
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({ a: "A", b: "B", none: "-" })
  })

  it("work for nobody when the connection of a request ended that was not whole", () => {
    const events = watched()
    const server = events.server()
    events.frames(server, { begun: ["A"] }, go(reader))
    events.begins(reader, 0xb000)
    events.close(server)
    asks(events, "late", 0xb000)
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({ late: "-" })
  })

  it("are begun by another one that is given the frames, where one request came at a time", () => {
    const events = watched()
    const server = events.server()
    events.request(server, "A", go(reader), true)
    events.wakes(go(reader), go(frames))
    events.begins(frames, 0xb000)
    asks(events, "a", 0xb000)
    events.request(server, ["B", "C"], go(reader), true)
    events.begins(frames, 0xb100)
    events.begins(frames, 0xb200)
    asks(events, "b or c", 0xb200)
    events.request(server, "D", go(reader), true)
    // It writes an answer, which asks nobody.
    events.begins(frames, 0xb300)
    events.begins(frames, 0xb400)
    asks(events, "d", 0xb400)
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({ a: "A", "b or c": "-", d: "D" })
  })
})
