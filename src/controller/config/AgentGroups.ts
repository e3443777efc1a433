// The groups of the region: a live copy of `group/` in the store and of those that all regions share, and the ways to change them. A
// group of the region hides a shared one of its name.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import {
  type Change,
  Coordination,
  type CoordinationError,
  type Revision,
} from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import { globalPrefix } from "../regions/globalKeys.ts"
import { GlobalStore, homeOf } from "../regions/GlobalStore.ts"
import { AgentGroup, type AgentTraits, groupOf, groupProblems, inOrder } from "./AgentGroup.ts"
import { ConfigConflict, ConfigInvalid, ConfigNotFound } from "./failures.ts"
import {
  configKeyOf,
  decodeRollout,
  decodeVersion,
  rolloutKeyOf,
  unchanged,
  writesOf,
} from "./LayerVersion.ts"
import { isActive } from "./rolloutState.ts"

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(AgentGroup))

const groupsMost = 1_000

export class AgentGroups extends Context.Service<
  AgentGroups,
  {
    /** In the order in which they decide. */
    readonly list: () => ReadonlyArray<AgentGroup>
    readonly groupOf: (agent: AgentTraits) => string
    readonly set: (group: AgentGroup) => Effect.Effect<void, ConfigInvalid | CoordinationError>
    /** Takes its settings with it; they stay in the history. */
    readonly remove: (
      name: string,
      by: string,
    ) => Effect.Effect<void, ConfigNotFound | ConfigConflict | CoordinationError>
    /** In which groups changed last. */
    readonly revision: () => Revision
    readonly changes: Stream.Stream<ReadonlyArray<Change>>
  }
>()("sonde/controller/AgentGroups") {
  /** `prefix` of all keys: `/sonde/REGION/`. */
  static readonly layer = (prefix: string): Layer.Layer<AgentGroups, CoordinationError, Coordination> =>
    Layer.effect(AgentGroups, make(prefix))
}

const make = (
  prefix: string,
): Effect.Effect<AgentGroups["Service"], CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const own = { coordination: yield* Coordination, prefix }
    const global = yield* GlobalStore
    // `group-removed` belongs to it: without it, the newest revision would fall when a group goes.
    const mirror = yield* makeMirror(`${prefix}group`)
    const groups = `${prefix}group/`
    let sorted: ReadonlyArray<AgentGroup> = []
    let newest: Revision = 0
    let readAt: Revision = -1
    let sharedReadAt: Revision = -1

    const refresh = (): void => {
      const sharedAt = global?.settings.revision() ?? 0
      if (mirror.revision() === readAt && sharedAt === sharedReadAt) return
      readAt = mirror.revision()
      sharedReadAt = sharedAt
      const all: Array<AgentGroup> = []
      newest = 0
      for (const { key, modified, value } of mirror.entries().values()) {
        newest = Math.max(newest, modified)
        if (key.startsWith(groups)) all.push(...Option.toArray(decode(value)))
      }
      for (const key of global?.settings.keys() ?? []) {
        if (!key.startsWith("group")) continue
        const entry = global!.settings.get(key)!
        newest = Math.max(newest, entry.modified)
        if (key.startsWith("group/") && mirror.get(prefix + key) === undefined)
          all.push(...Option.toArray(decode(entry.value)).map((group) => ({ ...group, isGlobal: true })))
      }
      sorted = inOrder(all)
    }
    const list = (): ReadonlyArray<AgentGroup> => {
      refresh()
      return sorted
    }

    return {
      list,
      groupOf: (agent) => groupOf(list(), agent),
      revision: () => {
        refresh()
        return newest
      },
      changes:
        global === undefined
          ? mirror.changes
          : Stream.mergeAll([mirror.changes, global.settings.changes], { concurrency: 2 }),
      set: ({ isGlobal = false, ...group }) =>
        Effect.gen(function* () {
          const problems = [...groupProblems(group)]
          if (list().length >= groupsMost && !list().some(({ name }) => name === group.name))
            problems.push(`there are ${groupsMost} groups already, which are the most`)
          const known = list().find(({ name }) => name === group.name)
          if (isGlobal && global === undefined)
            problems.push("this region shares nothing with others (cluster.global is not set)")
          if (known !== undefined && (known.isGlobal ?? false) !== isGlobal) {
            problems.push(
              isGlobal
                ? `${group.name} is a group of this region already: remove it first, or choose another name`
                : `${group.name} is a group of all regions: change it with --global, or choose another name`,
            )
          }
          if (problems.length > 0) return yield* new ConfigInvalid({ problems })
          const value = JSON.stringify(group)
          if (!isGlobal || global === undefined)
            return yield* Effect.asVoid(
              own.coordination.commit({ writes: [{ put: groups + group.name, value }] }),
            )
          const key = `group/${group.name}`
          yield* global.coordination.commit({ writes: [{ put: globalPrefix + key, value }] })
          // Its layer is that of all regions as soon as this server knows so.
          const isSeen = Effect.gen(function* () {
            while (global.settings.get(key)?.value !== value) yield* Effect.sleep(20)
          })
          yield* Effect.timeoutOption(isSeen, "5 seconds")
        }),
      remove: (name, by) =>
        Effect.gen(function* () {
          const ref: LayerRef = { layer: "group", name }
          const { coordination, prefix } = homeOf(ref, own, global)
          const key = `${prefix}group/${name}`
          const group = yield* coordination.get(key)
          if (group === undefined) return yield* new ConfigNotFound({ message: `there is no group ${name}` })
          const configKey = prefix + configKeyOf(ref)
          const rolloutKey = prefix + rolloutKeyOf(ref)
          const rolloutEntry = yield* coordination.get(rolloutKey)
          const configEntry = yield* coordination.get(configKey)
          const version = decodeVersion(configEntry)
          const conflict = (message: string, next: string) =>
            new ConfigConflict({
              message,
              next,
              version: version?.version ?? 0,
              author: version?.author ?? "",
              changedMs: version?.changedMs ?? 0,
            })
          const rollout = decodeRollout(rolloutEntry)
          if (rollout !== undefined && isActive(rollout))
            return yield* conflict(
              `a change of group ${name} is being rolled out`,
              `wait until it is done, or give it up: sonde admin config rollout abort group/${name}`,
            )
          const emptied =
            version === undefined || Object.keys(version.values).length === 0
              ? []
              : writesOf(prefix, ref, {
                  version: version.version + 1,
                  values: {},
                  author: by,
                  comment: "the group was removed",
                  changedMs: yield* Clock.currentTimeMillis,
                  write: "",
                })
          const { isDone } = yield* coordination.commit({
            when: [
              unchanged(key, group),
              unchanged(configKey, configEntry),
              unchanged(rolloutKey, rolloutEntry),
            ],
            writes: [
              { remove: key },
              { put: `${prefix}group-removed`, value: JSON.stringify(name) },
              ...emptied,
            ],
          })
          if (!isDone)
            return yield* conflict(`group ${name} was changed meanwhile`, "look again, and remove it again")
        }),
    }
  })
