// Takes a region that is gone for good out of what all share: its word, its mark, what it revoked, and the names of its agents, which
// are free again.

import * as Effect from "effect/Effect"
import type { Coordination, CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { type Change, commitEach } from "../placement/commitEach.ts"
import { globalPrefix } from "./globalKeys.ts"
import { regionOfIdentity } from "./Identity.ts"

/** Gives how many names are free again. */
export const forgetRegion = (
  global: Coordination["Service"],
  region: string,
): Effect.Effect<number, CoordinationError> =>
  Effect.gen(function* () {
    const identities = (yield* global.list(`${globalPrefix}identity/`)).entries.filter(
      ({ value }) => regionOfIdentity(value) === region,
    )
    const conflicts = (yield* global.list(`${globalPrefix}conflict/`)).entries.filter(({ key }) =>
      key.endsWith(`/${region}`),
    )
    const revocations = (yield* global.list(`${globalPrefix}revoked/`)).entries.filter(({ key }) =>
      key.endsWith(`/${region}`),
    )
    const changes: ReadonlyArray<Change> = [
      ...[...identities, ...conflicts, ...revocations].map(({ key, modified }): Change => ({
        when: [{ key, is: "modified", at: modified }],
        write: { remove: key },
      })),
      // Last, so that a second try finds what the first has left.
      { when: [], write: { remove: `${globalPrefix}fence/${region}` } },
      { when: [], write: { remove: `${globalPrefix}region/${region}` } },
    ]
    yield* commitEach(changes, (transaction) =>
      Effect.map(global.commit(transaction), ({ isDone }) => isDone),
    )
    return identities.length
  })
