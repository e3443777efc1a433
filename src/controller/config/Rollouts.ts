// Staged changes: begun by an administrator at any server, driven by the leader, decided by what agents report. The record in the store
// is all there is (rolloutState.ts), so that a new leader goes on where the old one stopped.

import { randomBytes } from "node:crypto"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { AgentValues } from "../../runtime/agentValues.ts"
import {
  type Condition,
  Coordination,
  type CoordinationError,
  type Entry,
  type Write,
} from "../../runtime/coordination/Coordination.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import { WantedPackages } from "../package/WantedPackages.ts"
import type { AgentTraits } from "./AgentGroup.ts"
import { AgentGroups } from "./AgentGroups.ts"
import { AgentReports } from "./AgentReports.ts"
import { type ChangeNote, ConfigStore } from "./ConfigStore.ts"
import { EffectiveConfig } from "./EffectiveConfig.ts"
import { ConfigConflict, ConfigInvalid, ConfigNotFound } from "./failures.ts"
import { layerName } from "./layers.ts"
import {
  configKeyOf,
  decodeRollout,
  decodeVersion,
  type LayerVersion,
  rolloutKeyOf,
  unchanged,
  writesOf,
} from "./LayerVersion.ts"
import {
  countRollout,
  defaultRules,
  isActive,
  pauseRollout,
  resumeRollout,
  type Rollout,
  type RolloutAgent,
  type RolloutCounts,
  type RolloutRules,
  startRollout,
  stepRollout,
} from "./rolloutState.ts"
import { stableHash } from "./stableHash.ts"
import { stageProblems } from "./stages.ts"

export interface RolloutsOptions {
  /** Of all keys: `/sonde/REGION/`. */
  readonly prefix: string
  /** All agents of the region that may work. */
  readonly agents: () => ReadonlyArray<AgentTraits & { readonly firstSeenMs: number }>
  /** Does a server have the agent? */
  readonly isConnected: (agent: string) => boolean
}

export interface StagedNote extends Omit<ChangeNote, "staged"> {
  readonly stages: ReadonlyArray<string>
  readonly rules?: Partial<RolloutRules>
}

/** As `fencedCommit` gives it: false when a condition did not hold. */
export type CommitAs<E, R> = (transaction: {
  readonly when?: ReadonlyArray<Condition>
  readonly writes: ReadonlyArray<Write>
}) => Effect.Effect<boolean, E, R>

type Failure = ConfigInvalid | ConfigConflict | ConfigNotFound | CoordinationError

export class Rollouts extends Context.Service<
  Rollouts,
  {
    /** Sets keys (null takes one out) for agents in stages. */
    readonly start: (
      ref: LayerRef,
      changes: AgentValues,
      note: StagedNote,
    ) => Effect.Effect<LayerVersion, ConfigInvalid | ConfigConflict | CoordinationError>
    /** `abort` takes the change back. */
    readonly control: (
      ref: LayerRef,
      action: "pause" | "resume" | "abort",
      by: string,
    ) => Effect.Effect<void, Failure>
    /** Those under way, and of each layer the one that ended last. */
    readonly list: () => ReadonlyArray<{ readonly rollout: Rollout; readonly counts: RolloutCounts }>
    /** Looks at all once and takes the steps that are due, in the leader's name. */
    readonly step: <E, R>(commit: CommitAs<E, R>) => Effect.Effect<void, E | CoordinationError, R>
  }
>()("sonde/controller/Rollouts") {
  static readonly layer = (
    options: RolloutsOptions,
  ): Layer.Layer<
    Rollouts,
    never,
    Coordination | ConfigStore | AgentGroups | EffectiveConfig | AgentReports | WantedPackages
  > => Layer.effect(Rollouts, make(options))
}

const attemptsMost = 8
const lookMs = 1_000

