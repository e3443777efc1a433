// Settings of agents by layers, with every version: who changed what, when and why. A change is made from a version and refused when
// another came first; going back is a new version with old content. What agents get of it stands in EffectiveConfig.ts.

import { randomBytes } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type AgentValues, changedValues } from "../../runtime/agentValues.ts"
import {
  type Change,
  Coordination,
  type CoordinationError,
  type Entry,
  type Write,
} from "../../runtime/coordination/Coordination.ts"
import { makeMirror } from "../../runtime/coordination/Mirror.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import { GlobalStore, homeOf } from "../regions/GlobalStore.ts"
import { ConfigConflict, ConfigInvalid, ConfigNotFound } from "./failures.ts"
import { layerName, layerProblem } from "./layers.ts"
import {
  configKeyOf,
  decodeRollout,
  decodeVersion,
  emptyVersion,
  historyKeysOf,
  type LayerVersion,
  liveKeys,
  rolloutKeyOf,
  unchanged,
  writesOf,
} from "./LayerVersion.ts"
import { isActive, type Rollout } from "./rolloutState.ts"
import { changeProblems, layerProblems } from "./validate.ts"

export interface ChangeNote {
  readonly author: string
  readonly comment: string
  /** Version the change was made from; left out: whatever is in force. */
  readonly expected?: number
  /** Makes the roll-out that brings the change to agents in stages; left out: all get it at once. */
  readonly staged?: (change: { readonly from: number; readonly to: number }) => Rollout
}

type ChangeFailure = ConfigInvalid | ConfigConflict | CoordinationError

/** A layer as this server's copy of the store has it. */
export interface LiveLayer {
  readonly version: LayerVersion
  /** Revision in which it was written. */
  readonly revision: number
  readonly rollout: Rollout | undefined
}

export class ConfigStore extends Context.Service<
  ConfigStore,
  {
    /** From the store itself; version 0 when nobody ever changed the layer. */
    readonly get: (
      ref: LayerRef,
      version?: number,
    ) => Effect.Effect<LayerVersion, ConfigInvalid | ConfigNotFound | CoordinationError>
    /** Sets keys; null takes one out. */
    readonly change: (
      ref: LayerRef,
      changes: AgentValues,
      note: ChangeNote,
    ) => Effect.Effect<LayerVersion, ChangeFailure>
    /** Sets exactly these keys. */
    readonly replace: (
      ref: LayerRef,
      values: AgentValues,
      note: ChangeNote,
    ) => Effect.Effect<LayerVersion, ChangeFailure>
    /** Back to the content of an earlier version. */
    readonly rollback: (
      ref: LayerRef,
      version: number,
      note: ChangeNote,
    ) => Effect.Effect<LayerVersion, ChangeFailure | ConfigNotFound>
    /** The newest first. */
    readonly history: (ref: LayerRef) => Effect.Effect<ReadonlyArray<LayerVersion>, CoordinationError>
    /** Layers that were ever changed. */
    readonly list: () => ReadonlyArray<LayerRef>
    /** Undefined: nobody ever changed it. */
    readonly live: (ref: LayerRef) => LiveLayer | undefined
    readonly liveRollouts: () => ReadonlyArray<{ readonly entry: Entry; readonly rollout: Rollout }>
    /** Of layers and roll-outs. */
    readonly changes: Stream.Stream<ReadonlyArray<Change>>
  }
>()("sonde/controller/ConfigStore") {
  /** `prefix` of all keys: `/sonde/REGION/`. */
  static readonly layer = (prefix: string): Layer.Layer<ConfigStore, CoordinationError, Coordination> =>
    Layer.effect(ConfigStore, make(prefix))
}

/** Attempts of a change that may be made from any version, when others change the same layer at the same time. */
const attemptsMost = 16

const conflict = (ref: LayerRef, expected: number, found: LayerVersion) =>
  new ConfigConflict({
    message:
      found.version === 0
        ? `${layerName(ref)}: the change was made from version ${expected}, but nobody ever changed the layer`
        : `${layerName(ref)}: the change was made from version ${expected}, but ${found.author} made version ${found.version} meanwhile (${found.comment === "" ? "no comment" : found.comment})`,
    next: `look at what changed (sonde admin config diff ${layerName(ref)} ${expected}) and make the change again`,
    version: found.version,
    author: found.author,
    changedMs: found.changedMs,
  })

