// Reads the configuration: defaults < file (YAML) < environment (SONDE_...) < flags, checked against one schema.
// Every problem names the key, the value, what was expected and where the value came from; all problems are told at once.

import { readFileSync } from "node:fs"
import * as Context from "effect/Context"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Cause from "effect/Cause"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { parseDocument } from "yaml"
import { configKeys, type ConfigKey } from "./configKeys.ts"
import { closest } from "./closest.ts"
import { ConfigSchema, type SondeConfig } from "./configSchema.ts"
import { expectedOf } from "./schemaKeys.ts"

/** The configuration cannot be used; `problems` has one line for each fault. */
export class ConfigError extends Data.TaggedError("ConfigError")<{
  readonly problems: ReadonlyArray<string>
}> {
  override get message(): string {
    return this.problems.join("\n")
  }
}

export class Config extends Context.Service<Config, SondeConfig>()("sonde/runtime/Config") {
  static readonly layer = (sources: ConfigSources): Layer.Layer<Config, ConfigError> =>
    Layer.effect(Config, loadConfig(sources))
}

export interface ConfigSources {
  /** Path of a YAML file; without one `sonde.yaml` in the working directory is read if it is there. */
  readonly file?: string | undefined
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Key path ("http.port") to value as typed on the command line. */
  readonly flags: ReadonlyMap<string, string>
}

type Tree = { [key: string]: unknown }

const setPath = (tree: Tree, path: string, value: unknown): void => {
  const parts = path.split(".")
  let at = tree
  for (const part of parts.slice(0, -1)) {
    const next = at[part]
    at = (typeof next === "object" && next !== null ? next : (at[part] = {})) as Tree
  }
  at[parts.at(-1)!] = value
}

/** Gives text from the environment or a flag the type its key asks for; what does not fit stays text and fails the check. */
const typed = (key: ConfigKey, value: string): unknown => {
  switch (key.type) {
    case "integer":
      return /^-?\d+$/.test(value) ? Number(value) : value
    case "boolean":
      return value === "true" || value === "1" ? true : value === "false" || value === "0" ? false : value
    case "array": {
      const parts = value === "" ? [] : value.split(",").map((part) => part.trim())
      return key.items === "integer" ? parts.map((part) => (/^\d+$/.test(part) ? Number(part) : part)) : parts
    }
    case "string":
      return value
  }
}

const readFile = (path: string, asked: boolean): Tree => {
  let content: string
  try {
    content = readFileSync(path, "utf8")
  } catch (cause) {
    if (!asked && (cause as NodeJS.ErrnoException).code === "ENOENT") return {}
    throw new ConfigError({
      problems: [
        `${path}: cannot be read (${(cause as NodeJS.ErrnoException).code}); name another file with --config`,
      ],
    })
  }
  const document = parseDocument(content)
  if (document.errors.length > 0) {
    throw new ConfigError({
      problems: document.errors.map((error) => `${path}: ${error.message.split("\n")[0]}`),
    })
  }
  const value: unknown = document.toJS() ?? {}
  if (typeof value !== "object" || Array.isArray(value)) {
    throw new ConfigError({
      problems: [
        `${path}: expected keys and values, found ${Array.isArray(value) ? "a list" : typeof value}`,
      ],
    })
  }
  return value as Tree
}

const unknownKeys = (tree: Tree, origin: string): Array<string> => {
  const problems: Array<string> = []
  const walk = (node: Tree, prefix: string): void => {
    for (const [name, value] of Object.entries(node)) {
      const path = prefix === "" ? name : `${prefix}.${name}`
      if (configKeys.some((key) => key.path === path)) continue
      const isSection = configKeys.some((key) => key.path.startsWith(`${path}.`))
      if (isSection && (value === null || typeof value !== "object" || Array.isArray(value))) {
        problems.push(`${path}: expected a section with keys, found ${JSON.stringify(value)} (${origin})`)
      } else if (isSection) {
        walk(value as Tree, path)
      } else {
        const near = closest(
          path,
          configKeys.map((key) => key.path),
        )
        problems.push(
          `${path}: no such key (${origin})${near === undefined ? "" : `; did you mean ${near}?`}`,
        )
      }
    }
  }
  walk(tree, "")
  return problems
}

