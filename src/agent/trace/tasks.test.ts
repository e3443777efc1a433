import { describe, expect, it } from "vitest"
import { type Caller, Events } from "./events.testing.ts"

/** The loop reads for its Tasks. */
const loop: Caller = { tid: 1 }
const task = (number: number): Caller => ({ tid: 1, coroutine: 2 ** 52 + number })

/** Ends a Task that began when the clock of the events stood there. */
const end = (events: Events, of: Caller, creator: Caller | null, begunUs: number): void =>
  events.causality.taskEnded(100, of.coroutine!, creator?.coroutine ?? 0, begunUs)

/** Asks and is answered; the loop reads. */
const call = (events: Events, name: string, by: Caller): void => {
  const client = events.client()
  events.request(client, name, by)
  events.answer(client, loop)
}

describe("a Task of an event loop", () => {
  it("makes its calls for the request that it answers, however the loop mixes them", () => {
    const events = new Events(new Set([1]))
    const servers = [1, 2, 3].map(() => events.server())
    const clients = [1, 2, 3].map(() => events.client())
    for (const round of ["first", "second"]) {
      for (const [i, server] of servers.entries()) events.request(server, `${round} ${i}`, loop)
      // Not in the order in which they were read.
      for (const i of [2, 0, 1]) events.request(clients[i]!, `call ${round} ${i}`, task(i))
      for (const i of [1, 2, 0]) events.answer(clients[i]!, loop)
      for (const i of [0, 2, 1]) events.answer(servers[i]!, task(i))
    }
    const expected = ["first", "second"].flatMap((round) =>
      [0, 1, 2].map((i) => [`call ${round} ${i}`, `${round} ${i}`]),
    )
    expect(events.joined).toEqual(Object.fromEntries(expected))
  })

  it("is not the thread: what that calls outside of Tasks is for nobody", () => {
    const events = new Events(new Set([1]))
    const [server, client] = [events.server(), events.client()]
    call(events, "before", task(1))
    events.request(server, "A", loop)
    events.request(client, "by the loop", loop)
    events.answer(client, loop)
    call(events, "C", task(1))
    events.answer(server, task(1))
    expect(events.joined).toMatchObject({ "by the loop": "-" })
  })

  it("made no call for a request that came after it, and then none of them is sure", () => {
    const events = new Events(new Set([1]))
    const server = events.server()
    call(events, "early", task(1))
    events.request(server, "A", loop)
    call(events, "late", task(1))
    events.answer(server, task(1))
    events.request(server, "B", loop)
    call(events, "C", task(1))
    events.answer(server, task(1))
    expect(events.joined).toEqual({ early: "-", late: "-", C: "B" })
  })

  it("leaves out what was not answered, without doubt about the others", () => {
    const events = new Events(new Set([1]))
    const [server, told] = [events.server(), events.client()]
    events.request(server, "A", loop)
    events.request(told, "never answered", task(1))
    call(events, "C", task(1))
    events.answer(server, task(1))
    events.close(told)
    expect(events.joined).toEqual({ "never answered": "-", C: "A" })
  })

  it("has what the Tasks called that it made and waited for", () => {
    const events = new Events(new Set([1]))
    const servers = [events.server(), events.server()]
    for (const round of [1, 2]) {
      const begunUs = events.nowUs
      for (const [i, server] of servers.entries()) events.request(server, `R${round}${i}`, loop)
      for (const i of [0, 1]) {
        const [middle, leaf] = [task(round * 100 + i * 10), task(round * 100 + i * 10 + 1)]
        call(events, `leaf ${round}${i}`, leaf)
        end(events, leaf, middle, begunUs)
        end(events, middle, task(i), begunUs)
        call(events, `own ${round}${i}`, task(i))
      }
      for (const [i, server] of servers.entries()) events.answer(server, task(i))
    }
    for (const of of ["10", "11", "20", "21"])
      expect(events.joined).toMatchObject({ [`leaf ${of}`]: `R${of}`, [`own ${of}`]: `R${of}` })
  })

  it("has nothing of a Task that goes on, that was made for an earlier request, or that answered itself", () => {
    const events = new Events(new Set([1]))
    const [server, other] = [events.server(), events.server()]
    const [sender, slow, handler] = [task(11), task(12), task(13)]
    const begunUs = events.nowUs
    events.request(server, "A", loop)
    call(events, "by a sender", sender)
    events.answer(server, task(1))
    events.request(server, "B", loop)
    call(events, "for A", slow)
    end(events, slow, task(1), begunUs)
    events.request(other, "H", loop)
    call(events, "for H", handler)
    events.answer(other, handler)
    call(events, "behind H", handler)
    end(events, handler, task(1), events.nowUs - 1)
    call(events, "by a sender again", sender)
    call(events, "for B", task(1))
    events.answer(server, task(1))
    events.causality.releaseAll()
    expect(events.joined).toEqual({
      ...{ "by a sender": "-", "for A": "-", "for H": "H", "behind H": "-" },
      ...{ "by a sender again": "-", "for B": "B" },
    })
  })

  it("has what a Task called for it that is over only behind the answer", () => {
    const events = new Events(new Set([1]))
    const server = events.server()
    for (const round of [1, 2, 3]) {
      const begunUs = events.nowUs
      events.request(server, `R${round}`, loop)
      call(events, `C${round}`, task(round * 10))
      events.answer(server, task(1))
      call(events, `behind ${round}`, task(round * 10))
      end(events, task(round * 10), task(1), begunUs)
    }
    expect(events.joined).toEqual({
      ...{ C1: "R1", C2: "R2", C3: "R3", "behind 1": "-", "behind 2": "-", "behind 3": "-" },
    })
  })

  it("makes room when it is over", () => {
    const events = new Events(new Set([1]))
    const server = events.server()
    const lanes = (): number => events.causality.stats()["causal_lanes"]!
    events.request(server, "warm", loop)
    events.answer(server, task(0))
    const before = lanes()
    for (let i = 1; i < 1_000; i++) {
      events.request(server, `R${i}`, loop)
      call(events, `C${i}`, task(i))
      events.answer(server, task(i))
      end(events, task(i), null, events.nowUs - 3)
    }
    expect(lanes()).toBe(before)
    expect(Object.entries(events.joined).every(([name, of]) => of === `R${name.slice(1)}`)).toBe(true)
  })
})
