import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { measureClockOffset } from "./clockOffset.ts"

describe("clock offset", () => {
  it.effect("takes the answer that was the least time on its way", () =>
    Effect.gen(function* () {
      const aheadUs = 3_600_000_000
      // There and back, milliseconds; the second is even both ways and shortest.
      const ways = [
        [40, 200],
        [5, 5],
        [0, 90],
        [90, 0],
        [30, 30],
      ]
      let question = 0
      const serverUs = Effect.gen(function* () {
        const [there, back] = ways[question++]!
        yield* TestClock.adjust(there!)
        const nowUs = (yield* Clock.currentTimeMillis) * 1_000 + aheadUs
        yield* TestClock.adjust(back!)
        return nowUs
      })
      assert.deepStrictEqual(yield* measureClockOffset(serverUs), { offsetUs: aheadUs, errorUs: 5_000 })
    }),
  )

  it.effect("is wrong by no more than it says, however uneven the ways", () =>
    Effect.gen(function* () {
      const serverUs = Effect.gen(function* () {
        yield* TestClock.adjust(70)
        return (yield* Clock.currentTimeMillis) * 1_000 - 5_000_000
      })
      const { errorUs, offsetUs } = yield* measureClockOffset(serverUs)
      assert.isAtMost(Math.abs(offsetUs + 5_000_000), errorUs)
    }),
  )
})