export interface LoadedConfig {
  readonly config: SondeConfig
  /** Keys that were set, by path, and where: they are not the defaults even where they say the same. */
  readonly origins: ReadonlyMap<string, string>
}

const isSet = (tree: Tree, path: string): boolean => {
  let at: unknown = tree
  for (const part of path.split(".")) {
    if (at === null || typeof at !== "object" || !Object.hasOwn(at, part)) return false
    at = (at as Tree)[part]
  }
  return at !== undefined
}

const load = (sources: ConfigSources): LoadedConfig => {
  const filePath = sources.file ?? "sonde.yaml"
  const tree = readFile(filePath, sources.file !== undefined)
  const problems = unknownKeys(tree, filePath)
  const origins = new Map<string, string>()
  for (const { path } of configKeys) if (isSet(tree, path)) origins.set(path, filePath)
  for (const [variable, value] of Object.entries(sources.environment)) {
    if (!variable.startsWith("SONDE_") || value === undefined || notConfiguration.has(variable)) continue
    const key = configKeys.find((candidate) => candidate.variable === variable)
    if (key === undefined) {
      // A launcher of another version hands over keys that this one need not know.
      if (sources.environment[launcherVariable] !== undefined) continue
      const near = closest(
        variable,
        configKeys.map((candidate) => candidate.variable),
      )
      problems.push(
        `${variable}: no such key (environment)${near === undefined ? "" : `; did you mean ${near}?`}`,
      )
    } else {
      setPath(tree, key.path, typed(key, value))
      origins.set(key.path, `environment ${variable}`)
    }
  }
  for (const [path, value] of sources.flags) {
    const key = configKeys.find((candidate) => candidate.path === path)!
    setPath(tree, path, typed(key, value))
    origins.set(path, "command line")
  }
  if (problems.length > 0) throw new ConfigError({ problems })
  // `sonde up` hands its whole configuration to the agent, and says what of it nobody set.
  const defaulted = new Set(sources.environment["SONDE_DEFAULTED"]?.split(","))
  for (const { path, variable } of configKeys) if (defaulted.has(variable)) origins.delete(path)

  const exit = Schema.decodeUnknownExit(ConfigSchema)(tree, { errors: "all" })
  if (Exit.isSuccess(exit)) return { config: exit.value, origins }
  const failure = Cause.squash(exit.cause)
  const issues = Schema.isSchemaError(failure)
    ? SchemaIssue.makeFormatterStandardSchemaV1()(failure.issue).issues
    : [{ path: [], message: String(failure) }]
  throw new ConfigError({
    problems: issues.map((issue) => {
      const parts = (issue.path ?? []).map(String)
      const key = configKeys.find((candidate) => parts.join(".").startsWith(candidate.path))
      const path = key?.path ?? parts.join(".")
      const found = path.split(".").reduce<unknown>((node, part) => (node as Tree | undefined)?.[part], tree)
      return `${path}: expected ${key === undefined ? issue.message : expectedOf(key)}, found ${JSON.stringify(found)} (${origins.get(path) ?? filePath})`
    }),
  })
}

/** In the environment of an agent that a launcher started: the launcher's version of Sonde. */
export const launcherVariable = "SONDE_LAUNCHER"

/** SONDE_ variables that are no keys of the configuration: set by bin/sonde, a launcher and the tests. */
const notConfiguration = new Set(["SONDE_CONFIG", "SONDE_INVOKED_AS", "SONDE_DEFAULTED", launcherVariable])

/** Reads and checks the whole configuration. */
export const loadConfig = (sources: ConfigSources): Effect.Effect<SondeConfig, ConfigError> =>
  Effect.map(loadConfigWithOrigins(sources), ({ config }) => config)

/** The same, with what was set explicitly: what a server may not set for the agent of this machine. */
export const loadConfigWithOrigins = (sources: ConfigSources): Effect.Effect<LoadedConfig, ConfigError> =>
  Effect.try({
    try: () => load({ ...sources, file: sources.file ?? sources.environment["SONDE_CONFIG"] }),
    catch: (cause) => (cause instanceof ConfigError ? cause : new ConfigError({ problems: [String(cause)] })),
  })
