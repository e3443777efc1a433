// What this region shares, as the configuration says: the global store and the directory of regions, or neither.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SondeConfig } from "../../runtime/configSchema.ts"
import type { Coordination, CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { makeCoordinationEtcd } from "../../runtime/coordination/etcd.ts"
import type { OtherRegion } from "../../runtime/otherRegions.ts"
import { etcdOptionsOf } from "../membership/etcdOptionsOf.ts"
import { Region } from "../membership/Region.ts"
import { GlobalStore, makeGlobalStore } from "./GlobalStore.ts"
import { Identities, makeIdentities } from "./Identities.ts"
import { makeRegionDirectory, RegionDirectory, type RegionDirectoryService } from "./RegionDirectory.ts"

/** Regions may be far from each other. */
const callMs = 3_000
const patienceMs = 6_000

/** Provides `GlobalStore`, `RegionDirectory` and `Identities`, which are undefined without it. */
export const sharing = ({
  cluster,
}: SondeConfig): Layer.Layer<never, CoordinationError, Coordination | Region> =>
  cluster.global.length === 0
    ? Layer.empty
    : Layer.unwrap(
        Effect.gen(function* () {
          const { name, prefix } = yield* Region
          const configured = {
            endpoints: cluster.global,
            user: cluster.globalUser,
            password: cluster.globalPassword,
            ca: cluster.globalCa,
          }
          const options = yield* etcdOptionsOf(configured, "cluster.globalCa")
          const store = makeCoordinationEtcd({ ...options, callMs, patienceMs }, "coordination_global")
          return Layer.mergeAll(
            Layer.effect(
              GlobalStore,
              Effect.flatMap(store, (reached) => makeGlobalStore(prefix, reached)),
            ),
            Layer.effect(RegionDirectory, makeRegionDirectory(prefix, name)),
            Layer.effect(Identities, makeIdentities(prefix, name)),
          )
        }),
      )

/** Regions to ask: those of the configuration, and those of the directory that say where. */
export const regionsToAsk = (
  configured: ReadonlyArray<OtherRegion>,
  directory: RegionDirectoryService | undefined,
): ReadonlyArray<OtherRegion> => {
  const known = new Set(configured.map(({ name }) => name))
  const told = (directory?.others() ?? []).flatMap(({ http, httpAuthority, name }) =>
    known.has(name) || http[0] === undefined ? [] : [{ name, url: http[0], ca: httpAuthority }],
  )
  return [...configured, ...told]
}
