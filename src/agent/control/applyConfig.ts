// From the settings an agent runs with to others: which keys differ, what that asks of it, and the way back when it does not work.
// How capture takes new settings or starts anew is the wiring's business (`ConfigApplier`).

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { agentConfigKey, type AgentConfigKey, agentConfigKeys } from "../../runtime/agentConfig.ts"
import { type AgentValues, isSame, unknownPaths, valueAt } from "../../runtime/agentValues.ts"
import type { SondeConfig } from "../../runtime/configSchema.ts"

/** The section `agent` of the configuration. */
export type AgentSection = SondeConfig["agent"]

/** The agent does not work with these settings. */
export class ConfigUnusable extends Data.TaggedError("ConfigUnusable")<{ readonly message: string }> {}

export interface ConfigApplier {
  /** Takes the values of `changed` at once. */
  readonly hot: (config: AgentSection, changed: ReadonlyArray<string>) => Effect.Effect<void, ConfigUnusable>
  /**
   * Ends what depends on `changed` and starts it with the new settings. Succeeds once capture is up, fails when it does not come up.
   * Called again with the former settings after a failure.
   */
  readonly restart: (
    config: AgentSection,
    changed: ReadonlyArray<string>,
  ) => Effect.Effect<void, ConfigUnusable>
}

/** Longest wait for an agent's capture to come up with new settings. */
const applyMs = 30_000

/** Paths of keys that differ, by what their change asks for. */
export interface ConfigChange {
  readonly hot: ReadonlyArray<string>
  readonly restart: ReadonlyArray<string>
}

export const changeBetween = (
  from: AgentSection,
  to: AgentSection,
  keys: ReadonlyArray<AgentConfigKey> = agentConfigKeys,
): ConfigChange => {
  const differing = keys.filter(({ path }) => !isSame(valueAt(from, path) ?? null, valueAt(to, path) ?? null))
  const of = (change: AgentConfigKey["change"]) =>
    differing.filter((key) => key.change === change).map(({ path }) => path)
  return { hot: of("hot"), restart: of("restart") }
}

/** `values` upon the agent's own settings. */
export interface MergedSettings {
  readonly config: AgentSection
  /** Keys that this version of Sonde does not know: left out. */
  readonly skipped: ReadonlyArray<string>
  /** Keys that were set on this machine (file, environment, flag): they stay as they are. */
  readonly held: ReadonlyArray<string>
}

const withValue = (node: object, [part, ...rest]: ReadonlyArray<string>, value: unknown): object => ({
  ...node,
  [part!]: rest.length === 0 ? value : withValue((node as Record<string, object>)[part!] ?? {}, rest, value),
})

/** `isExplicit`: was the key set on this machine? Paths are those within the section `agent`. */
export const mergeSettings = (
  local: AgentSection,
  isExplicit: (path: string) => boolean,
  values: AgentValues,
): MergedSettings => {
  let config: object = local
  const held: Array<string> = []
  for (const [path, value] of Object.entries(values)) {
    if (agentConfigKey(path) === undefined) continue
    if (!isExplicit(path)) config = withValue(config, path.split("."), value)
    else if (!isSame(valueAt(local, path) ?? null, value)) held.push(path)
  }
  // Values were checked against the schema before.
  return { config: config as AgentSection, skipped: unknownPaths(values), held }
}

/** Brings the agent from one to the other, or back: after a failure it runs as before, or the failure says that it does not. */
export const applyConfig = (
  applier: ConfigApplier,
  from: AgentSection,
  to: AgentSection,
): Effect.Effect<"nothing" | "hot" | "restart", ConfigUnusable> =>
  Effect.gen(function* () {
    const change = changeBetween(from, to)
    const changed = [...change.restart, ...change.hot]
    if (changed.length === 0) return "nothing"
    const isHot = change.restart.length === 0
    const bring = (config: AgentSection) =>
      (isHot ? applier.hot(config, changed) : applier.restart(config, changed)).pipe(
        Effect.timeoutOrElse({
          duration: applyMs,
          orElse: () =>
            Effect.fail(
              new ConfigUnusable({
                message: `${changed.join(", ")}: capture was not up after ${applyMs / 1_000} s`,
              }),
            ),
        }),
        Effect.catchDefect((defect) => Effect.fail(new ConfigUnusable({ message: String(defect) }))),
      )
    yield* bring(to).pipe(
      Effect.catch((failure) =>
        Effect.flatMap(Effect.result(bring(from)), (back) =>
          Effect.fail(
            back._tag === "Success"
              ? failure
              : new ConfigUnusable({
                  message: `${failure.message}; the former settings do not work either: ${back.failure.message}`,
                }),
          ),
        ),
      ),
    )
    return isHot ? "hot" : "restart"
  })
