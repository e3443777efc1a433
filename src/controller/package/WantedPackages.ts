// Which packages an agent is to have: versions by name in the layer `packages/GROUP`, which has versions, history and staged roll-outs
// like settings. A group whose layer nobody ever set wants nothing to change on its agents.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { PackageOffer } from "../agents/AgentSession.ts"
import type { AgentTraits } from "../config/AgentGroup.ts"
import { AgentGroups } from "../config/AgentGroups.ts"
import type { AgentReport } from "../config/AgentReports.ts"
import { ConfigStore, type LiveLayer } from "../config/ConfigStore.ts"
import { contentFor } from "../config/EffectiveConfig.ts"
import { isActive } from "../config/rolloutState.ts"
import { stableHash } from "../config/stableHash.ts"
import { Packages } from "./Packages.ts"

export interface Wanted {
  /** All that the agent is to have. */
  readonly names: ReadonlyArray<string>
  /** Those of them that are stored. */
  readonly offers: ReadonlyArray<PackageOffer>
}

export class WantedPackages extends Context.Service<
  WantedPackages,
  {
    /** Undefined: nobody ever said. */
    readonly of: (agent: AgentTraits) => Wanted | undefined
    /** It has what it is to have and nothing else. */
    readonly isApplied: (agent: AgentTraits, report: AgentReport | undefined) => boolean
    /** Groups that are to have this version. */
    readonly usersOf: (name: string, version: string) => ReadonlyArray<string>
    /** Those, and groups that go back to it should their roll-out fail. */
    readonly keepersOf: (name: string, version: string) => ReadonlyArray<string>
  }
>()("sonde/controller/WantedPackages") {
  static readonly layer: Layer.Layer<WantedPackages, never, AgentGroups | ConfigStore | Packages> =
    Layer.effect(
      WantedPackages,
      Effect.gen(function* () {
        const groups = yield* AgentGroups
        const packages = yield* Packages
        const store = yield* ConfigStore

        const of = (agent: AgentTraits): Wanted | undefined => {
          const live = store.live({ layer: "packages", name: groups.groupOf(agent) })
          if (live === undefined) return undefined
          const { revision, values } = contentFor(live, stableHash(agent.id))
          const offers = Object.entries(values).flatMap(([name, version]): ReadonlyArray<PackageOffer> => {
            const found = packages.get(name, String(version))
            if (found === undefined) return []
            const { bytes, digest, kind, signature } = found
            return [
              {
                _tag: "Package",
                kind,
                name,
                version: found.version,
                digest,
                bytes,
                signature,
                order: revision,
              },
            ]
          })
          return { names: Object.keys(values), offers }
        }

        const groupsWhere = (isSo: (live: LiveLayer) => boolean): ReadonlyArray<string> =>
          store.list().flatMap((ref) => {
            const live = ref.layer === "packages" ? store.live(ref) : undefined
            return live !== undefined && isSo(live) ? [ref.name] : []
          })

        return {
          of,
          isApplied: (agent, report) => {
            const wanted = of(agent)
            const has = report?.packages ?? {}
            return (
              wanted === undefined ||
              (wanted.offers.length === wanted.names.length &&
                wanted.offers.every(({ digest, name }) => has[name] === digest) &&
                Object.keys(has).every((name) => wanted.names.includes(name)))
            )
          },
          usersOf: (name, version) => groupsWhere(({ version: { values } }) => values[name] === version),
          keepersOf: (name, version) =>
            groupsWhere(
              ({ rollout, version: { before, values } }) =>
                values[name] === version ||
                (rollout !== undefined && isActive(rollout) && before?.values[name] === version),
            ),
        }
      }),
    )
}
