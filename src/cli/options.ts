// Flags that several commands share, and the configuration they lead to.

import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as CliError from "effect/cli/CliError"
import * as Flag from "effect/cli/Flag"
import { type ConfigError, type LoadedConfig, loadConfigWithOrigins } from "../runtime/Config.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { closest } from "../runtime/closest.ts"
import { configKeys } from "../runtime/configKeys.ts"

export const json = Flag.Boolean("json").pipe(
  Flag.withDescription("Print one JSON object a line, for machines"),
  Flag.withDefault(false),
)

/** For commands that Sonde runs as its own children. */
export const withParent = Flag.Boolean("with-parent").pipe(
  Flag.withDescription("End when standard input ends; the parent process is part of Sonde"),
  Flag.withDefault(false),
  Flag.withHidden,
)

/** Completes when standard input ends: the parent has gone. */
export const parentGone = Effect.callback<void>((resume) => {
  process.stdin.on("end", () => resume(Effect.void))
  process.stdin.on("error", () => resume(Effect.void))
  process.stdin.resume()
})

/** Flags of every command that reads the configuration. */
export const configFlags = {
  config: Flag.String("config").pipe(
    Flag.withDescription("Configuration file (YAML); default: sonde.yaml where it exists"),
    Flag.optional,
  ),
  data: Flag.String("data").pipe(Flag.withDescription("Directory of everything Sonde keeps"), Flag.optional),
  http: Flag.String("http").pipe(
    Flag.withMetavar("PORT"),
    Flag.withDescription("Port of the console and query API"),
    Flag.optional,
  ),
  set: Flag.String("set").pipe(
    Flag.withMetavar("KEY=VALUE"),
    Flag.withDescription("Any configuration key; may be given several times"),
    Flag.atLeast(0),
  ),
}

export interface ConfigFlags {
  readonly config: Option.Option<string>
  readonly data: Option.Option<string>
  readonly http: Option.Option<string>
  readonly set: ReadonlyArray<string>
}

/** An expected failure of a command: printed as it is, exit status 1. */
export const fail = (message: string): CliError.UserError =>
  new CliError.UserError({ cause: new Error(message) })

const flagValues = (flags: ConfigFlags): Effect.Effect<Map<string, string>, CliError.UserError> =>
  Effect.gen(function* () {
    const values = new Map<string, string>()
    if (Option.isSome(flags.data)) values.set("data", flags.data.value)
    if (Option.isSome(flags.http)) values.set("http.port", flags.http.value)
    for (const pair of flags.set) {
      const at = pair.indexOf("=")
      const path = at < 0 ? pair : pair.slice(0, at)
      if (!configKeys.some((key) => key.path === path)) {
        const near = closest(
          path,
          configKeys.map((key) => key.path),
        )
        return yield* fail(`--set ${pair}: no such key${near === undefined ? "" : `; did you mean ${near}?`}`)
      }
      if (at < 0) return yield* fail(`--set ${pair}: expected KEY=VALUE`)
      values.set(path, pair.slice(at + 1))
    }
    return values
  })

/** The configuration as file, environment and these flags give it, with where each key was set. */
export const loadedConfigOf = (flags: ConfigFlags): Effect.Effect<LoadedConfig, CliError.UserError> =>
  Effect.gen(function* () {
    return yield* loadConfigWithOrigins({
      file: Option.getOrUndefined(flags.config),
      environment: process.env,
      flags: yield* flagValues(flags),
    }).pipe(Effect.mapError((error: ConfigError) => fail(error.message)))
  })

export const configOf = (flags: ConfigFlags): Effect.Effect<SondeConfig, CliError.UserError> =>
  Effect.map(loadedConfigOf(flags), ({ config }) => config)
