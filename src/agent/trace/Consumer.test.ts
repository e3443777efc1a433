import { describe, expect, it } from "vitest"
import { type Caller, Events, type Talk } from "./events.testing.ts"

const thread: Caller = { tid: 1 }
const brokerPort = 4_222

/** Events of a thread that reads messages, and was seen to wait for them otherwise than event loops do. */
const consuming = (): readonly [events: Events, broker: Talk] => {
  const events = new Events(new Set(), new Set([1]))
  const broker = events.client(brokerPort)
  events.delivers(broker, "first")
  look(events)
  return [events, broker]
}

const look = (events: Events): void => {
  for (let i = 0; i < 2; i++) events.causality.expire(events.nowUs)
  asks(events, "while it was looked at")
  events.wait()
}

const asks = (events: Events, name: string, caller: Caller = thread): void => {
  const client = events.client()
  events.request(client, name, caller)
  events.wait()
  events.answer(client, caller)
}

/** Comes back and waits for the next message. */
const delivers = (events: Events, broker: Talk, name: string): void => {
  events.wait()
  events.delivers(broker, name)
}

describe("a thread that reads one message of a broker after the other", () => {
  it("makes its calls for the message that it read last", () => {
    const [events, broker] = consuming()
    for (const name of ["A", "B"]) {
      delivers(events, broker, name)
      asks(events, `1 ${name}`)
      asks(events, `2 ${name}`)
      // Acknowledged.
      events.request(broker, `ack ${name}`)
      events.answer(broker)
    }
    expect(events.joined).toMatchObject({
      ...{ "while it was looked at": "-", "1 A": "A", "2 A": "A", "ack A": "A" },
      ...{ "1 B": "B", "2 B": "B", "ack B": "B" },
    })
  })

  it("makes them on connections that it opens for them", () => {
    const [events, broker] = consuming()
    const { causality } = events
    const connect = (socket: number): Talk => {
      const talk = events.client()
      causality.connecting(socket, talk.exchange.kind, 100, 1, events.waits(1), events.nowUs)
      events.wait()
      causality.opened(talk.exchange, socket)
      return talk
    }
    delivers(events, broker, "A")
    const early = connect(7)
    events.request(early, "a")
    events.wait()
    events.answer(early)
    const late = connect(8)
    delivers(events, broker, "B")
    events.request(late, "of the connection of another")
    events.answer(late)
    asks(events, "b")
    expect(events.joined).toMatchObject({ a: "A", "of the connection of another": "B", b: "B" })
  })

  it("does nothing for it any more once it waited for something else", () => {
    const [events, broker] = consuming()
    delivers(events, broker, "A")
    asks(events, "a")
    events.wait()
    asks(events, "periodic")
    asks(events, "and so on")
    delivers(events, broker, "B")
    asks(events, "b")
    // The broker asks whether it is there.
    events.wait()
    events.delivers(broker, "ping", thread, false)
    asks(events, "after that")
    delivers(events, broker, "C")
    // A part of the next one.
    events.wait()
    events.answer(broker, thread, undefined, false)
    asks(events, "c")
    expect(events.joined).toMatchObject({
      ...{ a: "A", periodic: "-", "and so on": "-", b: "B", "after that": "-", c: "-" },
    })
  })

  it("works for none where several came at once, or one after the other before it did anything", () => {
    const [events, broker] = consuming()
    events.wait()
    events.delivers(broker, ["A", "B"])
    asks(events, "a or b")
    for (const name of ["C", "D", "E"]) delivers(events, broker, name)
    for (const name of ["c", "d", "e"]) asks(events, name)
    delivers(events, broker, "F")
    asks(events, "f")
    expect(events.joined).toMatchObject({ "a or b": "-", c: "-", d: "-", e: "-", f: "F" })
  })

  it("works for none where it may have read while it wrote", () => {
    const [events, broker] = consuming()
    delivers(events, broker, "A")
    events.request(broker, "publish a")
    events.answer(broker)
    events.delivers(broker, "B")
    asks(events, "a or b")
    delivers(events, broker, "C")
    // It waits for the broker's answer, and gets the next message before.
    events.request(broker, "ask c")
    delivers(events, broker, "D")
    events.answer(broker)
    asks(events, "c or d")
    expect(events.joined).toMatchObject({ "publish a": "A", "a or b": "-", "ask c": "C", "c or d": "-" })
  })

  it("works for none from then on when a call still waited while the next one came", () => {
    const [events, broker] = consuming()
    delivers(events, broker, "A")
    const client = events.client()
    events.request(client, "a")
    delivers(events, broker, "B")
    asks(events, "b")
    events.answer(client)
    delivers(events, broker, "C")
    asks(events, "c")
    expect(events.joined).toMatchObject({ a: "A", b: "-", c: "-" })
  })

  it("is none that waits as event loops do, or that was not seen to wait", () => {
    const events = new Events(new Set([1]), new Set([2]))
    const broker = events.client(brokerPort)
    for (const tid of [1, 2, 3]) {
      events.delivers(broker, `first ${tid}`, { tid })
      asks(events, `unseen ${tid}`, { tid })
    }
    for (let i = 0; i < 2; i++) events.causality.expire(events.nowUs)
    for (const tid of [1, 2, 3]) {
      events.wait(tid)
      events.delivers(broker, `message ${tid}`, { tid })
      const client = events.client()
      events.request(client, `call ${tid}`, { tid })
      events.answer(client, { tid })
    }
    expect(events.joined).toMatchObject({
      ...{ "unseen 2": "-", "call 1": "-", "call 2": "message 2", "call 3": "-" },
    })
  })

  it("serves requests before messages", () => {
    const [events, broker] = consuming()
    const server = events.server()
    delivers(events, broker, "A")
    events.request(server, "R")
    asks(events, "r")
    events.delivers(broker, "B")
    asks(events, "r, too")
    events.answer(server)
    asks(events, "none")
    expect(events.joined).toMatchObject({ r: "R", "r, too": "R", none: "-" })
  })

  it("knows nothing after events were lost, until it worked on a message", () => {
    const [events, broker] = consuming()
    delivers(events, broker, "A")
    events.causality.blind(true)
    events.causality.blind(false)
    asks(events, "a")
    delivers(events, broker, "B")
    asks(events, "b")
    expect(events.joined).toMatchObject({ a: "-", b: "B" })
  })

  it("is no goroutine and no Task: what these wait for is not known", () => {
    const events = new Events(new Set(), new Set([1]))
    const broker = events.client(brokerPort)
    for (const [name, coroutine] of [
      ["goroutine", 0xc000],
      ["task", 2 ** 52 + 1],
    ] as const) {
      events.delivers(broker, name, { coroutine })
      asks(events, `call of a ${name}`, { coroutine })
    }
    events.causality.releaseAll()
    expect(events.joined).toMatchObject({ "call of a goroutine": "-" })
  })
})
