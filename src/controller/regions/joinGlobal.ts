// A region that begins to share had a layer `default` of its own. The first region's becomes that of all; what another region's sets
// otherwise goes to its layer `region`. Either way what it had set for its agents stays in force.

import { randomBytes } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { AgentValues } from "../../runtime/agentValues.ts"
import { Coordination } from "../../runtime/coordination/Coordination.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import {
  configKeyOf,
  decodeRollout,
  decodeVersion,
  emptyVersion,
  rolloutKeyOf,
  unchanged,
  writesOf,
} from "../config/LayerVersion.ts"
import { isActive } from "../config/rolloutState.ts"
import type { LeaderCommit } from "../placement/commitEach.ts"
import type { GlobalDuty, LeaderFailure } from "./followGlobal.ts"
import { decodeCopy, globalPrefix, settingsCopy } from "./globalKeys.ts"

const byDefault: LayerRef = { layer: "default", name: "-" }
const ofRegion: LayerRef = { layer: "region", name: "-" }

export interface JoinOptions {
  readonly prefix: string
  readonly region: string
  readonly global: Coordination["Service"]
  readonly commit: LeaderCommit<LeaderFailure>
}

/** What the region's default layer sets and neither its region layer nor the shared layer says just so. */
const kept = (own: AgentValues, region: AgentValues, shared: AgentValues): AgentValues => ({
  ...Object.fromEntries(
    Object.entries(own).filter(([path, value]) => JSON.stringify(shared[path]) !== JSON.stringify(value)),
  ),
  ...region,
})

export const joinGlobal = ({
  commit,
  global,
  prefix,
  region,
}: JoinOptions): Effect.Effect<GlobalDuty, never, Coordination> =>
  Effect.map(
    Coordination,
    (own): GlobalDuty =>
      (fence) =>
        Effect.gen(function* () {
          const key = prefix + configKeyOf(byDefault)
          const entry = yield* own.get(key)
          const version = decodeVersion(entry)
          if (version === undefined) return
          for (const ref of [byDefault, ofRegion]) {
            const rollout = decodeRollout(yield* own.get(prefix + rolloutKeyOf(ref)))
            // It ends first, one way or the other.
            if (rollout !== undefined && isActive(rollout)) return
          }
          const note = {
            author: `region ${region}`,
            changedMs: yield* Clock.currentTimeMillis,
            write: randomBytes(8).toString("hex"),
          }
          const sharedKey = configKeyOf(byDefault)
          if ((yield* global.get(globalPrefix + sharedKey)) === undefined) {
            const first = {
              ...note,
              version: 1,
              values: version.values,
              comment: `the default layer of region ${region}, its version ${version.version}`,
            }
            yield* global.commit({
              when: [fence, { key: globalPrefix + sharedKey, is: "absent" }],
              writes: writesOf(globalPrefix, byDefault, first),
            })
          }
          const copied = decodeCopy(yield* own.get(prefix + settingsCopy + sharedKey))
          // It is on its way: at the next beat.
          if (copied === undefined) return
          const shared = decodeVersion({ key: sharedKey, value: copied.value, created: 0, modified: 0 })
          const regionKey = prefix + configKeyOf(ofRegion)
          const regionEntry = yield* own.get(regionKey)
          const before = decodeVersion(regionEntry) ?? emptyVersion
          const values = kept(version.values, before.values, shared?.values ?? {})
          const isSame = JSON.stringify(values) === JSON.stringify(before.values)
          const isDone = yield* commit({
            when: [unchanged(key, entry), unchanged(regionKey, regionEntry)],
            writes: [
              { remove: key },
              ...(isSame
                ? []
                : writesOf(prefix, ofRegion, {
                    ...note,
                    version: before.version + 1,
                    values,
                    comment:
                      "what the region's own default layer set, when it began to share that of all regions",
                  })),
            ],
          })
          if (isDone && !isSame)
            yield* Effect.logWarning(
              "the region's own default layer is now part of its region layer: sonde admin config get region",
            )
        }),
  )
