import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import { Health, HealthTree } from "./Health.ts"
import { supervise } from "./supervise.ts"

describe("supervise", () => {
  it.effect("restarts failed work with growing waits and shows it", () =>
    Effect.gen(function* () {
      const health = new HealthTree()
      let runs = 0
      const work = Effect.suspend(() => {
        runs++
        return runs < 3 ? Effect.fail(new Error(`fault ${runs}`)) : Effect.never
      })
      const fiber = yield* supervise("agent/capture", { initial: "1 second", most: "10 seconds" })(work).pipe(
        Effect.provideService(Health, health),
        Effect.forkChild,
      )
      yield* TestClock.adjust("1 millis")
      assert.strictEqual(runs, 1)
      assert.deepInclude(health.part("agent/capture"), { state: "restarting", message: "fault 1" })
      assert.strictEqual(health.status, "degraded")
      // Each wait is a fifth shorter or longer by chance: 0.8 to 1.2 s, then 1.6 to 2.4.
      yield* TestClock.adjust("1300 millis")
      assert.strictEqual(runs, 2)
      yield* TestClock.adjust("1000 millis")
      assert.strictEqual(runs, 2)
      yield* TestClock.adjust("1400 millis")
      assert.strictEqual(runs, 3)
      assert.deepInclude(health.part("agent/capture"), { state: "running", restarts: 2 })
      assert.strictEqual(health.status, "ok")
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("treats a defect like a failure", () =>
    Effect.gen(function* () {
      let runs = 0
      const work = Effect.sync(() => {
        runs++
        if (runs === 1) throw new TypeError("bug")
      })
      yield* Effect.forkChild(supervise("x", { initial: "1 second" })(work))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(runs, 2)
    }),
  )

  it.effect("ends with work that ends, and with interruption", () =>
    Effect.gen(function* () {
      const health = new HealthTree()
      yield* supervise("once")(Effect.void).pipe(Effect.provideService(Health, health))
      assert.strictEqual(health.part("once").state, "stopped")
      const fiber = yield* Effect.forkChild(supervise("forever")(Effect.never))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
    }),
  )
})

describe("HealthTree", () => {
  it("nests parts by path and sums them up", () => {
    const health = new HealthTree()
    health.set("server/ingester", "running")
    health.set("server/storage", "degraded", "disk almost full")
    health.set("agent", "running")
    assert.deepStrictEqual(health.view(), {
      status: "degraded",
      parts: [
        {
          name: "server",
          state: "degraded",
          restarts: 0,
          parts: [
            { name: "ingester", state: "running", restarts: 0 },
            { name: "storage", state: "degraded", restarts: 0, message: "disk almost full" },
          ],
        },
        { name: "agent", state: "running", restarts: 0 },
      ],
    })
    health.set("agent", "failed")
    assert.strictEqual(health.status, "down")
  })
})
