import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Cause from "effect/Cause"
import * as Random from "effect/Random"
import { Coordination, CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { coordinationEtcd } from "../../runtime/coordination/etcd.ts"
import { hasEtcd, startEtcd } from "../../runtime/coordination/etcd.testing.ts"
import { MemoryStore, serviceOf } from "../../runtime/coordination/memory.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import { ConfigStore } from "./ConfigStore.ts"
import { versionsMost } from "./LayerVersion.ts"
import { isLinearizable, type Operation } from "./linearizable.testing.ts"

const prefix = "/sonde/test/"
const byDefault: LayerRef = { layer: "default", name: "-" }
const edge: LayerRef = { layer: "group", name: "edge" }
const by = (author: string, expected?: number, comment = "") => ({
  author,
  comment,
  ...(expected === undefined ? {} : { expected }),
})

const openStore = (coordination: Coordination["Service"]) =>
  Effect.map(
    Layer.build(ConfigStore.layer(prefix).pipe(Layer.provide(Layer.succeed(Coordination, coordination)))),
    (context) => Context.get(context, ConfigStore),
  )

const inMemory = Effect.suspend(() => openStore(serviceOf(new MemoryStore())))

describe("ConfigStore", () => {
  it.effect("sets, unsets and replaces keys, each as a version with author and comment", () =>
    Effect.gen(function* () {
      const store = yield* inMemory
      assert.strictEqual((yield* store.get(edge)).version, 0)
      yield* store.change(edge, { flushMs: 100, ringMiB: 2 }, by("ann", 0, "less delay"))
      yield* store.change(edge, { ringMiB: null, capture: "packets" }, by("bob"))
      assert.deepStrictEqual((yield* store.get(edge)).values, { flushMs: 100, capture: "packets" })
      yield* store.replace(edge, { flushMs: 200 }, by("cid", 2))
      const history = yield* store.history(edge)
      assert.deepStrictEqual(
        history.map(({ author, comment, values, version }) => ({ author, comment, values, version })),
        [
          { version: 3, author: "cid", comment: "", values: { flushMs: 200 } },
          { version: 2, author: "bob", comment: "", values: { flushMs: 100, capture: "packets" } },
          { version: 1, author: "ann", comment: "less delay", values: { flushMs: 100, ringMiB: 2 } },
        ],
      )
      assert.deepStrictEqual((yield* store.get(edge, 1)).values, { flushMs: 100, ringMiB: 2 })
      assert.strictEqual((yield* store.get(byDefault)).version, 0)
    }),
  )

  it.effect("goes back by a new version", () =>
    Effect.gen(function* () {
      const store = yield* inMemory
      yield* store.change(edge, { flushMs: 100 }, by("ann"))
      yield* store.change(edge, { flushMs: 900 }, by("bob"))
      const back = yield* store.rollback(edge, 1, by("ann"))
      assert.strictEqual(back.version, 3)
      assert.deepStrictEqual(back.values, { flushMs: 100 })
      assert.strictEqual(back.comment, "back to version 1")
      assert.deepStrictEqual((yield* store.rollback(edge, 0, by("ann"))).values, {})
      const missing = yield* Effect.flip(store.rollback(edge, 77, by("ann")))
      assert.include(missing.message, "group/edge has no version 77")
    }),
  )

  it.effect("refuses a change from an old version and names who was first", () =>
    Effect.gen(function* () {
      const store = yield* inMemory
      yield* store.change(edge, { flushMs: 100 }, by("ann", 0, "less delay"))
      const failure = yield* Effect.flip(store.change(edge, { flushMs: 300 }, by("bob", 0)))
      if (failure._tag !== "ConfigConflict") throw failure
      assert.strictEqual(
        failure.message,
        "group/edge: the change was made from version 0, but ann made version 1 meanwhile (less delay)",
      )
      assert.include(failure.next, "sonde admin config diff group/edge 0")
      assert.strictEqual(failure.author, "ann")
      assert.strictEqual((yield* store.get(edge)).values["flushMs"], 100)
    }),
  )

  it.effect("refuses what agents cannot use, and names of layers that are none", () =>
    Effect.gen(function* () {
      const store = yield* inMemory
      const failure = yield* Effect.flip(
        store.change({ layer: "group", name: "a/b" }, { flushMs: 1, nonsense: 2 }, by("ann")),
      )
      assert.deepStrictEqual(failure._tag === "ConfigInvalid" ? failure.problems : [], [
        "layer group/a/b: expected a name of 1 to 64 letters, digits and . _ -",
        "nonsense: no such key that can be set for agents",
        "flushMs: expected an integer from 50 to 10000, found 1",
      ])
      assert.strictEqual(store.list().length, 0)
    }),
  )

  it.effect("keeps 200 versions", () =>
    Effect.gen(function* () {
      const memory = new MemoryStore()
      const store = yield* openStore(serviceOf(memory))
      for (let round = 1; round <= versionsMost + 5; round++)
        yield* store.change(edge, { flushMs: 100 + round }, by("ann"))
      const history = yield* store.history(edge)
      assert.strictEqual(history.length, versionsMost)
      assert.strictEqual(history[0]!.version, versionsMost + 5)
      assert.strictEqual(history.at(-1)!.version, 6)
      assert.strictEqual(memory.list(prefix).length, versionsMost + 1)
    }),
  )

  it.effect("knows whether a write happened whose answer was lost", () =>
    Effect.gen(function* () {
      const memory = serviceOf(new MemoryStore())
      const lost = new CoordinationError({ reason: "unavailable", message: "no answer" })
      let isWritten = true
      const store = yield* openStore({
        ...memory,
        commit: (transaction) =>
          Effect.andThen(isWritten ? memory.commit(transaction) : Effect.void, Effect.fail(lost)),
      })
      assert.strictEqual((yield* store.change(edge, { flushMs: 100 }, by("ann"))).version, 1)
      isWritten = false
      const failure = yield* Effect.flip(store.change(edge, { flushMs: 200 }, by("ann")))
      assert.strictEqual(failure._tag, "CoordinationError")
    }),
  )
})

/** Many writers and readers through several servers, some cut off in the middle; gives what each saw. */
const storm = Effect.fnUntraced(function* (stores: ReadonlyArray<ConfigStore["Service"]>, ref: LayerRef) {
  const history: Array<Operation> = []
  let order = 0
  const worker = Effect.fnUntraced(function* (number: number) {
    const store = stores[number % stores.length]!
    for (let round = 0; round < 6; round++) {
      const began = order++
      if ((yield* Random.next) < 0.4) {
        const { values, version } = yield* store.get(ref)
        history.push({
          kind: "read",
          began,
          ended: order++,
          version,
          value: String(values["interface"] ?? ""),
        })
        continue
      }
      const value = `w${number}-${round}`
      const expected = (yield* Random.next) < 0.6 ? (yield* store.get(ref)).version : undefined
      const written = { kind: "write" as const, began: order++, expected, value }
      // Taken back below: an interrupted writer leaves it as it is.
      const unknown: Operation = { ...written, ended: Number.POSITIVE_INFINITY, outcome: "unknown" }
      history.push(unknown)
      const exit = yield* Effect.exit(store.replace(ref, { interface: value }, by("ann", expected)))
      const failure = Exit.isFailure(exit) ? Cause.squash(exit.cause) : undefined
      const outcome = Exit.isSuccess(exit)
        ? exit.value.version
        : (failure as { readonly _tag?: string })._tag === "ConfigConflict"
          ? "conflict"
          : "unknown"
      if (outcome !== "unknown") history[history.indexOf(unknown)] = { ...written, ended: order++, outcome }
    }
  })
  const fibers = yield* Effect.forEach(
    Array.from({ length: 8 }, (_, number) => number),
    (number) => Effect.forkScoped(worker(number)),
  )
  // Three of them crash somewhere in between.
  for (const fiber of fibers.slice(0, 3)) {
    const pauses = yield* Random.nextIntBetween(1, 60)
    for (let pause = 0; pause < pauses; pause++) yield* Effect.yieldNow
    yield* Fiber.interrupt(fiber)
  }
  for (const fiber of fibers.slice(3)) yield* Fiber.join(fiber)
  const { values, version } = yield* stores[0]!.get(ref)
  history.push({
    kind: "read",
    began: order++,
    ended: order++,
    version,
    value: String(values["interface"] ?? ""),
  })
  const versions = (yield* stores[0]!.history(ref)).map((one) => one.version)
  assert.deepStrictEqual(
    versions,
    Array.from({ length: version }, (_, index) => version - index),
  )
  return history
})

/** Turns up late, and sometimes loses the answer, before or after the write. */
const unreliable = (inner: Coordination["Service"]): Coordination["Service"] => {
  const late = Effect.gen(function* () {
    const pauses = yield* Random.nextIntBetween(0, 6)
    for (let pause = 0; pause < pauses; pause++) yield* Effect.yieldNow
  })
  const lost = Effect.gen(function* () {
    yield* late
    if ((yield* Random.next) < 0.08)
      return yield* new CoordinationError({ reason: "unavailable", message: "no answer" })
  })
  return {
    ...inner,
    get: (key) => Effect.andThen(late, inner.get(key)),
    commit: (transaction) => Effect.tap(Effect.andThen(lost, inner.commit(transaction)), () => lost),
  }
}

describe("concurrent changes", () => {
  it.effect("are as if one came after the other, whoever is cut off", () =>
    Effect.gen(function* () {
      const coordination = unreliable(serviceOf(new MemoryStore()))
      const stores = yield* Effect.all([1, 2, 3].map(() => openStore(coordination)))
      let written = 0
      for (let round = 0; round < 30; round++) {
        const history = yield* storm(stores, { layer: "group", name: `g${round}` })
        written += history.filter((one) => one.kind === "write" && typeof one.outcome === "number").length
        assert.isTrue(isLinearizable(history), JSON.stringify(history, null, 1))
      }
      assert.isAbove(written, 100)
    }),
  )

  it.live.skipIf(!hasEtcd)("are so with etcd", () =>
    Effect.gen(function* () {
      const { endpoints } = yield* startEtcd()
      const stores = yield* Effect.all(
        [1, 2].map(() =>
          Effect.flatMap(Layer.build(coordinationEtcd({ endpoints })), (context) =>
            openStore(Context.get(context, Coordination)),
          ),
        ),
      )
      for (let round = 0; round < 3; round++) {
        const history = yield* storm(stores, { layer: "group", name: `g${round}` })
        assert.isTrue(isLinearizable(history), JSON.stringify(history, null, 1))
      }
    }),
  )
})
