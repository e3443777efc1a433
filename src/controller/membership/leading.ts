// Work that only the leader does, and writes that only a leader's transaction makes. Whoever was stopped for a while and wakes finds
// its deadline passed before it acts, and its writes refused by the store should it act all the same.

import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import {
  type Condition,
  Coordination,
  type CoordinationError,
  type Write,
} from "../../runtime/coordination/Coordination.ts"
import { supervise } from "../../runtime/supervise.ts"
import type { Membership } from "./Membership.ts"

export class NotLeader extends Data.TaggedError("NotLeader")<{ readonly message: string }> {}

/** How often the deadline is looked at while work runs. */
const lookMs = 50

/** Ends when this server leads. */
const leads = (membership: Membership["Service"]): Effect.Effect<void> =>
  Effect.gen(function* () {
    if (membership.leadership().isMine) return
    yield* membership.changes.pipe(
      Stream.filter(() => membership.leadership().isMine),
      Stream.take(1),
      Stream.runDrain,
      // A change between the look and the subscription would be missed.
      Effect.raceFirst(
        Effect.gen(function* () {
          while (!membership.leadership().isMine) yield* Effect.sleep(lookMs * 4)
        }),
      ),
    )
  })

/** Ends when this server no longer leads, at its own deadline at the latest. */
const leadsNoMore = (membership: Membership["Service"], fence: number): Effect.Effect<void> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    while (true) {
      const { fence: now, isMine } = membership.leadership()
      if (!isMine || now !== fence) return
      const leftMs = (membership.lease()?.heldUntilMs() ?? 0) - Number(clock.monotonicTimeNanosUnsafe()) / 1e6
      yield* Effect.sleep(Math.min(lookMs, Math.max(1, leftMs)))
    }
  })

/** Runs `work` whenever this server leads, supervised under `path`; never ends. */
export const whileLeading = <A, E, R>(
  membership: Membership["Service"],
  path: string,
  work: Effect.Effect<A, E, R>,
): Effect.Effect<never, never, R> =>
  Effect.gen(function* () {
    while (true) {
      yield* leads(membership)
      const { fence } = membership.leadership()
      yield* Effect.raceFirst(
        Effect.andThen(supervise(path)(work), Effect.never),
        leadsNoMore(membership, fence),
      )
    }
  })

/**
 * Commits in the leader's name: refused when another leads, whatever this server believes. Each leaves who led at `acted`, so that
 * the store's history tells whether a leader of the past ever wrote.
 */
export const fencedCommit =
  (membership: Membership["Service"], prefix: string) =>
  (transaction: {
    readonly when?: ReadonlyArray<Condition>
    readonly writes: ReadonlyArray<Write>
  }): Effect.Effect<boolean, CoordinationError | NotLeader, Coordination> =>
    Effect.gen(function* () {
      const coordination = yield* Coordination
      const { fence, isMine, leader } = membership.leadership()
      if (!isMine) {
        return yield* new NotLeader({
          message: leader === "" ? "nobody leads just now" : `server ${leader} leads`,
        })
      }
      const key = `${prefix}leader/${membership.self().id}`
      const { isDone } = yield* coordination.commit({
        when: [{ key, is: "created", at: fence }, ...(transaction.when ?? [])],
        writes: [
          ...transaction.writes,
          { put: `${prefix}acted`, value: JSON.stringify({ server: membership.self().id, fence }) },
        ],
      })
      if (isDone) return true
      const still = yield* coordination.get(key)
      if (still?.created !== fence)
        return yield* new NotLeader({ message: "another server leads now; nothing was written" })
      return false
    })
