import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { queryOf } from "./parameters.ts"
import { stepSeconds, stepsOf, timeRange } from "./timeRange.ts"

const nowMs = 1_800_000_000_000

const rangeOf = (query: string) => Effect.andThen(TestClock.setTime(nowMs), timeRange(queryOf(`/?${query}`)))

const messageOf = (query: string) =>
  Effect.map(Effect.flip(rangeOf(query)), (error) => `${error.status} ${error.message}`)

describe("timeRange", () => {
  it.effect("is the last five minutes unless asked otherwise", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* rangeOf(""), { fromUs: nowMs * 1000 - 300e6, toUs: nowMs * 1000 })
      assert.deepStrictEqual(yield* rangeOf("last=60"), { fromUs: nowMs * 1000 - 60e6, toUs: nowMs * 1000 })
      assert.deepStrictEqual(yield* rangeOf("from=1700000000000000&to=1700000001000000"), {
        fromUs: 1700000000000000,
        toUs: 1700000001000000,
      })
    }),
  )

  it.effect("names key, value and expectation of what is wrong", () =>
    Effect.gen(function* () {
      assert.strictEqual(yield* messageOf("last=0"), '400 last: "0" is not a whole number from 1 to 2678400')
      assert.strictEqual(
        yield* messageOf("last=1e3"),
        '400 last: "1e3" is not a whole number from 1 to 2678400',
      )
      assert.match(
        yield* messageOf("from=1700000000"),
        /^400 from: "1700000000" is not microseconds since 1970/,
      )
      assert.match(yield* messageOf("to=-1"), /^400 to: "-1" is not microseconds/)
      assert.match(yield* messageOf("from=1700000001000000&to=1700000000000000"), /is not before to/)
      assert.match(yield* messageOf("from=1600000000000000&to=1700000000000000"), /at most 2678400 seconds/)
    }),
  )

  it("cuts a range into steps that cover it", () => {
    const range = { fromUs: 1_000_500_000, toUs: 1_003_000_000 }
    assert.strictEqual(stepSeconds(range, 120), 1)
    assert.deepStrictEqual(stepsOf(range, 1), [1000, 1001, 1002])
    assert.strictEqual(stepSeconds({ fromUs: 0, toUs: 3600e6 }, 120), 30)
    assert.strictEqual(stepSeconds({ fromUs: 0, toUs: 31 * 86_400e6 }, 120), 43_200)
  })
})
