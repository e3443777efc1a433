// Event loops of several kinds, simulated with random delays: what is joined must be right, and what cannot be known must stay so.

import { describe, expect, it } from "vitest"
import { randomFrom, type Shape, simulate, type Way } from "./simulate.testing.ts"

const redis = { port: 6_379, isPipelined: true } as const
const postgres = { port: 5_432, frees: "before" } as const

/** Shares of the calls that must be right at least, and may be wrong at most. */
type Case = readonly [name: string, shape: Shape, right: number, wrong: number]

describe("an event loop", () => {
  const shapes: ReadonlyArray<Case> = [
    ["that passes requests on", { clients: 128, calls: [{}] }, 0.99, 0],
    ["that asks twice in turn", { clients: 128, calls: [{}, {}] }, 0.97, 0],
    ["that asks three at once", { clients: 128, calls: [{ times: 3 }] }, 0.97, 0],
    ["that has one client", { clients: 1, calls: [{}, { times: 2 }, {}] }, 0.9, 0],
    ["that reads all before it works", { clients: 128, calls: [{}], isQueue: true }, 0.85, 0],
    [
      "that reads the next before it works",
      { clients: 32, calls: [{}], isQueue: true, isBehind: true },
      0.9,
      0,
    ],
    ["that waits before it asks", { clients: 64, calls: [{}], sleepsBeforeCalls: 1 }, 0.95, 0],
    ["whose calls queue for few connections", { clients: 64, calls: [{ pool: 4 }] }, 0.95, 0],
    ["whose calls queue for one connection", { clients: 16, calls: [{ pool: 1 }] }, 0.95, 0],
    ["that waits before it answers", { clients: 64, calls: [{}], sleepsBeforeAnswer: 1 }, 0.5, 0.005],
    ["whose calls are pipelined", { clients: 128, calls: [redis] }, 0.95, 0],
    ["whose calls are pipelined, then others", { clients: 64, calls: [redis, postgres] }, 0.95, 0],
    [
      "whose calls are pipelined, then others that queue",
      { clients: 128, calls: [redis, { ...postgres, pool: 10 }] },
      0.9,
      0.001,
    ],
    [
      "whose calls are pipelined, then others that queue, last come first served",
      { clients: 128, calls: [redis, { ...postgres, pool: 10, isLastFirst: true }] },
      0.5,
      0.001,
    ],
    [
      "that asks twice in turn over few connections",
      { clients: 64, calls: [{ pool: 8 }, { pool: 8 }] },
      0.45,
      0.001,
    ],
    ["that takes few requests at a time", { clients: 64, calls: [{}], atATime: 8 }, 0.9, 0.001],
  ]
  for (const [name, shape, right, wrong] of shapes)
    it(name, () => {
      const found = simulate(shape)
      expect(found.answered).toBe(2_000)
      expect(found.wrong).toBeLessThanOrEqual(wrong)
      expect(found.right).toBeGreaterThanOrEqual(right)
    })

  const hostile: ReadonlyArray<readonly [name: string, shape: Shape]> = [
    ["calls of its own beside", { clients: 32, calls: [{}], background: 0.2 }],
    ["calls of its own beside, with one client", { clients: 1, calls: [{}], background: 0.5 }],
    [
      "calls of its own and waiting everywhere",
      {
        clients: 32,
        calls: [{}, { times: 2 }],
        background: 0.3,
        sleepsBeforeCalls: 1,
        sleepsBeforeAnswer: 1,
      },
    ],
    [
      "reading all first, of unequal work",
      { clients: 64, calls: [{}, { times: 2 }], isQueue: true, background: 0.1 },
    ],
    [
      "reading the next before it works, some answered at once",
      { clients: 32, calls: [{}], isQueue: true, isBehind: true, cached: 0.1 },
    ],
    [
      "reading the next before it works, calls of its own",
      { clients: 32, calls: [{}], isQueue: true, isBehind: true, background: 0.1 },
    ],
    [
      "reading the next before it works, calls of its own, some answered at once",
      { clients: 16, calls: [{}, postgres], isQueue: true, isBehind: true, background: 0.1, cached: 0.1 },
    ],
    [
      "reading the next before it works, and two in turn",
      { clients: 128, calls: [{}, postgres], isQueue: true, isBehind: true },
    ],
    ["reading all first, calls of its own", { clients: 64, calls: [{}], isQueue: true, background: 0.1 }],
    [
      "reading all first, calls of its own, few clients",
      { clients: 8, calls: [{}], isQueue: true, background: 0.1, cached: 0.1 },
    ],
    ["reading all first, a pool", { clients: 64, calls: [{ pool: 8 }], isQueue: true }],
    [
      "reading all first, some calls wait",
      { clients: 16, calls: [{}], isQueue: true, sleepsBeforeCalls: 0.1 },
    ],
    [
      "reading all first, some answers wait",
      { clients: 16, calls: [{}], isQueue: true, sleepsBeforeAnswer: 0.1 },
    ],
    ["reading all first, calls made again", { clients: 16, calls: [{ again: 0.2 }], isQueue: true }],
    ["always something to do", { clients: 256, calls: [{ times: 2 }, {}], sleepsBeforeAnswer: 1 }],
    [
      "waiting everywhere, always something to do",
      { clients: 256, calls: [{}, {}], sleepsBeforeCalls: 1, sleepsBeforeAnswer: 1 },
    ],
    ["some answers wait", { clients: 128, calls: [{}, {}, {}], sleepsBeforeAnswer: 0.02 }],
    ["some calls wait", { clients: 128, calls: [{}, {}], sleepsBeforeCalls: 0.05 }],
    ["a pool, and answers that wait", { clients: 128, calls: [{ pool: 8 }], sleepsBeforeAnswer: 1 }],
    ["a pool, last come first served", { clients: 128, calls: [{ pool: 8, isLastFirst: true }, {}] }],
    [
      "a pool, and calls of its own",
      { clients: 64, calls: [redis, { ...postgres, pool: 4 }], background: 0.3 },
    ],
    [
      "a pool, and calls that wait",
      { clients: 128, calls: [redis, { ...postgres, pool: 8 }], sleepsBeforeCalls: 0.3 },
    ],
    ["calls made again", { clients: 128, calls: [{ again: 0.2 }, { ...postgres, pool: 10, again: 0.2 }] }],
    ["calls after the answer", { clients: 64, calls: [{ pool: 8 }], afterAnswer: 0.3 }],
    ["calls after the answer, without a pool", { clients: 64, calls: [{}, {}], afterAnswer: 0.3 }],
    ["some answered at once", { clients: 128, calls: [redis, { ...postgres, pool: 10 }], cached: 0.5 }],
    [
      "few requests at a time, and timers",
      { clients: 64, calls: [{}, {}], atATime: 8, sleepsBeforeAnswer: 0.1 },
    ],
    ["one pool for both turns", { clients: 128, calls: [{ pool: 10 }, { pool: 10 }] }],
    ["two pools", { clients: 128, calls: [{ pool: 10 }, { ...postgres, pool: 10 }] }],
  ]
  for (const [name, shape] of hostile)
    for (const seed of [7, 8, 9])
      it(`joins next to nothing wrongly: ${name} (${seed})`, () => {
        const found = simulate({ ...shape, seed })
        expect(found.wrong).toBeLessThanOrEqual(0.005)
      })
})

