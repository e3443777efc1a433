// A lease at etcd, renewed by a loop of our own every quarter of its time: `etcd3` tells of a lost lease only after twice the time.
// It counts as held from before the last successful renewal was asked for, so that it ends here before it ends there.

import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import type { CoordinationError, Lease } from "./Coordination.ts"
import { monotonicMs } from "../monotonicMs.ts"
import type { Answer, EtcdClient } from "./EtcdClient.ts"
import { type EtcdFailure, failureOf } from "./etcdFailure.ts"

interface Granted {
  readonly ID: string
  readonly TTL: string
}

const msPerSecond = 1_000
const nanosPerMs = 1e6
const renewalsPerTtl = 4
const retryMs = 50
const revokeMs = 1_000

export const grantLease = (
  client: EtcdClient,
  ttlMs: number,
): Effect.Effect<Lease, CoordinationError, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const ended = yield* Deferred.make<void>()
    const state = { heldUntilMs: 0, isOver: false }
    const end = Effect.sync(() => {
      state.isOver = true
      Deferred.doneUnsafe(ended, Effect.void)
    })
    // A repeated grant leaves one lease behind that nobody renews.
    const { askedMs, response } = yield* Effect.acquireRelease(
      client.call<Granted>("Lease", "leaseGrant", { TTL: Math.ceil(ttlMs / msPerSecond), ID: 0 }, true),
      ({ response: { ID } }) =>
        Effect.andThen(end, Effect.ignore(client.call("Lease", "leaseRevoke", { ID }, true, revokeMs))),
    )
    // etcd raises what is too short for its own elections.
    const grantedMs = Number(response.TTL) * msPerSecond
    state.heldUntilMs = askedMs + grantedMs

    const renew = Effect.gen(function* () {
      let nextMs = askedMs + grantedMs / renewalsPerTtl
      while (true) {
        const leftMs = state.heldUntilMs - (yield* monotonicMs)
        if (leftMs <= 0) break
        yield* Effect.sleep(Math.max(0, Math.min(leftMs, nextMs - (yield* monotonicMs))))
        const member = client.member
        const tryMs = Math.min(
          grantedMs / renewalsPerTtl,
          client.callMs,
          state.heldUntilMs - (yield* monotonicMs),
        )
        if (tryMs <= 0) break
        const outcome = yield* Effect.result(keepAlive(client, member, response.ID, tryMs))
        if (Result.isFailure(outcome)) {
          client.leave(member)
          nextMs = (yield* monotonicMs) + retryMs
          continue
        }
        const renewedMs = Number(outcome.success.response.TTL) * msPerSecond
        if (renewedMs <= 0) break
        state.heldUntilMs = Math.max(state.heldUntilMs, outcome.success.askedMs + renewedMs)
        nextMs = outcome.success.askedMs + renewedMs / renewalsPerTtl
      }
      client.counters.leases_lost++
      yield* end
    })
    yield* Effect.forkScoped(renew)

    return {
      id: response.ID,
      ttlMs: grantedMs,
      heldUntilMs: () => (state.isOver ? Number.NEGATIVE_INFINITY : state.heldUntilMs),
      lost: Effect.raceFirst(
        Deferred.await(ended),
        // The loop waits for an answer at most until then, but a process that was stopped may wake anywhere.
        Effect.gen(function* () {
          while (true) {
            const leftMs = state.heldUntilMs - Number(clock.monotonicTimeNanosUnsafe()) / nanosPerMs
            if (leftMs <= 0) return
            yield* Effect.sleep(leftMs)
          }
        }),
      ),
    }
  })

/** A stream for one renewal: etcd has no other way, and one that stays open would have to be watched over. */
const keepAlive = (
  client: EtcdClient,
  member: number,
  id: string,
  tryMs: number,
): Effect.Effect<Answer<Granted>, EtcdFailure> =>
  Effect.gen(function* () {
    const askedMs = yield* monotonicMs
    const stream = yield* client.stream(member, "Lease", "leaseKeepAlive", tryMs)
    stream.write({ ID: id })
    const response = yield* Effect.tryPromise({ try: stream.next, catch: failureOf })
    if (response === undefined) return yield* Effect.fail(failureOf("the renewal was not answered"))
    return { response: response as Granted, askedMs }
  }).pipe(
    Effect.scoped,
    Effect.timeoutOption(tryMs),
    Effect.flatMap(
      Option.match({
        onNone: () => Effect.fail(failureOf("the renewal was not answered in time")),
        onSome: Effect.succeed,
      }),
    ),
  )
