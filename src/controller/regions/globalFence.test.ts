import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { MemoryStore, serviceOf } from "../../runtime/coordination/memory.ts"
import { takeGlobalFence } from "./globalFence.ts"

describe("takeGlobalFence", () => {
  it.live("lets the leader that came last write, and no other", () =>
    Effect.gen(function* () {
      const global = serviceOf(new MemoryStore())
      const yes = Effect.succeed(true)
      const write = (fence: Effect.Success<ReturnType<typeof takeGlobalFence>>) =>
        Effect.map(
          global.commit({ when: [fence], writes: [{ put: "x", value: "" }] }),
          ({ isDone }) => isDone,
        )
      const first = yield* takeGlobalFence(global, "eu", "s1", yes)
      assert.isTrue(yield* write(first))
      const second = yield* takeGlobalFence(global, "eu", "s2", yes)
      assert.isFalse(yield* write(first))
      assert.isTrue(yield* write(second))
      // The region's store says that it leads no more.
      const refused = yield* Effect.flip(takeGlobalFence(global, "eu", "s1", Effect.succeed(false)))
      assert.strictEqual(refused._tag, "NotLeader")
      assert.isTrue(yield* write(second))
      // Another region has a mark of its own.
      yield* takeGlobalFence(global, "us", "u1", yes)
      assert.isTrue(yield* write(second))
    }),
  )

  it.live("a leader of the past that slept while it asked finds the mark changed, and asks again", () =>
    Effect.gen(function* () {
      const global = serviceOf(new MemoryStore())
      let asked = 0
      const sleeps = Effect.gen(function* () {
        if (asked++ > 0) return false
        yield* takeGlobalFence(global, "eu", "s2", Effect.succeed(true))
        return true
      })
      const refused = yield* Effect.flip(takeGlobalFence(global, "eu", "s1", sleeps))
      assert.include(refused.message, "another server speaks for region eu")
      assert.strictEqual(asked, 2)
    }),
  )
})