const make = (options: RolloutsOptions) =>
  Effect.gen(function* () {
    const { prefix } = options
    const coordination = yield* Coordination
    const effective = yield* EffectiveConfig
    const groups = yield* AgentGroups
    const reports = yield* AgentReports
    const store = yield* ConfigStore

    const wanted = yield* WantedPackages

    const concerns = ({ layer, name }: LayerRef, agent: AgentTraits): boolean =>
      layer === "agent"
        ? agent.id === name
        : (layer !== "group" && layer !== "packages") || groups.groupOf(agent) === name

    const agentsOf = (ref: LayerRef): ReadonlyArray<RolloutAgent> =>
      options.agents().flatMap((agent) => {
        if (!concerns(ref, agent)) return []
        const report = reports.get(agent.id)
        return {
          id: agent.id,
          hash: stableHash(agent.id),
          isConnected: options.isConnected(agent.id),
          firstSeenMs: agent.firstSeenMs,
          ...(ref.layer === "packages"
            ? {
                isApplied: report !== undefined && wanted.isApplied(agent, report),
                problem: report?.packageProblem ?? "",
                about: "package",
              }
            : {
                isApplied: report !== undefined && report.digest === effective.of(agent).digest,
                problem: report?.problem ?? "",
                about: "config",
              }),
          exceptions: report?.exceptions ?? [],
        }
      })

    /** What takes a staged change back: a new version with what was before, and the record of why. */
    const restoring = (
      ref: LayerRef,
      config: Entry | undefined,
      rolloutEntry: Entry,
      ended: Rollout,
      author: string,
      nowMs: number,
    ): { readonly when: ReadonlyArray<Condition>; readonly writes: ReadonlyArray<Write> } => {
      const version = decodeVersion(config)
      const key = prefix + configKeyOf(ref)
      const isOurs = version?.version === ended.to && version.before !== undefined
      return {
        when: [unchanged(key, config), unchanged(rolloutEntry.key, rolloutEntry)],
        writes: [
          ...(isOurs
            ? writesOf(prefix, ref, {
                version: version.version + 1,
                values: version.before!.values,
                author,
                comment: `back to version ${ended.from}: ${ended.reason}`,
                changedMs: nowMs,
                write: randomBytes(8).toString("hex"),
              })
            : []),
          { put: rolloutEntry.key, value: JSON.stringify(ended) },
        ],
      }
    }

    const stepOne = <E, R>(entry: Entry, rollout: Rollout, commit: CommitAs<E, R>) =>
      Effect.gen(function* () {
        const nowMs = yield* Clock.currentTimeMillis
        const { ref } = rollout
        const decision = stepRollout(rollout, agentsOf(ref), nowMs)
        const name = `${layerName(ref)}, version ${rollout.to}`
        if (decision.kind === "wait") return
        if (decision.kind === "change") {
          const isDone = yield* commit({
            when: [unchanged(entry.key, entry)],
            writes: [{ put: entry.key, value: JSON.stringify(decision.rollout) }],
          })
          if (!isDone) return
          const { stage, stages, state } = decision.rollout
          if (state === "done") yield* Effect.logInfo(`${name}: all agents are to have it`)
          else if (stage !== rollout.stage) yield* Effect.logInfo(`${name}: stage ${stages[stage]}`)
          return
        }
        const config = yield* coordination.get(prefix + configKeyOf(ref))
        const ended: Rollout = { ...rollout, state: "rolled back", reason: decision.reason }
        const isDone = yield* commit(restoring(ref, config, entry, ended, "roll-out", nowMs))
        if (isDone) yield* Effect.logWarning(`${name}: rolled back: ${decision.reason}`)
      })

    const control = (
      ref: LayerRef,
      action: "pause" | "resume" | "abort",
      by: string,
    ): Effect.Effect<void, Failure> =>
      Effect.gen(function* () {
        const key = prefix + rolloutKeyOf(ref)
        for (let attempt = 0; attempt < attemptsMost; attempt++) {
          const config = yield* coordination.get(prefix + configKeyOf(ref))
          const entry = yield* coordination.get(key)
          const rollout = decodeRollout(entry)
          if (entry === undefined || rollout === undefined || !isActive(rollout)) {
            return yield* new ConfigNotFound({
              message: `nothing of ${layerName(ref)} is being rolled out${rollout === undefined ? "" : `: version ${rollout.to} is ${rollout.state}`}`,
            })
          }
          const nowMs = yield* Clock.currentTimeMillis
          if ((action === "pause") === (rollout.state === "paused") && action !== "abort") return
          const { isDone } = yield* coordination.commit(
            action === "abort"
              ? restoring(
                  ref,
                  config,
                  entry,
                  { ...rollout, state: "aborted", reason: `given up by ${by}` },
                  by,
                  nowMs,
                )
              : {
                  when: [unchanged(key, entry)],
                  writes: [
                    {
                      put: key,
                      value: JSON.stringify(
                        action === "pause" ? pauseRollout(rollout, by, nowMs) : resumeRollout(rollout, nowMs),
                      ),
                    },
                  ],
                },
          )
          if (isDone) return
        }
        const version = decodeVersion(yield* coordination.get(prefix + configKeyOf(ref)))
        return yield* new ConfigConflict({
          message: `${layerName(ref)}: the roll-out changes faster than this could be done`,
          next: "look at it (sonde admin config rollout list) and try again",
          version: version?.version ?? 0,
          author: version?.author ?? "",
          changedMs: version?.changedMs ?? 0,
        })
      })

    return {
      start: (ref: LayerRef, changes: AgentValues, { rules, stages, ...note }: StagedNote) =>
        Effect.gen(function* () {
          const problems = stageProblems(stages)
          if (problems.length > 0) return yield* new ConfigInvalid({ problems })
          const nowMs = yield* Clock.currentTimeMillis
          return yield* store.change(ref, changes, {
            ...note,
            staged: ({ from, to }) =>
              startRollout(
                { ref, from, to, author: note.author, stages, rules: { ...defaultRules, ...rules } },
                agentsOf(ref),
                nowMs,
              ),
          })
        }),
      control,
      list: () =>
        store
          .liveRollouts()
          .map(({ rollout }) => ({ rollout, counts: countRollout(rollout, agentsOf(rollout.ref)) })),
      step: <E, R>(commit: CommitAs<E, R>) =>
        Effect.forEach(
          store.liveRollouts().filter(({ rollout }) => isActive(rollout)),
          ({ entry, rollout }) => stepOne(entry, rollout, commit),
          { discard: true },
        ),
    }
  })

/** The leader's work: a look every second. A store that is away is asked again; `commit` that fails otherwise ends it. */
export const driveRollouts = <E extends { readonly message: string }, R>(
  rollouts: Rollouts["Service"],
  commit: CommitAs<E, R>,
): Effect.Effect<never, never, R> =>
  Effect.gen(function* () {
    let told = ""
    while (true) {
      const failure = yield* rollouts.step(commit).pipe(
        Effect.as(""),
        Effect.catch(({ message }) => Effect.succeed(message)),
      )
      if (failure !== "" && failure !== told) yield* Effect.logWarning(`roll-outs rest: ${failure}`)
      told = failure
      yield* Effect.sleep(lookMs)
    }
  })
