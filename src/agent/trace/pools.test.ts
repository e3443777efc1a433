// Work that goes from the thread that reads a request to another one and back: simulated pools, and the ways in which a wake-up can mean
// something else. What is joined must be right, and what cannot be known must stay so.

import { describe, expect, it } from "vitest"
import { type Caller, Events, type Talk } from "./events.testing.ts"

/** Numbers in [0, 1) that are the same each time (mulberry32). */
const randomFrom = (seed: number) => (): number => {
  let a = (seed += 0x6d2b79f5)
  a = Math.imul(a ^ (a >>> 15), a | 1)
  a ^= a + Math.imul(a ^ (a >>> 7), a | 61)
  return ((a ^ (a >>> 14)) >>> 0) / 4_294_967_296
}

interface Shape {
  /** Threads that read, each busy with one request at a time. */
  readonly readers: number
  readonly workers: number
  /** Calls of a job, in turn. */
  readonly calls: number
  readonly areGoroutines?: boolean
  /** Jobs of a request, all at once; the reader is woken by the last that ends. */
  readonly jobs?: number
  /** The chance that a busy worker takes a job before the idle one that was woken for it. */
  readonly barges?: number
  /** The chance that the reader had not gone to sleep yet when the job ended. */
  readonly misses?: number
  /** The chance that the reader waits for something else before it answers. */
  readonly waitsAgain?: number
  /** The chance that a worker, in the middle of its job, wakes a reader that waits for a lock of both. */
  readonly locks?: number
  /** The chance that a reader, when it hands a job over, wakes a worker that waits for a lock of both. */
  readonly locksOfWorkers?: number
  /** The chance that a request is answered before its job is done. */
  readonly cancels?: number
  /** Readers make a call of their own after the job. */
  readonly callsAfter?: boolean
}

interface Work {
  readonly name: string
  readonly job: number
  readonly reader: number
  readonly state: { left: number; isAnswered: boolean }
}

/** Runs what is due in order of time, in milliseconds. */
const simulate = (shape: Shape, requests = 2_000) => {
  const random = randomFrom(3)
  const chance = (of: number | undefined): boolean => of !== undefined && random() < of
  const events = new Events()
  events.tellWakes()
  const due: Array<readonly [at: number, run: () => void]> = []
  let now = 0
  let asked = 0
  const later = (delay: number, run: () => void): void => void due.push([now + delay * (0.5 + random()), run])
  const lane = (number: number): Caller =>
    shape.areGoroutines === true ? { tid: 1 + (number % 2), coroutine: 0xc000 + number } : { tid: number }
  const sleeps = (number: number): void => {
    if (shape.areGoroutines !== true) events.wait(number)
  }
  const wakes = (who: number, whom: number): void => events.wakes(lane(who), lane(whom))
  const reader = (i: number): number => 1_000 + i
  const worker = (i: number): number => 2_000 + i
  const idle = Array.from({ length: shape.workers }, (_, i) => i)
  const queue: Array<Work> = []
  /** Connections to each upstream. */
  const idleCalls = new Map<number, Array<Talk>>()
  const waiting = new Set<number>()
  const call = (name: string, port: number, who: number, then: () => void): void => {
    const talk = idleCalls.get(port)?.pop() ?? events.client(port)
    events.request(talk, name, lane(who))
    sleeps(who)
    later(1, () => {
      events.answer(talk, lane(who))
      idleCalls.set(port, [...(idleCalls.get(port) ?? []), talk])
      then()
    })
  }
  const servers = Array.from({ length: shape.readers }, () => events.server())
  const finish = (i: number, work: Work): void => {
    if (work.state.isAnswered) return
    work.state.isAnswered = true
    waiting.delete(i)
    const answer = (): void => {
      events.answer(servers[i]!, lane(reader(i)))
      serve(i)
    }
    if (chance(shape.waitsAgain)) {
      sleeps(reader(i))
      later(0.3, answer)
    } else
      later(
        0.05,
        shape.callsAfter === true ? () => call(`${work.name} after`, 80, reader(i), answer) : answer,
      )
  }
  const runs = (i: number, work: Work, at: number): void => {
    if (at < shape.calls)
      return call(`${work.name} ${work.job}.${at}`, 6_000 + at, worker(i), () => {
        const other = [...waiting][Math.floor(random() * waiting.size)]
        if (other !== undefined && chance(shape.locks)) {
          wakes(worker(i), reader(other))
          sleeps(reader(other))
        }
        runs(i, work, at + 1)
      })
    if (--work.state.left === 0 && !work.state.isAnswered) {
      if (!chance(shape.misses)) wakes(worker(i), reader(work.reader))
      finish(work.reader, work)
    }
    takes(i)
  }
  const takes = (i: number): void => {
    let next = queue.shift()
    // A goroutine that gives up does not wait to hand over any more.
    while (shape.areGoroutines === true && next?.state.isAnswered === true) next = queue.shift()
    if (next === undefined) {
      sleeps(worker(i))
      idle.push(i)
      return
    }
    // Of goroutines the one that hands over waits until it is taken.
    if (shape.areGoroutines === true) wakes(worker(i), reader(next.reader))
    const work = next
    later(0.02, () => runs(i, work, 0))
  }
  const submit = (work: Work): void => {
    if (chance(shape.locksOfWorkers)) wakes(reader(work.reader), worker(Math.floor(random() * shape.workers)))
    const i = idle.shift()
    if (i === undefined) return void queue.push(work)
    wakes(reader(work.reader), worker(i))
    if (idle.length < shape.workers - 1 && chance(shape.barges)) {
      queue.unshift(work)
      sleeps(worker(i))
      idle.push(i)
      return
    }
    later(0.02, () => runs(i, work, 0))
  }
  const serve = (i: number): void => {
    if (asked >= requests) return
    const name = `R${asked++}`
    sleeps(reader(i))
    later(0.5, () => {
      events.request(servers[i]!, name, lane(reader(i)))
      const state = { left: shape.jobs ?? 1, isAnswered: false }
      for (let job = 0; job < (shape.jobs ?? 1); job++) submit({ name, job, reader: i, state })
      waiting.add(i)
      sleeps(reader(i))
      if (chance(shape.cancels)) later(1, () => finish(i, { name, job: 0, reader: i, state }))
    })
  }
  for (let i = 0; i < shape.readers; i++) serve(i)
  let steps = 0
  while (due.length > 0) {
    if (steps++ % 1_000 === 5) events.causality.expire(events.nowUs)
    due.sort(([a], [b]) => a - b)
    const [at, run] = due.shift()!
    now = at
    run()
  }
  events.causality.releaseAll()
  const joined = Object.entries(events.joined)
  const share = (is: (name: string, parent: string) => boolean): number =>
    joined.filter(([name, parent]) => is(name, parent)).length / joined.length
  return {
    calls: joined.length,
    right: share((name, parent) => name.split(" ")[0] === parent),
    wrong: share((name, parent) => parent !== "-" && name.split(" ")[0] !== parent),
  }
}

