// Only the leader of a region writes to the global store in the region's name. The two stores know nothing of each other, so the leader
// leaves a mark in the global one, and its writes there carry the condition that the mark is still its own.

import * as Effect from "effect/Effect"
import type { Condition, Coordination, CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { unchanged } from "../config/LayerVersion.ts"
import { NotLeader } from "../membership/leading.ts"
import { globalPrefix } from "./globalKeys.ts"

const attemptsMost = 8

/**
 * Takes the mark of the region. `leads` asks the region's store whether this server leads: between reading the mark and writing it, so
 * that a leader of the past that wakes here either finds out, or finds the mark changed.
 */
export const takeGlobalFence = <E>(
  global: Coordination["Service"],
  region: string,
  server: string,
  leads: Effect.Effect<boolean, E>,
): Effect.Effect<Condition, E | CoordinationError | NotLeader> =>
  Effect.gen(function* () {
    const key = `${globalPrefix}fence/${region}`
    for (let attempt = 0; attempt < attemptsMost; attempt++) {
      const mark = yield* global.get(key)
      if (!(yield* leads)) break
      const { isDone, revision } = yield* global.commit({
        when: [unchanged(key, mark)],
        writes: [{ put: key, value: JSON.stringify({ server }) }],
      })
      if (isDone) return { key, is: "modified", at: revision }
    }
    return yield* new NotLeader({ message: `another server speaks for region ${region} in the global store` })
  })
