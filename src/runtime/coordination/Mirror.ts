// A live copy of all keys under a prefix, in this process: there once the first list is in, kept by a watch, listed anew when the
// store no longer has the changes in between.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as PubSub from "effect/PubSub"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Change,
  Coordination,
  type CoordinationError,
  type Entry,
  type Revision,
} from "./Coordination.ts"

/** Batches that may wait at one reader of `changes`; the oldest give way, since the copy itself is what counts. */
const changesMost = 1_024
const retryMs = 500
const logEveryMs = 60_000

export interface Mirror {
  readonly entries: () => ReadonlyMap<string, Entry>
  readonly get: (key: string) => Entry | undefined
  /** Up to which the copy is complete. */
  readonly revision: () => Revision
  /** What changed from now on; after a new list, everything that differs. */
  readonly changes: Stream.Stream<ReadonlyArray<Change>>
}

/** `took` is called in the same step in which the copy changes, first with all that there is: for sums that must not miss one. */
export const makeMirror = (
  prefix: string,
  took: (changes: ReadonlyArray<Change>, revision: Revision) => void = () => {},
): Effect.Effect<Mirror, CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const coordination = yield* Coordination
    const pubsub = yield* PubSub.sliding<ReadonlyArray<Change>>(changesMost)
    let entries = new Map<string, Entry>()
    let revision: Revision = 0

    const take = (changes: ReadonlyArray<Change>): void => {
      for (const change of changes) {
        if (change.kind === "put") {
          entries.set(change.entry.key, change.entry)
          revision = Math.max(revision, change.entry.modified)
        } else {
          entries.delete(change.key)
          revision = Math.max(revision, change.revision)
        }
      }
      took(changes, revision)
      PubSub.publishUnsafe(pubsub, changes)
    }

    const list = Effect.gen(function* () {
      const found = yield* coordination.list(prefix)
      const fresh = new Map(found.entries.map((entry) => [entry.key, entry]))
      const differences: Array<Change> = []
      for (const entry of found.entries) {
        if (entries.get(entry.key)?.modified !== entry.modified) differences.push({ kind: "put", entry })
      }
      for (const key of entries.keys()) {
        if (!fresh.has(key)) differences.push({ kind: "removed", key, revision: found.revision })
      }
      entries = fresh
      revision = found.revision
      took(differences, revision)
      if (differences.length > 0) PubSub.publishUnsafe(pubsub, differences)
    })

    yield* list

    let toldMs = Number.NEGATIVE_INFINITY
    const tell = Effect.fnUntraced(function* (message: string) {
      const nowMs = yield* Clock.currentTimeMillis
      if (nowMs - toldMs < logEveryMs) return
      toldMs = nowMs
      yield* Effect.logWarning(message)
    })

    const follow = Effect.gen(function* () {
      while (true) {
        const watched = yield* Effect.result(
          Stream.runForEach(coordination.watch(prefix, revision), (changes) =>
            Effect.sync(() => take(changes)),
          ),
        )
        const why = Result.isFailure(watched) ? watched.failure.message : "the watch ended"
        yield* tell(`${prefix} is listed again: ${why}`)
        while (true) {
          const listed = yield* Effect.result(list)
          if (Result.isSuccess(listed)) break
          yield* tell(`${prefix} cannot be listed and is not followed: ${listed.failure.message}`)
          yield* Effect.sleep(retryMs)
        }
      }
    })
    yield* Effect.forkScoped(follow)

    return {
      entries: () => entries,
      get: (key) => entries.get(key),
      revision: () => revision,
      changes: Stream.fromPubSub(pubsub),
    }
  })