describe("event loops of any shape", () => {
  const random = randomFrom(1)
  const one = <Each>(...of: ReadonlyArray<Each>): Each => of[Math.floor(random() * of.length)]!
  const way = (port: number): Way => ({
    port,
    times: one(1, 1, 1, 2),
    ...one({}, { pool: one(1, 4, 10) }),
    isPipelined: one(false, false, true),
    isLastFirst: one(false, false, true),
    frees: one("before", "after"),
    again: one(0, 0, 0, 0.1),
  })
  const shape = (): Shape => ({
    clients: one(2, 16, 64, 128),
    calls: Array.from({ length: one(1, 2, 3) }, (_, i) => way(one(6_379, 6_379 + i))),
    ...one({}, {}, { atATime: 8 }),
    isQueue: one(false, false, true),
    sleepsBeforeCalls: one(0, 0, 0, 0.01, 0.1, 1),
    sleepsBeforeAnswer: one(0, 0, 0, 0.01, 0.1, 1),
    background: one(0, 0, 0.02, 0.2),
    afterAnswer: one(0, 0, 0.2),
    cached: one(0, 0, 0.1, 0.5),
    idle: one(0, 0, 0.2),
    seed: Math.floor(random() * 1_000),
  })

  it("join next to nothing wrongly", () => {
    const wrong = Array.from({ length: 60 }, () => simulate(shape(), 600).wrong).toSorted((a, b) => b - a)
    expect(wrong[0]).toBeLessThan(0.03)
    expect(wrong.filter((share) => share > 0.005).length).toBeLessThanOrEqual(3)
  })
})