describe("work that is handed over", () => {
  const pool = { readers: 16, workers: 16, calls: 2 }
  const queue = { readers: 64, workers: 8, calls: 2 }
  const goroutines = { ...queue, areGoroutines: true }
  const shapes: ReadonlyArray<readonly [name: string, shape: Shape, right: number, wrong: number]> = [
    ["to as many workers", pool, 0.97, 0],
    ["one request at a time", { ...pool, readers: 1 }, 0.97, 0],
    ["to few workers, by a queue", queue, 0.97, 0],
    ["and taken by whoever is first", { ...pool, workers: 12, barges: 0.3 }, 0.8, 0.001],
    ["and done before the reader sleeps, now and then", { ...pool, misses: 0.03 }, 0.9, 0.001],
    ["and answered after another wait, often", { ...pool, waitsAgain: 0.4 }, 0.5, 0],
    ["by a queue, and answered after another wait, often", { ...queue, waitsAgain: 0.4 }, 0, 0],
    ["by a queue, and done before the reader sleeps, now and then", { ...queue, misses: 0.03 }, 0.8, 0.001],
    ["by workers that wake readers by a lock", { ...pool, locks: 0.2 }, 0.9, 0.001],
    ["by workers that wake readers by a lock, with a queue", { ...queue, locks: 0.2 }, 0, 0.001],
    ["to workers that readers wake by a lock", { ...pool, locksOfWorkers: 0.3 }, 0.7, 0.001],
    ["by a queue, to workers that readers wake by a lock", { ...queue, locksOfWorkers: 0.3 }, 0, 0.001],
    ["with locks both ways", { ...queue, locks: 0.2, locksOfWorkers: 0.3 }, 0, 0.001],
    ["and given up, now and then", { ...pool, cancels: 0.1 }, 0.8, 0.001],
    ["and given up, with a queue", { ...queue, cancels: 0.1 }, 0.5, 0.001],
    // The end of the last one is all that shows.
    ["in two jobs at once", { ...pool, jobs: 2 }, 0.2, 0.001],
    ["in two jobs at once, with a queue", { ...queue, jobs: 2 }, 0.2, 0.001],
    ["to be followed by a call of the reader's own", { ...pool, callsAfter: true }, 0.95, 0],
    ["to goroutines", goroutines, 0.97, 0],
    ["to as many goroutines", { ...pool, areGoroutines: true }, 0.97, 0],
    ["to goroutines that wake others by a lock", { ...goroutines, locks: 0.2 }, 0.97, 0],
    ["to goroutines, and given up", { ...goroutines, cancels: 0.1 }, 0.9, 0.001],
    ["to goroutines, in two jobs", { ...goroutines, jobs: 2 }, 0.2, 0.001],
  ]

  for (const [name, shape, right, wrong] of shapes)
    it(`${name}: is joined where it is certain`, () => {
      const seen = simulate(shape)
      expect(seen.calls).toBeGreaterThan(1_000)
      expect(seen.wrong).toBeLessThanOrEqual(wrong)
      expect(seen.right).toBeGreaterThanOrEqual(right)
    })
})
