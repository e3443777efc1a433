import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import * as TestClock from "effect/testing/TestClock"
import { dayMs } from "./authority.ts"
import { type Credentials, LiveCredentials } from "./LiveCredentials.ts"
import { testRegion } from "./region.testing.ts"
import { keepRenewed, renewAtMs } from "./rotation.ts"

const startMs = Date.UTC(2026, 4, 1)

const test = (name: string, effect: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.effect(name, () => effect.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")))

const world = Effect.gen(function* () {
  yield* TestClock.setTime(startMs)
  const region = yield* testRegion()
  const live = new LiveCredentials(yield* region.credentials("agent", "a-1", { days: 6 }))
  return { region, live }
})

describe("rotation", () => {
  test(
    "renews at two thirds of the validity, again and again",
    Effect.gen(function* () {
      const { live, region } = yield* world
      const seen: Array<Credentials> = []
      live.follow((credentials) => seen.push(credentials))
      let renewals = 0
      const renew = Effect.suspend(() =>
        region.credentials("agent", "a-1", { days: 6, atMs: 4 * dayMs * ++renewals }),
      )
      yield* Effect.forkScoped(keepRenewed(live, renew))
      yield* TestClock.adjust("95 hours")
      assert.strictEqual(renewals, 0)
      yield* TestClock.adjust("2 hours")
      assert.strictEqual(renewals, 1)
      assert.deepStrictEqual(seen, [live.current])
      assert.isAbove(renewAtMs(live.current.certificate), startMs + 7.9 * dayMs)
      yield* TestClock.adjust("4 days")
      assert.strictEqual(renewals, 2)
    }),
  )

  test(
    "tries on while it fails, faster towards the end, and also after it",
    Effect.gen(function* () {
      const { live, region } = yield* world
      let attempts = 0
      let fails = true
      const renew = Effect.suspend(() => {
        attempts++
        return fails
          ? Effect.fail({ message: "no server" })
          : region.credentials("agent", "a-1", { days: 6, atMs: 8 * dayMs })
      })
      yield* Effect.forkScoped(keepRenewed(live, renew))
      yield* TestClock.adjust("97 hours")
      const early = attempts
      assert.isAtLeast(early, 4)
      assert.isAtMost(early, 16)
      yield* TestClock.adjust("51 hours")
      const before = attempts
      yield* TestClock.adjust("1 hour")
      assert.isAtLeast(attempts - before, 60, "after its end, twice a minute or so")
      fails = false
      const first = live.current
      yield* TestClock.adjust("1 minute")
      assert.notStrictEqual(live.current, first)
    }),
  )

  test(
    "lets go of who no longer follows",
    Effect.gen(function* () {
      const { live, region } = yield* world
      let told = 0
      const end = live.follow(() => void told++)
      live.replace(yield* region.credentials("agent", "a-1"))
      end()
      live.replace(yield* region.credentials("agent", "a-1"))
      assert.strictEqual(told, 1)
    }),
  )
})
