import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { newestRows } from "./newestRows.ts"

const nowSecond = 1_790_000_000
const idOf = (second: number, number = 0): string => String((BigInt(second) << 32n) + BigInt(number))

/** One row stored in each second before now, and one that was stored long after it began. */
const stored = Array.from({ length: 1_000 }, (_, ago) => idOf(nowSecond - ago, 7))

const asked = (page: { limit: number; before?: string; after?: string }, seconds = 900) =>
  Effect.gen(function* () {
    yield* TestClock.setTime(nowSecond * 1_000)
    const questions: Array<string | undefined> = []
    const rows = yield* newestRows(
      { fromUs: (nowSecond - seconds) * 1e6, toUs: nowSecond * 1e6 },
      { before: undefined, after: undefined, ...page },
      (after) =>
        Effect.sync(() => {
          questions.push(after)
          return stored
            .filter((id) => after === undefined || BigInt(id) > BigInt(after))
            .filter((id) => page.before === undefined || BigInt(id) < BigInt(page.before))
            .slice(0, page.limit + 1)
        }),
    )
    return { rows, questions }
  })

describe("the newest rows", () => {
  it.effect("asks for the last seconds only, where they are enough", () =>
    Effect.gen(function* () {
      const { questions, rows } = yield* asked({ limit: 5 })
      assert.deepStrictEqual(questions, [idOf(nowSecond - 10)])
      assert.deepStrictEqual(rows, stored.slice(0, 6))
    }),
  )

  it.effect("goes back as far as it takes, and then asks for all", () =>
    Effect.gen(function* () {
      const more = yield* asked({ limit: 60 })
      assert.deepStrictEqual(more.questions, [idOf(nowSecond - 10), idOf(nowSecond - 80)])
      assert.deepStrictEqual(more.rows, stored.slice(0, 61))
      const all = yield* asked({ limit: 5_000 })
      assert.deepStrictEqual(all.questions.slice(2), [idOf(nowSecond - 640), undefined])
      assert.lengthOf(all.rows, stored.length)
    }),
  )

  it.effect("a further page begins where the one before ended", () =>
    Effect.gen(function* () {
      const before = idOf(nowSecond - 500, 7)
      const { questions, rows } = yield* asked({ limit: 3, before })
      assert.deepStrictEqual(questions, [idOf(nowSecond - 509)])
      assert.deepStrictEqual(rows, stored.slice(501, 505))
    }),
  )

  it.effect("never asks for what is known already", () =>
    Effect.gen(function* () {
      const after = idOf(nowSecond - 4, 7)
      const { questions, rows } = yield* asked({ limit: 100, after })
      assert.deepStrictEqual(questions, [after])
      assert.deepStrictEqual(rows, stored.slice(0, 4))
    }),
  )
})
