import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import { ClickHouse } from "../runtime/clickhouse/ClickHouse.ts"
import { Coordination, CoordinationError } from "../runtime/coordination/Coordination.ts"
import { coordinationEtcd } from "../runtime/coordination/etcd.ts"
import { hasEtcd, startEtcd } from "../runtime/coordination/etcd.testing.ts"
import { MemoryStore, serviceOf } from "../runtime/coordination/memory.ts"
import { IdAllocator } from "./IdAllocator.ts"

const prefix = "/sonde/test/"
const key = `${prefix}ids/resource`

/** A database in which `stored.id` is the largest id of each kind. */
const database = (stored: { id: number }) =>
  Layer.mock(ClickHouse, {
    query: () => Effect.sync(() => [{ id: stored.id }]),
    server: () => {
      throw new Error("not asked for here")
    },
  })

const allocator = (coordination: Coordination["Service"], stored: { id: number }) =>
  Effect.map(
    Layer.build(
      IdAllocator.clustered(prefix).pipe(
        Layer.provide([database(stored), Layer.succeed(Coordination, coordination)]),
      ),
    ),
    (context) => Context.get(context, IdAllocator),
  )

const quiet = Effect.provideService(References.MinimumLogLevel, "None" as const)

describe("IdAllocator.clustered", () => {
  it.effect("begins at 1 and leaves nothing out", () =>
    Effect.gen(function* () {
      const coordination = serviceOf(new MemoryStore())
      const one = yield* allocator(coordination, { id: 0 })
      const other = yield* allocator(coordination, { id: 0 })
      assert.strictEqual(yield* one.take("resource", 3), 1)
      assert.strictEqual(yield* other.take("resource", 1), 4)
      assert.strictEqual(yield* one.take("resource", 1), 5)
      assert.strictEqual(yield* one.take("tag_set", 1), 1)
    }),
  )

  it.effect("never gives out what is stored, and leaves room when the counter is lost or set back", () =>
    Effect.gen(function* () {
      const store = new MemoryStore()
      const stored = { id: 70 }
      const ids = yield* allocator(serviceOf(store), stored)
      const first = yield* ids.take("resource", 10)
      assert.strictEqual(first, 71 + 10_000)
      store.commit([], [{ put: key, value: "5" }])
      const second = yield* ids.take("resource", 1)
      assert.isAtLeast(second, first + 10)
      store.commit([], [{ remove: key }])
      const third = yield* ids.take("resource", 1)
      assert.isAbove(third, second)
      stored.id = 1_000_000
      store.commit([], [{ put: key, value: "no number" }])
      assert.isAbove(yield* ids.take("resource", 1), 1_000_000)
    }).pipe(quiet),
  )

  it.live("waits while the store is away, and loses nothing but what a doubtful write took", () =>
    Effect.gen(function* () {
      const store = new MemoryStore()
      const real = serviceOf(store)
      let calls = 0
      const away = new CoordinationError({ reason: "unavailable", message: "away" })
      // The third write has happened, but its answer was lost.
      const flaky: Coordination["Service"] = {
        ...real,
        commit: (transaction) =>
          Effect.suspend(() =>
            ++calls % 3 === 0
              ? Effect.andThen(real.commit(transaction), Effect.fail(away))
              : real.commit(transaction),
          ),
        get: (wanted) =>
          calls % 2 === 0 ? Effect.suspend(() => (calls++, Effect.fail(away))) : real.get(wanted),
      }
      const ids = yield* allocator(flaky, { id: 0 })
      const taken: Array<number> = []
      for (let at = 0; at < 10; at++) taken.push(yield* ids.take("resource", 2))
      taken.forEach((first, at) => assert.isAtLeast(first, (taken[at - 1] ?? -1) + 2))
    }).pipe(quiet),
  )

  it.live.skipIf(!hasEtcd)("servers that take at once get each id once", () =>
    Effect.gen(function* () {
      const { endpoints } = yield* startEtcd()
      const takers = yield* Effect.forEach([1, 2, 3, 4], () =>
        Effect.flatMap(Layer.build(Layer.fresh(coordinationEtcd({ endpoints }))), (context) =>
          allocator(Context.get(context, Coordination), { id: 0 }),
        ),
      )
      const taken = yield* Effect.forEach(
        takers,
        ({ take }, at) =>
          Effect.forEach(Array.from({ length: 25 }), () =>
            Effect.map(take("resource", at + 1), (first) =>
              Array.from({ length: at + 1 }, (_, plus) => first + plus),
            ),
          ),
        { concurrency: "unbounded" },
      )
      for (const own of taken) {
        const firsts = own.map(([first]) => first)
        assert.deepEqual(
          firsts,
          [...firsts].sort((one, other) => one - other),
        )
      }
      const all = taken.flat(2).sort((one, other) => one - other)
      assert.deepEqual(
        all,
        Array.from({ length: 25 * (1 + 2 + 3 + 4) }, (_, at) => at + 1),
      )
    }),
  )
})
