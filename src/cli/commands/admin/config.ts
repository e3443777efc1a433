// `sonde admin config ...` and `groups ...`: what agents are to run with, by layers, with history and staged roll-out.

import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as CliError from "effect/cli/CliError"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import { styleText } from "node:util"
import { diffValues } from "../../../runtime/agentValues.ts"
import type { LayerRef } from "../../../wire/control/AdminRpc.ts"
import { fail } from "../../options.ts"
import { print, printJson, table } from "../../output.ts"
import { adminFlags, withAdmin } from "./adminClient.ts"
import { rolloutTable, show, when } from "./words.ts"

const layer = Argument.String("layer").pipe(
  Argument.withDescription(
    "`default`, `region`, `group/NAME` or `agent/ID`, the later win; `packages/GROUP`: versions of packages",
  ),
)

const comment = Flag.String("comment").pipe(
  Flag.withDescription("Why, for the history"),
  Flag.withDefault(""),
)

const layerOf = (text: string): Effect.Effect<LayerRef, CliError.UserError> => {
  const [kind, ...rest] = text.split("/")
  const name = rest.join("/")
  if ((kind === "default" || kind === "region") && name === "")
    return Effect.succeed({ layer: kind, name: "-" })
  if ((kind === "group" || kind === "agent" || kind === "packages") && name !== "")
    return Effect.succeed({ layer: kind, name })
  return Effect.fail(
    fail(`layer "${text}": expected default, region, group/NAME, agent/ID or packages/GROUP`),
  )
}

/** JSON where it is JSON, else the text itself: `--flushMs 200` and `--interface eth0` both mean what they say. */
const valueOf = (text: string): unknown => {
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

const get = Command.make(
  "get",
  {
    layer,
    version: Flag.Int("version").pipe(Flag.withDescription("An earlier version"), Flag.optional),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ layer, version, ...flags }) {
    const ref = yield* layerOf(layer)
    const found = yield* withAdmin(flags, (client) =>
      client.ConfigGet({
        layer: ref,
        ...(Option.isSome(version) ? { version: version.value } : {}),
      }),
    )
    if (flags.json) return printJson(found)
    const keys = Object.keys(found.values)
    print(
      keys.length === 0
        ? `${layer} sets nothing (version ${found.version})`
        : table(
            ["KEY", "VALUE"],
            keys.map((key) => [key, JSON.stringify(found.values[key])]),
          ),
    )
  }),
).pipe(Command.withDescription("What a layer sets"))

const stages = Flag.String("stages").pipe(
  Flag.withMetavar("1,10%,100%"),
  Flag.withDescription(
    "Roll out in stages, each once the one before it has proved itself; default: all at once",
  ),
  Flag.withDefault(""),
)

const set = Command.make(
  "set",
  {
    layer,
    pairs: Argument.String("key=value").pipe(Argument.atLeast(1)),
    stages,
    comment,
    expected: Flag.Int("expected").pipe(
      Flag.withDescription("Refuse the change unless this version is in force"),
      Flag.optional,
    ),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ comment, expected, layer, pairs, stages, ...flags }) {
    const ref = yield* layerOf(layer)
    const values: Record<string, unknown> = {}
    for (const pair of pairs) {
      const at = pair.indexOf("=")
      if (at < 1) return yield* fail(`${pair}: expected KEY=VALUE`)
      values[pair.slice(0, at)] = valueOf(pair.slice(at + 1))
    }
    const made = yield* withAdmin(flags, (client) =>
      client.ConfigSet({
        layer: ref,
        values,
        comment,
        stages: stages === "" ? [] : stages.split(","),
        ...(Option.isSome(expected) ? { expected: expected.value } : {}),
      }),
    )
    if (flags.json) printJson(made)
    else print(`${layer}: version ${made.version}${stages === "" ? "" : ", rolled out in stages"}`)
  }),
).pipe(Command.withDescription("Set keys of a layer"))

const unset = Command.make(
  "unset",
  { layer, keys: Argument.String("key").pipe(Argument.atLeast(1)), comment, ...adminFlags },
  Effect.fnUntraced(function* ({ comment, keys, layer, ...flags }) {
    const ref = yield* layerOf(layer)
    const made = yield* withAdmin(flags, (client) =>
      client.ConfigSet({
        layer: ref,
        values: Object.fromEntries(keys.map((key) => [key, null])),
        comment,
        stages: [],
      }),
    )
    print(`${layer}: version ${made.version}`)
  }),
).pipe(Command.withDescription("Take keys out of a layer, so that the layer below decides"))

const history = Command.make(
  "history",
  { layer, ...adminFlags },
  Effect.fnUntraced(function* ({ layer, ...flags }) {
    const ref = yield* layerOf(layer)
    const versions = yield* withAdmin(flags, (client) => client.ConfigHistory({ layer: ref }))
    show(flags.json, versions, () =>
      versions.length === 0
        ? `${layer} was never changed`
        : table(
            ["VERSION", "WHEN (UTC)", "WHO", "COMMENT", "VALUES"],
            versions.map((one) => [
              one.version,
              when(one.changedMs),
              one.author,
              one.comment,
              JSON.stringify(one.values),
            ]),
          ),
    )
  }),
).pipe(Command.withDescription("Every version of a layer, newest first"))