const underWay = (ref: LayerRef, { author, stage, stages, to }: Rollout, found: LayerVersion) =>
  new ConfigConflict({
    message: `${layerName(ref)}: version ${to} by ${author} is being rolled out (stage ${stages[stage]})`,
    next: `wait until it is done, or give it up: sonde admin config rollout abort ${layerName(ref)}`,
    version: found.version,
    author,
    changedMs: found.changedMs,
  })

const unstaged = (ref: LayerRef): string =>
  `${layerName(ref)} is shared by all regions, and stages are those of one region: try the change in a layer of a region first ` +
  "(sonde admin config set region ... --stages), then set it for all without --stages"

/** Decodes an entry once for each revision. */
const remembering = <A>(decode: (entry: Entry | undefined) => A | undefined) => {
  const known = new Map<string, { readonly modified: number; readonly value: A | undefined }>()
  return (key: string, entry: Entry | undefined): A | undefined => {
    if (entry === undefined) {
      known.delete(key)
      return undefined
    }
    const before = known.get(key)
    if (before?.modified === entry.modified) return before.value
    const value = decode(entry)
    known.set(key, { modified: entry.modified, value })
    return value
  }
}

const make = (
  prefix: string,
): Effect.Effect<ConfigStore["Service"], CoordinationError, Coordination | Scope.Scope> =>
  Effect.gen(function* () {
    const own = { coordination: yield* Coordination, prefix }
    const global = yield* GlobalStore
    const mirror = yield* makeMirror(prefix + liveKeys)
    const versionOf = remembering(decodeVersion)
    const rolloutOf = remembering(decodeRollout)
    const configs = `${prefix}config/`
    const sharedConfigs = "config/"
    const rollouts = `${prefix}config-rollout/`

    const check = (ref: LayerRef, problems: ReadonlyArray<string>): Effect.Effect<void, ConfigInvalid> => {
      const wrong = layerProblem(ref)
      const all = wrong === undefined ? problems : [wrong, ...problems]
      return all.length === 0 ? Effect.void : Effect.fail(new ConfigInvalid({ problems: all }))
    }

    const write = (
      ref: LayerRef,
      content: (before: AgentValues) => AgentValues,
      note: ChangeNote,
    ): Effect.Effect<LayerVersion, ChangeFailure> =>
      Effect.gen(function* () {
        const { coordination, prefix } = homeOf(ref, own, global)
        if (note.staged !== undefined && global?.isShared(ref) === true)
          return yield* new ConfigInvalid({ problems: [unstaged(ref)] })
        const key = prefix + configKeyOf(ref)
        const rolloutKey = prefix + rolloutKeyOf(ref)
        const name = randomBytes(8).toString("hex")
        let found = emptyVersion
        for (let attempt = 0; attempt < attemptsMost; attempt++) {
          const rolloutEntry = yield* coordination.get(rolloutKey)
          const entry = yield* coordination.get(key)
          found = decodeVersion(entry) ?? emptyVersion
          if (note.expected !== undefined && note.expected !== found.version)
            return yield* conflict(ref, note.expected, found)
          const rollout = decodeRollout(rolloutEntry)
          if (rollout !== undefined && isActive(rollout)) return yield* underWay(ref, rollout, found)
          const values = content(found.values)
          yield* check(ref, layerProblems(ref, values))
          const staged = note.staged?.({ from: found.version, to: found.version + 1 })
          const next: LayerVersion = {
            version: found.version + 1,
            values,
            author: note.author,
            comment: note.comment,
            changedMs: yield* Clock.currentTimeMillis,
            write: name,
            ...(staged === undefined
              ? {}
              : { before: { values: found.values, revision: entry?.modified ?? 0 } }),
          }
          const writes: ReadonlyArray<Write> = [
            ...writesOf(prefix, ref, next),
            ...(staged === undefined ? [] : [{ put: rolloutKey, value: JSON.stringify(staged) }]),
          ]
          const { isDone } = yield* coordination
            .commit({ when: [unchanged(key, entry), unchanged(rolloutKey, rolloutEntry)], writes })
            .pipe(
              // It may have happened all the same.
              Effect.catchTag("CoordinationError", (failure) =>
                failure.reason !== "unavailable"
                  ? Effect.fail(failure)
                  : Effect.flatMap(coordination.get(key), (again) =>
                      decodeVersion(again)?.write === name
                        ? Effect.succeed({ isDone: true })
                        : Effect.fail(failure),
                    ),
              ),
            )
          if (isDone) return next
        }
        return yield* conflict(ref, note.expected ?? found.version, found)
      })

    const historyEntry = (ref: LayerRef, version: number) =>
      Effect.gen(function* () {
        const { coordination, prefix } = homeOf(ref, own, global)
        const entry = yield* coordination.get(prefix + historyKeysOf(ref) + version)
        const found = decodeVersion(entry)
        if (found === undefined)
          return yield* new ConfigNotFound({
            message: `${layerName(ref)} has no version ${version} any more, or not yet: see sonde admin config history ${layerName(ref)}`,
          })
        return found
      })

    return {
      get: (ref, version) =>
        Effect.gen(function* () {
          yield* check(ref, [])
          if (version !== undefined) return yield* historyEntry(ref, version)
          const { coordination, prefix } = homeOf(ref, own, global)
          const key = configKeyOf(ref)
          const found = coordination.get(prefix + key).pipe(
            // What is in force here is known without the others.
            Effect.catch((failure) =>
              prefix === own.prefix || failure.reason !== "unavailable"
                ? Effect.fail(failure)
                : Effect.succeed(global?.settings.get(key)),
            ),
          )
          return decodeVersion(yield* found) ?? emptyVersion
        }),
      change: (ref, changes, note) =>
        Effect.andThen(
          check(ref, changeProblems(ref, changes)),
          write(ref, (before) => changedValues(before, changes), note),
        ),
      replace: (ref, values, note) =>
        Effect.andThen(
          check(ref, layerProblems(ref, values)),
          write(ref, () => values, note),
        ),
      rollback: (ref, version, note) =>
        Effect.gen(function* () {
          yield* check(ref, [])
          const { values } = version === 0 ? emptyVersion : yield* historyEntry(ref, version)
          const comment = note.comment === "" ? `back to version ${version}` : note.comment
          return yield* write(ref, () => values, { ...note, comment })
        }),
      history: (ref) => {
        const { coordination, prefix } = homeOf(ref, own, global)
        return Effect.map(coordination.list(prefix + historyKeysOf(ref)), ({ entries }) =>
          entries
            .flatMap((entry) => decodeVersion(entry) ?? [])
            .toSorted((one, other) => other.version - one.version),
        )
      },
      list: () => {
        const paths = new Set<string>()
        for (const key of mirror.entries().keys())
          if (key.startsWith(configs)) paths.add(key.slice(configs.length))
        for (const key of global?.settings.keys() ?? [])
          if (key.startsWith(sharedConfigs)) paths.add(key.slice(sharedConfigs.length))
        return [...paths].toSorted().map((path) => {
          const [layer, name] = path.split("/")
          return { layer: layer as LayerRef["layer"], name: name ?? "-" }
        })
      },
      live: (ref) => {
        const key = prefix + configKeyOf(ref)
        // What the region had for itself holds until the leader has brought it together with what all share (joinGlobal.ts).
        if (global?.isShared(ref) === true && mirror.get(key) === undefined) {
          const shared = configKeyOf(ref)
          const entry = global.settings.get(shared)
          const version = versionOf(shared, entry)
          return entry === undefined || version === undefined
            ? undefined
            : { version, revision: entry.modified, rollout: undefined }
        }
        const rolloutKey = prefix + rolloutKeyOf(ref)
        const entry = mirror.get(key)
        const version = versionOf(key, entry)
        if (entry === undefined || version === undefined) return undefined
        return {
          version,
          revision: entry.modified,
          rollout: rolloutOf(rolloutKey, mirror.get(rolloutKey)),
        }
      },
      liveRollouts: () =>
        [...mirror.entries().values()].flatMap((entry) => {
          if (!entry.key.startsWith(rollouts)) return []
          const rollout = rolloutOf(entry.key, entry)
          return rollout === undefined ? [] : [{ entry, rollout }]
        }),
      changes:
        global === undefined
          ? mirror.changes
          : Stream.mergeAll([mirror.changes, global.settings.changes], { concurrency: 2 }),
    }
  })
