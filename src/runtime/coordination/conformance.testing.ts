// What every layer of Coordination must do, as tests over any of them.

import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Change,
  type Condition,
  Coordination,
  type Lease,
  type Revision,
  transactionBytesMost,
  valueBytesMost,
  type Write,
  writesMost,
} from "./Coordination.ts"
import { until } from "./etcd.testing.ts"
import { makeMirror } from "./Mirror.ts"

export interface Conforming {
  readonly coordination: Coordination["Service"]
  /** Ends a lease behind its owner's back. */
  readonly expire: (lease: Lease) => Effect.Effect<void>
  /** Forgets the changes up to a revision. */
  readonly compact: (revision: Revision) => Effect.Effect<void>
}

const nanosPerMs = 1e6
const ttlMs = 2_000

const keysOf = (changes: ReadonlyArray<Change>): ReadonlyArray<string> =>
  changes.map((change) => (change.kind === "put" ? `+${change.entry.key}` : `-${change.key}`))

const isHeld = (lease: Lease): Effect.Effect<boolean> =>
  Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos) / nanosPerMs < lease.heldUntilMs())

export const conforms = (name: string, open: () => Conforming, isSkipped = false): void => {
  let prefixes = 0
  const test = (
    what: string,
    run: (one: Conforming, prefix: string) => Effect.Effect<void, unknown, Scope.Scope>,
  ) => it.live(what, () => run(open(), `/test/${name}/${++prefixes}/`))

  describe.skipIf(isSkipped)(`Coordination in ${name}`, () => {
    test("writes, reads, lists and removes", ({ coordination }, prefix) =>
      Effect.gen(function* () {
        const [a, b] = [`${prefix}a`, `${prefix}b`]
        assert.isUndefined(yield* coordination.get(a))
        const first = yield* coordination.commit({
          writes: [
            { put: b, value: "2" },
            { put: a, value: "é" },
          ],
        })
        assert.isTrue(first.isDone)
        const at = first.revision
        assert.deepEqual(yield* coordination.get(a), { key: a, value: "é", created: at, modified: at })
        const second = yield* coordination.commit({ writes: [{ put: a, value: "" }] })
        assert.isAbove(second.revision, at)
        const { entries, revision } = yield* coordination.list(prefix)
        assert.deepEqual(entries, [
          { key: a, value: "", created: at, modified: second.revision },
          { key: b, value: "2", created: at, modified: at },
        ])
        assert.isAtLeast(revision, second.revision)
        yield* coordination.commit({ writes: [{ remove: a }] })
        const again = yield* coordination.commit({ writes: [{ put: a, value: "3" }] })
        assert.strictEqual((yield* coordination.get(a))?.created, again.revision)
        yield* coordination.commit({ writes: [{ removePrefix: prefix }] })
        assert.deepEqual((yield* coordination.list(prefix)).entries, [])
        const nothing = yield* coordination.commit({ writes: [{ removePrefix: prefix }] })
        assert.isTrue(nothing.isDone)
      }))

    test("lists more than one page, and nothing beside the prefix", ({ coordination }, prefix) =>
      Effect.gen(function* () {
        const keys = Array.from({ length: 700 }, (_, at) => `${prefix}k${String(at).padStart(4, "0")}`)
        for (let at = 0; at < keys.length; at += writesMost) {
          const writes = keys.slice(at, at + writesMost).map((key) => ({ put: key, value: key }))
          yield* coordination.commit({ writes })
        }
        yield* coordination.commit({ writes: [{ put: `${prefix}l`, value: "beside" }] })
        const { entries } = yield* coordination.list(`${prefix}k`)
        assert.deepEqual(
          entries.map(({ key }) => key),
          keys,
        )
      }))

    test("writes all or nothing, as the conditions hold", ({ coordination }, prefix) =>
      Effect.gen(function* () {
        const key = `${prefix}a`
        const other = `${prefix}b`
        const commit = (when: ReadonlyArray<Condition>) =>
          coordination.commit({
            when,
            writes: [
              { put: key, value: "x" },
              { put: other, value: "x" },
            ],
          })
        const created = yield* commit([{ key, is: "absent" }])
        assert.isTrue(created.isDone)
        assert.isFalse((yield* commit([{ key, is: "absent" }])).isDone)
        const changed = yield* commit([{ key, is: "modified", at: created.revision }])
        assert.isTrue(changed.isDone)
        assert.isFalse((yield* commit([{ key, is: "modified", at: created.revision }])).isDone)
        const fenced = yield* commit([{ key, is: "created", at: created.revision }])
        assert.isTrue(fenced.isDone)
        const mixed = yield* commit([
          { key, is: "created", at: created.revision },
          { key: other, is: "absent" },
        ])
        assert.isFalse(mixed.isDone)
        assert.strictEqual((yield* coordination.get(other))?.modified, fenced.revision)
        yield* coordination.commit({ writes: [{ remove: key }] })
        assert.isFalse((yield* commit([{ key, is: "created", at: created.revision }])).isDone)
        yield* coordination.commit({ writes: [{ put: key, value: "x" }] })
        assert.isFalse((yield* commit([{ key, is: "created", at: created.revision }])).isDone)
      }))

    test("refuses what is too large or contradicts itself", ({ coordination }, prefix) =>
      Effect.gen(function* () {
        const reasonOf = (writes: ReadonlyArray<Write>) =>
          Effect.map(Effect.result(coordination.commit({ writes })), (outcome) =>
            Result.isFailure(outcome) ? outcome.failure.reason : "done",
          )
        const value = (bytes: number) => "x".repeat(bytes)
        assert.strictEqual(yield* reasonOf([{ put: `${prefix}a`, value: value(valueBytesMost) }]), "done")
        assert.strictEqual(
          yield* reasonOf([{ put: `${prefix}a`, value: value(valueBytesMost + 1) }]),
          "too large",
        )
        const half = value(transactionBytesMost / 2)
        const halves = [
          { put: `${prefix}a`, value: half },
          { put: `${prefix}b`, value: half },
        ]
        assert.strictEqual(yield* reasonOf(halves), "too large")
        const many = Array.from({ length: writesMost + 1 }, (_, at) => ({ put: `${prefix}${at}`, value: "" }))
        assert.strictEqual(yield* reasonOf(many), "too large")
        assert.strictEqual(yield* reasonOf(many.slice(1)), "done")
        const twice = { put: `${prefix}a`, value: "" }
        assert.strictEqual(yield* reasonOf([twice, twice]), "refused")
        assert.strictEqual(yield* reasonOf([twice, { remove: `${prefix}a` }]), "refused")
        assert.strictEqual(yield* reasonOf([{ removePrefix: prefix }, twice]), "refused")
      }))

    test("one of many that write at once wins", ({ coordination }, prefix) =>
      Effect.gen(function* () {
        const key = `${prefix}a`
        const commits = Array.from({ length: 20 }, (_, at) =>
          coordination.commit({ when: [{ key, is: "absent" }], writes: [{ put: key, value: String(at) }] }),
        )
        const done = (yield* Effect.all(commits, { concurrency: "unbounded" })).filter(({ isDone }) => isDone)
        assert.strictEqual(done.length, 1)
        assert.strictEqual((yield* coordination.get(key))?.created, done[0].revision)
      }))

    test("keys vanish with their lease, when it is closed", ({ coordination }, prefix) =>
      Effect.gen(function* () {
        const scope = yield* Scope.make()
        const lease = yield* Scope.provide(coordination.lease(ttlMs), scope)
        assert.strictEqual(lease.ttlMs, ttlMs)
        assert.isTrue(yield* isHeld(lease))
        const [leased, freed, other] = [`${prefix}leased`, `${prefix}freed`, `${prefix}other`]
        yield* coordination.commit({
          writes: [
            { put: leased, value: "", lease },
            { put: freed, value: "", lease },
            { put: other, value: "" },
          ],
        })
        yield* coordination.commit({ writes: [{ put: freed, value: "kept" }] })
        yield* Effect.sleep(ttlMs * 1.5)
        assert.isTrue(yield* isHeld(lease))
        assert.isDefined(yield* coordination.get(leased))
        yield* Scope.close(scope, Exit.void)
        yield* lease.lost
        assert.isFalse(yield* isHeld(lease))
        const { entries } = yield* coordination.list(prefix)
        assert.deepEqual(
          entries.map(({ key }) => key),
          [freed, other],
        )
        const late = yield* Effect.flip(coordination.commit({ writes: [{ put: leased, value: "", lease }] }))
        assert.strictEqual(late.reason, "refused")
      }))

    test("tells that a lease was lost", ({ coordination, expire }, prefix) =>
      Effect.gen(function* () {
        const lease = yield* coordination.lease(ttlMs)
        yield* coordination.commit({ writes: [{ put: `${prefix}a`, value: "", lease }] })
        yield* expire(lease)
        yield* lease.lost
        assert.isFalse(yield* isHeld(lease))
        assert.isUndefined(yield* coordination.get(`${prefix}a`))
      }))

    test("watches from a revision on: in order, each change once, the prefix only", ({
      coordination,
    }, prefix) =>
      Effect.gen(function* () {
        const start = yield* coordination.commit({ writes: [{ put: `${prefix}a/1`, value: "before" }] })
        yield* coordination.commit({ writes: [{ put: `${prefix}a/2`, value: "" }] })
        const lease = yield* coordination.lease(ttlMs)
        const seen: Array<Change> = []
        const watching = yield* Effect.forkScoped(
          Stream.runForEach(coordination.watch(`${prefix}a/`, start.revision), (changes) =>
            Effect.sync(() => void seen.push(...changes)),
          ),
        )
        yield* until(
          "the past",
          Effect.sync(() => seen.length === 1),
        )
        yield* coordination.commit({ writes: [{ put: `${prefix}b/1`, value: "" }] })
        const both = yield* coordination.commit({
          writes: [
            { remove: `${prefix}a/1` },
            { put: `${prefix}a/3`, value: "3", lease },
            { remove: `${prefix}a/none` },
          ],
        })
        yield* until(
          "two more",
          Effect.sync(() => seen.length === 3),
        )
        yield* coordination.commit({ writes: [{ removePrefix: `${prefix}a/` }] })
        yield* until(
          "the end",
          Effect.sync(() => seen.length === 5),
        )
        assert.deepEqual(keysOf(seen.slice(0, 3)), [`+${prefix}a/2`, `-${prefix}a/1`, `+${prefix}a/3`])
        assert.deepEqual([...keysOf(seen.slice(3))].sort(), [`-${prefix}a/2`, `-${prefix}a/3`])
        assert.deepEqual(seen[1], { kind: "removed", key: `${prefix}a/1`, revision: both.revision })
        assert.deepEqual(seen[2], {
          kind: "put",
          entry: { key: `${prefix}a/3`, value: "3", created: both.revision, modified: both.revision },
        })
        yield* Fiber.interrupt(watching)
      }))

    test("a watch sees keys vanish with their lease", ({ coordination, expire }, prefix) =>
      Effect.gen(function* () {
        const lease = yield* coordination.lease(ttlMs)
        const { revision } = yield* coordination.commit({ writes: [{ put: `${prefix}a`, value: "", lease }] })
        const first = yield* Effect.forkScoped(Stream.runHead(coordination.watch(prefix, revision)))
        yield* expire(lease)
        const seen = yield* Fiber.join(first)
        assert.deepEqual(seen._tag === "Some" ? keysOf(seen.value) : [], [`-${prefix}a`])
      }))

    test("a watch of what is no longer known is refused; a mirror lists again", ({
      compact,
      coordination,
    }, prefix) =>
      Effect.gen(function* () {
        const first = yield* coordination.commit({ writes: [{ put: `${prefix}a`, value: "1" }] })
        const mirror = yield* Effect.provideService(makeMirror(prefix), Coordination, coordination)
        let last = first.revision
        for (let at = 0; at < 5; at++)
          last = (yield* coordination.commit({ writes: [{ put: `${prefix}a`, value: `${at}` }] })).revision
        yield* compact(last)
        const error = yield* Effect.flip(Stream.runHead(coordination.watch(prefix, first.revision)))
        assert.strictEqual(error.reason, "refused")
        yield* coordination.commit({ writes: [{ put: `${prefix}b`, value: "new" }] })
        yield* until(
          "the mirror",
          Effect.sync(() => mirror.get(`${prefix}b`)?.value === "new"),
        )
        assert.strictEqual(mirror.get(`${prefix}a`)?.value, "4")
      }))

    test("a mirror equals the store after any transactions", ({ coordination }, prefix) =>
      Effect.gen(function* () {
        const mirror = yield* Effect.provideService(makeMirror(prefix), Coordination, coordination)
        const key = fc.constantFrom("a", "b", "c/1", "c/2").map((end) => prefix + end)
        const write: fc.Arbitrary<Write> = fc.oneof(
          fc.record({ put: key, value: fc.string({ unit: "binary", maxLength: 20 }) }),
          fc.record({ remove: key }),
          fc.constant({ removePrefix: `${prefix}c/` }),
        )
        const transactions = fc.sample(fc.array(write, { minLength: 1, maxLength: 4 }), 100)
        let revision = 0
        let done = 0
        for (const writes of transactions) {
          const outcome = yield* Effect.result(coordination.commit({ writes }))
          if (Result.isFailure(outcome)) assert.strictEqual(outcome.failure.reason, "refused")
          else {
            assert.isAtLeast(outcome.success.revision, revision)
            revision = outcome.success.revision
            done++
          }
        }
        assert.isAbove(done, 20)
        const end = yield* coordination.commit({ writes: [{ put: `${prefix}end`, value: "" }] })
        yield* until(
          "the mirror",
          Effect.sync(() => mirror.revision() >= end.revision),
        )
        const { entries } = yield* coordination.list(prefix)
        assert.deepEqual(
          [...mirror.entries().values()].sort((one, other) => (one.key < other.key ? -1 : 1)),
          entries,
        )
      }))
  })
}