const diff = Command.make(
  "diff",
  {
    layer,
    from: Argument.Int("from"),
    to: Argument.Int("to").pipe(Argument.optional),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ from, layer, to, ...flags }) {
    const ref = yield* layerOf(layer)
    const [before, after] = yield* withAdmin(flags, (client) =>
      Effect.all([
        client.ConfigGet({ layer: ref, version: from }),
        client.ConfigGet({ layer: ref, ...(Option.isSome(to) ? { version: to.value } : {}) }),
      ]),
    )
    const changed = diffValues(before.values, after.values)
    if (flags.json) {
      for (const { path, before, after } of changed) printJson({ key: path, before, after })
      return
    }
    if (changed.length === 0) print(`versions ${before.version} and ${after.version} say the same`)
    for (const { path, before, after } of changed) {
      if (before !== undefined) print(styleText("red", `- ${path}: ${JSON.stringify(before)}`))
      if (after !== undefined) print(styleText("green", `+ ${path}: ${JSON.stringify(after)}`))
    }
  }),
).pipe(Command.withDescription("What changed between two versions of a layer (the second: the newest)"))

const rollback = Command.make(
  "rollback",
  { layer, version: Argument.Int("version"), comment, ...adminFlags },
  Effect.fnUntraced(function* ({ comment, layer, version, ...flags }) {
    const ref = yield* layerOf(layer)
    const made = yield* withAdmin(flags, (client) => client.ConfigRollback({ layer: ref, version, comment }))
    print(`${layer}: version ${made.version} says what version ${version} said`)
  }),
).pipe(Command.withDescription("Back to an earlier version (as a new one)"))

const rollout = Command.make(
  "rollout",
  {
    action: Argument.Literals("action", ["list", "pause", "resume", "abort"]).pipe(
      Argument.withDefault("list" as const),
    ),
    layer: layer.pipe(Argument.optional),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ action, layer, ...flags }) {
    if (action !== "list") {
      if (Option.isNone(layer)) return yield* fail(`rollout ${action}: expected a layer`)
      const ref = yield* layerOf(layer.value)
      yield* withAdmin(flags, (client) => client.RolloutControl({ layer: ref, action }))
      return print(`${layer.value}: ${action}`)
    }
    const rollouts = yield* withAdmin(flags, (client) => client.Rollouts({}))
    show(flags.json, rollouts, () =>
      rollouts.length === 0 ? "nothing is being rolled out" : rolloutTable(rollouts),
    )
  }),
).pipe(Command.withDescription("Staged changes in progress: list, pause, resume, abort"))

const schema = Command.make(
  "schema",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    print(JSON.stringify(yield* withAdmin(flags, (client) => client.ConfigSchema({})), null, 2))
  }),
).pipe(Command.withDescription("JSON Schema of what can be set for agents"))

export const config = Command.make("config").pipe(
  Command.withDescription("Configuration of agents, in layers: default, region, group, agent"),
  Command.withSubcommands([get, set, unset, diff, history, rollback, rollout, schema]),
)

const listGroups = Command.make(
  "list",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const groups = yield* withAdmin(flags, (client) => client.Groups({}))
    show(flags.json, groups, () =>
      table(
        ["GROUP", "PRIORITY", "AGENTS", "HOSTS", "ZONES", "IDS", "DESCRIPTION"],
        groups.map((group) => [
          group.isGlobal === true ? `${group.name} (all regions)` : group.name,
          group.priority,
          group.members,
          group.hosts.join(" "),
          group.zones.join(" "),
          group.agents.join(" "),
          group.description,
        ]),
      ),
    )
  }),
).pipe(Command.withDescription("List groups and how many agents are in each"))

const name = Argument.String("group")

const list = (flag: string, description: string) =>
  Flag.String(flag).pipe(Flag.withDescription(description), Flag.atLeast(0))

const setGroup = Command.make(
  "set",
  {
    name,
    agents: list("agent", "Id of an agent that is in it; may be given several times"),
    hosts: list("host", "Pattern of host names (`web-*`)"),
    zones: list("zone", "Zone whose agents are in it"),
    capabilities: list("capability", "Feature that must be on"),
    tags: list("tag", "KEY=PATTERN over os, arch, kernel, version, region"),
    priority: Flag.Int("priority").pipe(
      Flag.withDescription("The highest that fits wins"),
      Flag.withDefault(0),
    ),
    description: Flag.String("description").pipe(Flag.withDefault("")),
    global: Flag.Boolean("global").pipe(Flag.withDescription("For all regions that share the global store")),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({
    agents,
    capabilities,
    description,
    global,
    hosts,
    name,
    priority,
    tags,
    zones,
    ...flags
  }) {
    yield* withAdmin(flags, (client) =>
      client.GroupSet({
        group: {
          ...{ name, description, priority, agents, hosts, zones, capabilities, tags, members: 0 },
          ...(global ? { isGlobal: true } : {}),
        },
      }),
    )
    print(`group ${name} is set`)
  }),
).pipe(Command.withDescription("Make a group, or change who is in it"))

const removeGroup = Command.make(
  "remove",
  { name, ...adminFlags },
  Effect.fnUntraced(function* ({ name, ...flags }) {
    yield* withAdmin(flags, (client) => client.GroupRemove({ name }))
    print(`group ${name} is gone; its agents fall to the next that fits`)
  }),
).pipe(Command.withDescription("Remove a group"))

export const groups = Command.make("groups").pipe(
  Command.withDescription("Groups of agents"),
  Command.withSubcommands([listGroups, setGroup, removeGroup]),
)
