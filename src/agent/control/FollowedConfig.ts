// The settings that the region gives this agent, taken one after the other: checked, applied, kept when they work, left when they do
// not. Runs beside the control session, so that a connection which breaks in the middle leaves nothing half done.

import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import { agentValuesDigest, changedValues, valueProblems } from "../../runtime/agentValues.ts"
import { supervise } from "../../runtime/supervise.ts"
import {
  type AgentSection,
  applyConfig,
  type ConfigApplier,
  ConfigUnusable,
  type MergedSettings,
  mergeSettings,
} from "./applyConfig.ts"
import { LastGoodConfig, type ToldConfig } from "./LastGoodConfig.ts"
import type { RemoteConfig } from "./RemoteConfig.ts"

export interface FollowedConfigOptions {
  /** The agent's data directory. */
  readonly directory: string
  /** Sonde's version: what one cannot use another may. */
  readonly version: string
  /** The section `agent` as file, environment and flags give it. */
  readonly local: AgentSection
  /** Was the key ("flushMs") set on this machine? Then it stays as it is. */
  readonly isExplicit: (path: string) => boolean
}

export interface FollowedConfig extends RemoteConfig {
  /** What the agent is to run with now. */
  readonly config: () => AgentSection
  /** What a person should know and nothing is wrong with: keys that are held or not known here. */
  readonly remarks: () => ReadonlyArray<string>
  /** Has what the server says from now on applied, as long as the scope is open; to be called once capture runs. */
  readonly follow: (applier: ConfigApplier) => Effect.Effect<void, never, Scope.Scope>
}

/** Of all that a server sets, as JSON. */
const valuesCharsMost = 262_144

const remarksOf = ({ held, skipped }: MergedSettings): ReadonlyArray<string> => [
  ...skipped.map((path) => `${path}: this version of Sonde has no such key; it is left out`),
  ...held.map((path) => `${path}: was set on this machine (file, environment or flag), which decides`),
]

export const makeFollowedConfig = (options: FollowedConfigOptions): Effect.Effect<FollowedConfig> =>
  Effect.gen(function* () {
    const lastGood = new LastGoodConfig(options.directory, options.version)
    const news = yield* Queue.sliding<ToldConfig>(1)
    const merged = (told: ToldConfig) => mergeSettings(options.local, options.isExplicit, told.values)

    /** Another version of Sonde kept it: it may not be what this one takes. */
    const isUsable = valueProblems(lastGood.good.values).length === 0
    let inUse: ToldConfig = isUsable ? lastGood.good : { version: 0, digest: "", values: {} }
    let settings = merged(inUse)
    let told = inUse
    let problem = isUsable
      ? ""
      : `the configuration kept from before cannot be used: ${valueProblems(lastGood.good.values).join("; ")}`
    if (lastGood.trouble !== "") yield* Effect.logWarning(lastGood.trouble)
    if (problem !== "") yield* Effect.logWarning(problem)

    const leave = (next: ToldConfig, why: string) =>
      Effect.gen(function* () {
        const stays = inUse.version === 0 ? "the agent's own settings stay" : `version ${inUse.version} stays`
        problem = `version ${next.version}: ${why}; ${stays} in use`
        yield* Effect.logWarning(`configuration ${problem}`)
      })

    const consider = (applier: ConfigApplier, next: ToldConfig) =>
      Effect.gen(function* () {
        if (next.digest === inUse.digest) {
          if (next.version !== inUse.version) {
            inUse = next
            lastGood.worked(next)
          }
          problem = ""
          return
        }
        const before = lastGood.failure(next.digest)
        if (before !== undefined) return yield* leave(next, `${before} (not tried again)`)
        const problems =
          JSON.stringify(next.values).length > valuesCharsMost
            ? [`more than ${valuesCharsMost} characters`]
            : valueProblems(next.values)
        if (problems.length > 0) {
          lastGood.didNotWork(next.digest, problems.join("; "))
          return yield* leave(next, problems.join("; "))
        }
        const wanted = merged(next)
        lastGood.begin(next.digest)
        const applied = yield* Effect.result(applyConfig(applier, settings.config, wanted.config))
        if (applied._tag === "Failure") {
          lastGood.didNotWork(next.digest, applied.failure.message)
          return yield* leave(next, applied.failure.message)
        }
        inUse = next
        settings = wanted
        problem = ""
        lastGood.worked(next)
        if (lastGood.trouble !== "") yield* Effect.logWarning(lastGood.trouble)
        yield* Effect.logInfo(`configuration version ${next.version} is in use (${applied.success})`)
        for (const remark of remarksOf(wanted)) yield* Effect.logInfo(`configuration: ${remark}`)
        // An orderly end is nobody's fault.
      }).pipe(Effect.onInterrupt(() => Effect.sync(() => lastGood.stopped())))

    return {
      version: () => inUse.version,
      digest: () => inUse.digest,
      problem: () => problem,
      remarks: () => remarksOf(settings),
      config: () => settings.config,
      take: (directive) =>
        Effect.gen(function* () {
          const { base, digest, version } = directive
          const values = changedValues(base === 0 ? {} : told.values, directive.values)
          // What it builds upon is right when the outcome is; a whole that differs comes from a server that counts otherwise.
          if (base !== 0 && agentValuesDigest(values) !== digest) return false
          told = { version, digest, values }
          yield* Queue.offer(news, told)
          return true
        }),
      follow: (applier) =>
        Effect.asVoid(
          Effect.forkScoped(
            supervise("agent/config")(
              Effect.gen(function* () {
                while (true) yield* consider(applier, yield* Queue.take(news))
              }),
            ),
          ),
        ),
    }
  })

/** Of a status after a restart: undefined when capture is up as far as it was before or was asked for. */
export const captureProblem = (
  config: AgentSection,
  tierBefore: number | undefined,
  tier: number,
): ConfigUnusable | undefined =>
  config.capture !== "none" && tier === 3 && tierBefore !== undefined && tierBefore < 3
    ? new ConfigUnusable({
        message: `capture (${config.capture}) did not come up with these settings, and it was up before`,
      })
    : undefined
