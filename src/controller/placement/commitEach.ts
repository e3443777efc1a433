// Many small changes in few transactions, each under conditions of its own: where those of one do not hold, the others happen all
// the same.

import * as Effect from "effect/Effect"
import { type Condition, type Write, writesMost } from "../../runtime/coordination/Coordination.ts"

/** A transaction with the leader's fence added; false: a condition did not hold. */
export type LeaderCommit<E> = (transaction: {
  readonly when: ReadonlyArray<Condition>
  readonly writes: ReadonlyArray<Write>
}) => Effect.Effect<boolean, E>

export interface Change {
  readonly when: ReadonlyArray<Condition>
  readonly write: Write
}

/** Conditions that a transaction takes, with room for the fence. */
const conditionsMost = writesMost - 2

const batchesOf = (changes: ReadonlyArray<Change>): ReadonlyArray<ReadonlyArray<Change>> => {
  const batches: Array<Array<Change>> = []
  let conditions = conditionsMost
  for (const change of changes) {
    const size = Math.max(1, change.when.length)
    conditions += size
    if (conditions > conditionsMost) {
      batches.push([])
      conditions = size
    }
    batches.at(-1)!.push(change)
  }
  return batches
}

const commitHalves = <E>(changes: ReadonlyArray<Change>, commit: LeaderCommit<E>): Effect.Effect<number, E> =>
  Effect.gen(function* () {
    const isDone = yield* commit({
      when: changes.flatMap(({ when }) => when),
      writes: changes.map(({ write }) => write),
    })
    if (isDone) return changes.length
    if (changes.length === 1) return 0
    const middle = Math.ceil(changes.length / 2)
    return (
      (yield* commitHalves(changes.slice(0, middle), commit)) +
      (yield* commitHalves(changes.slice(middle), commit))
    )
  })

/** Gives how many happened. */
export const commitEach = <E>(
  changes: ReadonlyArray<Change>,
  commit: LeaderCommit<E>,
): Effect.Effect<number, E> =>
  Effect.gen(function* () {
    let done = 0
    for (const batch of batchesOf(changes)) done += yield* commitHalves(batch, commit)
    return done
  })
