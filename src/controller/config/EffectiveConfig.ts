// What an agent is to run with, from the layers, its group and staged changes as this server's copies have them just now. Agents for
// which the same versions count share one answer.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { type AgentValues, agentValuesDigest } from "../../runtime/agentValues.ts"
import type { AgentTraits } from "./AgentGroup.ts"
import { AgentGroups } from "./AgentGroups.ts"
import { ConfigStore, type LiveLayer } from "./ConfigStore.ts"
import { type Layer as SettingsLayer, layersOf, mergeLayers } from "./layers.ts"
import { isIncluded } from "./rolloutState.ts"
import { stableHash } from "./stableHash.ts"

export interface Effective {
  /** Grows whenever layers or groups change; 0: no layer was ever set. Equal values need not have equal versions. */
  readonly version: number
  /** Of the values; empty: nothing is set. */
  readonly digest: string
  readonly values: AgentValues
  /** By path: the layer that decided ("group/edge"). */
  readonly origins: Readonly<Record<string, string>>
}

export class EffectiveConfig extends Context.Service<
  EffectiveConfig,
  {
    readonly of: (agent: AgentTraits) => Effective
    /** One element whenever what agents are to run with may have changed. */
    readonly changes: Stream.Stream<unknown>
  }
>()("sonde/controller/EffectiveConfig") {
  static readonly layer: Layer.Layer<EffectiveConfig, never, ConfigStore | AgentGroups> = Layer.effect(
    EffectiveConfig,
    Effect.gen(function* () {
      const store = yield* ConfigStore
      const groups = yield* AgentGroups
      const answers = new Map<string, Effective>()
      return {
        of: (agent: AgentTraits): Effective => {
          const hash = stableHash(agent.id)
          const layers: Array<SettingsLayer> = []
          let newest = 0
          let name = ""
          for (const ref of layersOf(agent.id, groups.groupOf(agent))) {
            const live = store.live(ref)
            if (live === undefined) continue
            const { revision, values } = contentFor(live, hash)
            newest = Math.max(newest, revision)
            if (Object.keys(values).length === 0) continue
            layers.push({ ref, values })
            name += `${ref.layer} ${ref.name} ${revision} `
          }
          const version = newest === 0 ? 0 : Math.max(newest, groups.revision())
          name += String(version)
          const known = answers.get(name)
          if (known !== undefined) return known
          const merged = mergeLayers(layers)
          const effective = { ...merged, version, digest: agentValuesDigest(merged.values) }
          if (answers.size >= answersMost) answers.clear()
          answers.set(name, effective)
          return effective
        },
        changes: Stream.mergeAll([store.changes, groups.changes], { concurrency: 2 }),
      }
    }),
  )
}

const answersMost = 4_096

/** A staged version counts for an agent once it is its turn; until then, what was before. */
export const contentFor = (
  { revision, rollout, version }: LiveLayer,
  hash: number,
): { readonly values: AgentValues; readonly revision: number } => {
  const { before } = version
  if (before === undefined) return { values: version.values, revision }
  if (rollout?.to === version.version && isIncluded(rollout, hash))
    return { values: version.values, revision }
  return before
}
