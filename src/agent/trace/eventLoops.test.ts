// Event loops of several kinds, simulated with random delays: what is joined must be right, and what cannot be known must stay so.

import { describe, expect, it } from "vitest"
import { Events, type Talk } from "./events.testing.ts"

/** Numbers in [0, 1) that are the same each time (mulberry32). */
const randomFrom = (seed: number) => (): number => {
  let a = (seed += 0x6d2b79f5)
  a = Math.imul(a ^ (a >>> 15), a | 1)
  a ^= a + Math.imul(a ^ (a >>> 7), a | 61)
  return ((a ^ (a >>> 14)) >>> 0) / 4_294_967_296
}

interface Shape {
  /** Clients that ask one request after another. */
  readonly clients: number
  /** Calls in turn; each entry: so many at once. */
  readonly calls: ReadonlyArray<number>
  /** Connections to the upstream; more calls than these wait for one. Without: as many as are needed. */
  readonly pool?: number
  /** All that is ready is read before any of it is worked on. */
  readonly isQueue?: boolean
  /** Before calls, and before the answer, a timer of random length is waited for. */
  readonly sleepsBeforeCalls?: boolean
  readonly sleepsBeforeAnswer?: boolean
  /** Calls that belong to no request, made by a timer, for each request one with this chance. */
  readonly background?: number
  /** Idle between two steps with this chance; else there is always something to do. */
  readonly idle?: number
}

/** One thread runs what is due in order of time; `due` is in milliseconds. */
const simulate = (shape: Shape, requests = 2_000) => {
  const random = randomFrom(7)
  const events = new Events(new Set([1]))
  const idleCalls: Array<Talk> = []
  const due: Array<readonly [at: number, read: (() => void) | null, work: () => void]> = []
  let now = 0
  let asked = 0
  let answered = 0
  const later = (delay: number, read: (() => void) | null, work: () => void): void => {
    due.push([now + delay * (0.5 + random()), read, work])
  }
  const queued: Array<() => void> = []
  let connections = 0
  const call = (name: string, then: () => void): void => {
    if (idleCalls.length === 0 && connections === shape.pool) {
      queued.push(() => call(name, then))
      return
    }
    if (idleCalls.length === 0) connections++
    const talk = idleCalls.pop() ?? events.client()
    events.request(talk, name)
    later(
      2,
      () => {
        events.answer(talk)
        idleCalls.push(talk)
      },
      () => {
        // Whoever waits for the connection gets it before or after the answer is used.
        const isFirst = random() < 0.5
        if (isFirst) queued.shift()?.()
        then()
        if (!isFirst) queued.shift()?.()
      },
    )
  }
  const sleep = (isAsleep: boolean | undefined, then: () => void): void =>
    isAsleep === true ? later(3, null, then) : then()
  const serve = (talk: Talk, name: string, turn: number): void => {
    const atOnce = shape.calls[turn]
    if (atOnce === undefined) {
      sleep(shape.sleepsBeforeAnswer, () => {
        events.answer(talk)
        answered++
        if (asked < requests) ask(talk)
      })
      return
    }
    sleep(shape.sleepsBeforeCalls, () => {
      let left = atOnce
      for (let i = 0; i < atOnce; i++)
        call(`${name} ${turn}.${i}`, () => {
          if (--left === 0) serve(talk, name, turn + 1)
        })
    })
  }
  const ask = (talk: Talk): void => {
    const name = `R${asked++}`
    later(
      1,
      () => events.request(talk, name),
      () => serve(talk, name, 0),
    )
    if (random() < (shape.background ?? 0)) later(5, null, () => call(`background ${name}`, () => {}))
  }
  for (let i = 0; i < shape.clients; i++) ask(events.server())
  let steps = 0
  while (due.length > 0) {
    if (steps++ % 1_000 === 5) events.causality.expire(events.nowUs)
    due.sort(([a], [b]) => a - b)
    if (due[0]![0] > now || random() < (shape.idle ?? 0)) events.wait()
    now = Math.max(now, due[0]![0])
    // What is ready by now is taken in one go; a step takes some time, so that with many clients much is ready.
    const ready = due.splice(0, Math.max(1, due.filter(([at]) => at <= now).length))
    if (shape.isQueue === true) for (const [, read] of ready) read?.()
    for (const [, read, work] of ready) {
      if (shape.isQueue !== true) read?.()
      work()
      now += 0.02
    }
  }
  events.causality.releaseAll()
  const joined = Object.entries(events.joined)
  const count = (is: (name: string, parent: string) => boolean): number =>
    joined.filter(([name, parent]) => is(name, parent)).length / joined.length
  return {
    answered,
    right: count((name, parent) => name.split(" ")[0] === parent),
    wrong: count((name, parent) => parent !== "-" && name.split(" ")[0] !== parent),
  }
}

describe("an event loop", () => {
  const shapes: ReadonlyArray<readonly [name: string, shape: Shape, right: number, wrong: number]> = [
    ["that passes requests on", { clients: 128, calls: [1] }, 0.99, 0],
    ["that asks twice in turn", { clients: 128, calls: [1, 1] }, 0.97, 0],
    ["that asks three at once", { clients: 128, calls: [3] }, 0.9, 0.001],
    ["that has one client", { clients: 1, calls: [1, 2, 1] }, 0.9, 0],
    ["that reads all before it works", { clients: 128, calls: [1], isQueue: true }, 0.3, 0],
    ["that waits before it asks", { clients: 64, calls: [1], sleepsBeforeCalls: true }, 0.5, 0.005],
    ["whose calls queue for few connections", { clients: 64, calls: [1], pool: 4 }, 0.7, 0.005],
    ["whose calls queue for one connection", { clients: 16, calls: [1], pool: 1 }, 0.7, 0.005],
    ["that waits before it answers", { clients: 64, calls: [1], sleepsBeforeAnswer: true }, 0.5, 0.005],
  ]
  for (const [name, shape, right, wrong] of shapes)
    it(name, () => {
      const found = simulate(shape)
      expect(found.answered).toBe(2_000)
      expect(found.wrong).toBeLessThanOrEqual(wrong)
      expect(found.right).toBeGreaterThanOrEqual(right)
    })

  const hostile: ReadonlyArray<readonly [name: string, shape: Shape]> = [
    ["calls of its own beside", { clients: 32, calls: [1], background: 0.2 }],
    ["calls of its own beside, with one client", { clients: 1, calls: [1], background: 0.5 }],
    [
      "calls of its own and waiting everywhere",
      { clients: 32, calls: [1, 2], background: 0.3, sleepsBeforeCalls: true, sleepsBeforeAnswer: true },
    ],
    ["reading all first, of unequal work", { clients: 64, calls: [1, 2], isQueue: true, background: 0.1 }],
    ["always something to do", { clients: 256, calls: [2, 1], sleepsBeforeAnswer: true }],
  ]
  for (const [name, shape] of hostile)
    it(`joins next to nothing wrongly: ${name}`, () => {
      const found = simulate(shape)
      expect(found.wrong).toBeLessThanOrEqual(0.005)
    })
})
