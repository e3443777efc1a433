// The leader's work for a region that shares: copies what others change, from where the leader before stopped; tells the others that
// this region is there; notes whether the global store answers. A region that is cut off goes on with its copies, and takes up what it
// missed by the watch, or by a list when the global store no longer has the changes in between.

import { randomUUID } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { exposeStats } from "../../runtime/metrics.ts"
import {
  type Condition,
  Coordination,
  type CoordinationError,
} from "../../runtime/coordination/Coordination.ts"
import type { NotLeader } from "../membership/leading.ts"
import type { LeaderCommit } from "../placement/commitEach.ts"
import { CopyWriter } from "./CopyWriter.ts"
import { takeGlobalFence } from "./globalFence.ts"
import { globalPrefix } from "./globalKeys.ts"

export type LeaderFailure = CoordinationError | NotLeader

/** What the leader does at the global store besides copying, each time that it answers. */
export type GlobalDuty = (fence: Condition) => Effect.Effect<void, LeaderFailure>

export interface FollowOptions {
  /** Of the region's keys: `/sonde/REGION/`. */
  readonly prefix: string
  readonly region: string
  readonly server: string
  readonly global: Coordination["Service"]
  /** In the leader's name, in the region's store. */
  readonly commit: LeaderCommit<LeaderFailure>
  /** Whether the region's store says that this server leads. */
  readonly leads: Effect.Effect<boolean, CoordinationError>
  /** This region as others see it: key behind `globalPrefix` and text. */
  readonly announcement: () => { readonly key: string; readonly value: string }
  readonly duties: Effect.Effect<ReadonlyArray<GlobalDuty>, CoordinationError, Coordination | Scope.Scope>
  readonly beatMs?: number
}

const defaultBeatMs = 10_000
const retryMs = 1_000
const storeKey = `${globalPrefix}store`

/** The name of the global store, made by whoever comes first, and its newest revision. */
const greet = (global: Coordination["Service"]) =>
  Effect.gen(function* () {
    yield* global.commit({
      when: [{ key: storeKey, is: "absent" }],
      writes: [{ put: storeKey, value: randomUUID() }],
    })
    const { entries, revision } = yield* global.list(storeKey)
    return { store: entries[0]?.value ?? "", newest: revision }
  })

/** Ends with the leadership only. */
export const followGlobal = (options: FollowOptions): Effect.Effect<never, LeaderFailure, Coordination> =>
  Effect.gen(function* () {
    const own = yield* Coordination
    const { commit, global, prefix, region } = options
    const duties = yield* options.duties
    const copies = new CopyWriter(own, global, prefix, commit)
    yield* exposeStats("controller_global", () => ({
      copied_total: copies.counters.copied,
      removed_total: copies.counters.removed,
      lists_total: copies.counters.listed,
      revision: copies.revision,
    }))

    let told = ""
    /** Says why it does not answer, in the log once and in the region's store for whoever asks. */
    const troubled = Effect.fnUntraced(function* (message: string) {
      if (told === "") yield* Effect.logWarning(`cut off from other regions: ${message}`)
      told = message
      yield* copies.note({ problem: message })
    })

    let fence: Condition | undefined
    /** Opened when the watch may be of a store that is no longer there. */
    const anew = yield* Latch.make(false)
    const beat = Effect.gen(function* () {
      const mark = fence ?? (yield* takeGlobalFence(global, region, options.server, options.leads))
      fence = mark
      const { key, value } = options.announcement()
      const { isDone } = yield* global.commit({
        when: [mark],
        writes: [{ put: globalPrefix + key, value }],
      })
      if (!isDone) {
        // Another took the mark, or the global store was made anew.
        fence = undefined
        anew.openUnsafe()
        return
      }
      if (told !== "") yield* Effect.logInfo("the global store answers again")
      told = ""
      yield* copies.note({ contactMs: yield* Clock.currentTimeMillis })
      for (const duty of duties) yield* duty(mark)
    })

    const isPassing = (failure: LeaderFailure): failure is CoordinationError =>
      failure._tag === "CoordinationError"

    const beats = Effect.gen(function* () {
      while (true) {
        const outcome = yield* Effect.result(beat)
        if (Result.isFailure(outcome)) {
          if (!isPassing(outcome.failure)) return yield* outcome.failure
          yield* troubled(outcome.failure.message)
        }
        yield* Effect.sleep(fence === undefined ? retryMs : (options.beatMs ?? defaultBeatMs))
      }
    })

    /** From the last note, or from a list, until the watch ends. */
    const once = Effect.gen(function* () {
      anew.closeUnsafe()
      const { newest, store } = yield* greet(global)
      const resumed = yield* copies.resume(store, newest)
      if (resumed === "anew") {
        const restored = yield* copies.restore()
        yield* Effect.logWarning(
          `the global store was made anew: ${restored} keys of shared settings were given back to it`,
        )
      }
      if (resumed !== "goes on") yield* copies.list()
      const watched = yield* Effect.result(
        Effect.raceFirst(
          Stream.runForEach(global.watch(globalPrefix, copies.revision), (changes) => copies.take(changes)),
          anew.await,
        ),
      )
      if (Result.isSuccess(watched)) return
      if (!isPassing(watched.failure) || watched.failure.reason !== "refused") return yield* watched.failure
      yield* Effect.logInfo(`what regions share is listed again: ${watched.failure.message}`)
      yield* copies.list()
    })
    const follow = Effect.gen(function* () {
      while (true) {
        const outcome = yield* Effect.result(once)
        if (Result.isFailure(outcome)) {
          if (!isPassing(outcome.failure)) return yield* outcome.failure
          yield* troubled(outcome.failure.message)
        }
        yield* Effect.sleep(retryMs)
      }
    })
    return yield* Effect.raceFirst(beats, follow)
  }).pipe(Effect.scoped)
