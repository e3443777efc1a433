import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { Coordination } from "../../runtime/coordination/Coordination.ts"
import { MemoryStore, serviceOf } from "../../runtime/coordination/memory.ts"
import { serverRecord, until } from "../controller.testing.ts"
import { fencedCommit, whileLeading } from "./leading.ts"
import { Membership } from "./Membership.ts"

const prefix = "/sonde/test/"

const region = () => {
  const store = new MemoryStore()
  const coordination = serviceOf(store)
  const server = (id: string, isCandidate = true) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
      const services = yield* Layer.buildWithScope(
        Membership.layer({ prefix, self: serverRecord(id), leaseMs: 2_000, isCandidate }).pipe(
          Layer.provide(Layer.succeed(Coordination, coordination)),
        ),
        scope,
      )
      return { membership: Context.get(services, Membership), scope, stop: Scope.close(scope, Exit.void) }
    })
  return { store, coordination, server }
}

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(name, () => test.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")))

describe("Membership", () => {
  live(
    "lets the first candidate lead, and the next when it goes",
    Effect.gen(function* () {
      const { server } = region()
      const watcher = yield* server("w", false)
      assert.deepInclude(watcher.membership.leadership(), { leader: "", isMine: false })
      const one = yield* server("a")
      const two = yield* server("b")
      yield* until(() => watcher.membership.servers().size === 3)
      for (const { membership } of [watcher, one, two])
        yield* until(() => membership.leadership().leader === "a")
      assert.isTrue(one.membership.leadership().isMine)
      assert.isFalse(two.membership.leadership().isMine)
      yield* one.stop
      yield* until(() => two.membership.leadership().isMine)
      yield* until(() => watcher.membership.servers().size === 2)
    }),
  )

  live(
    "takes a new lease for a lost one, and no longer leads",
    Effect.gen(function* () {
      const { server, store } = region()
      const one = yield* server("a")
      const two = yield* server("b")
      yield* until(() => one.membership.leadership().isMine && two.membership.servers().size === 2)
      const { id } = one.membership.lease()!
      store.expire(id)
      assert.notStrictEqual(one.membership.lease()?.id, id)
      yield* until(() => two.membership.leadership().isMine)
      yield* until(() => one.membership.lease() !== undefined && two.membership.servers().size === 2)
      assert.isFalse(one.membership.leadership().isMine)
    }),
  )

  live(
    "runs the leader's work at one server, and refuses the writes of one that led",
    Effect.gen(function* () {
      const { coordination, server, store } = region()
      const one = yield* server("a")
      const two = yield* server("b")
      yield* until(() => one.membership.leadership().isMine)
      const running = new Set<string>()
      const work = (id: string) =>
        Effect.scoped(
          Effect.acquireRelease(
            Effect.sync(() => {
              assert.strictEqual(running.size, 0, "two lead")
              running.add(id)
            }),
            () => Effect.sync(() => void running.delete(id)),
          ).pipe(Effect.andThen(Effect.never)),
        )
      for (const [id, { membership }] of [
        ["a", one],
        ["b", two],
      ] as const)
        yield* Effect.forkScoped(whileLeading(membership, `test/${id}`, work(id)))
      yield* until(() => running.has("a"))
      const commit = (membership: Membership["Service"]) =>
        fencedCommit(
          membership,
          prefix,
        )({ writes: [{ put: "x", value: membership.self().id }] }).pipe(
          Effect.provideService(Coordination, coordination),
        )
      assert.isTrue(yield* commit(one.membership))
      const refused = yield* Effect.flip(commit(two.membership))
      assert.deepInclude(refused, { _tag: "NotLeader", message: "server a leads" })
      // It believes that it leads, and does no longer.
      const believing = { ...one.membership, leadership: () => ({ leader: "a", isMine: true, fence: 1 }) }
      assert.strictEqual((yield* Effect.flip(commit(believing)))._tag, "NotLeader")
      store.expire(one.membership.lease()!.id)
      yield* until(() => running.has("b"))
      assert.strictEqual(store.get("x")!.value, "a")
    }),
  )

  live(
    "tells everybody that a server is drained",
    Effect.gen(function* () {
      const { server } = region()
      const one = yield* server("a")
      const two = yield* server("b")
      yield* two.membership.drain("a", true)
      yield* until(() => two.membership.servers().get("a")?.isDraining === true)
      yield* one.membership.drain("a", false)
      yield* until(() => two.membership.servers().get("a")?.isDraining === false)
    }),
  )
})
