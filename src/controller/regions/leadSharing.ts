// What the leader of a region that shares does, put together: copies down, this region's word up.

import * as Effect from "effect/Effect"
import { Coordination, type CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { fencedCommit, whileLeading } from "../membership/leading.ts"
import type { Membership } from "../membership/Membership.ts"
import type { LeaderCommit } from "../placement/commitEach.ts"
import { followGlobal, type LeaderFailure } from "./followGlobal.ts"
import type { GlobalStoreService } from "./GlobalStore.ts"
import { joinGlobal } from "./joinGlobal.ts"
import { pushIdentities } from "./pushIdentities.ts"
import { pushRevocations } from "./pushRevocations.ts"
import type { RegionRecord } from "./RegionRecord.ts"

export interface SharingOptions {
  /** Of the region's keys: `/sonde/REGION/`. */
  readonly prefix: string
  readonly region: string
  readonly membership: Membership["Service"]
  readonly global: GlobalStoreService
  readonly record: () => RegionRecord
  readonly beatMs?: number
}

/** Runs whenever this server leads; never ends. */
export const leadSharing = (options: SharingOptions): Effect.Effect<never, never, Coordination> =>
  Effect.gen(function* () {
    const own = yield* Coordination
    const { membership, prefix, region } = options
    const global = options.global.coordination
    const commit: LeaderCommit<LeaderFailure> = (transaction) =>
      Effect.provideService(fencedCommit(membership, prefix)(transaction), Coordination, own)
    const server = membership.self().id
    const leads: Effect.Effect<boolean, CoordinationError> = Effect.map(
      own.get(`${prefix}leader/${server}`),
      (mark) => membership.leadership().isMine && mark?.created === membership.leadership().fence,
    )
    const work = { prefix, region, global, commit }
    const duties = Effect.all([joinGlobal(work), pushIdentities(work), pushRevocations(work)])
    return yield* whileLeading(
      membership,
      "controller/leader/regions",
      followGlobal({
        prefix,
        region,
        server,
        global,
        commit,
        leads,
        duties,
        announcement: () => ({ key: `region/${region}`, value: JSON.stringify(options.record()) }),
        ...(options.beatMs === undefined ? {} : { beatMs: options.beatMs }),
      }),
    )
  })
