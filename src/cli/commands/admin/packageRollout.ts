// `sonde admin packages rollout ...`: a version for a few agents of a group first, then for more; back by itself when they have trouble.
// The same machinery as for settings, on the layer `packages/GROUP`.

import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import * as Flag from "effect/cli/Flag"
import type { LayerRef } from "../../../wire/control/AdminRpc.ts"
import { print, printJson } from "../../output.ts"
import { adminFlags, withAdmin } from "./adminClient.ts"
import { rolloutTable, show } from "./words.ts"

const layerOf = (group: string): LayerRef => ({ layer: "packages", name: group })

const group = Flag.String("group").pipe(Flag.withDescription("Group of agents"), Flag.withDefault("default"))

const status = Command.make(
  "status",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const all = yield* withAdmin(flags, (client) => client.Rollouts({}))
    const rollouts = all.filter(({ layer }) => layer.layer === "packages")
    show(flags.json, rollouts, () =>
      rollouts.length === 0 ? "No package is being rolled out." : rolloutTable(rollouts),
    )
  }),
).pipe(Command.withDescription("Roll-outs of packages: how far, and how the last ones ended"))

const startRollout = Command.make(
  "start",
  {
    name: Argument.String("package"),
    version: Argument.String("version"),
    group,
    stages: Flag.String("stages").pipe(
      Flag.withMetavar("1,10%,100%"),
      Flag.withDescription("Each once the one before it has proved itself"),
      Flag.withDefault("1,10%,50%"),
    ),
    comment: Flag.String("comment").pipe(Flag.withDescription("Why, for the history"), Flag.withDefault("")),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ comment, group, name, stages, version, ...flags }) {
    const made = yield* withAdmin(flags, (client) =>
      client.ConfigSet({
        layer: layerOf(group),
        values: { [name]: version },
        comment: comment === "" ? `${name} ${version}` : comment,
        stages: stages.split(","),
      }),
    )
    if (flags.json) printJson(made)
    else print(`${name} ${version} goes to group ${group} in stages; see sonde admin packages rollout status`)
  }),
).pipe(Command.withDescription("Bring a version to a group, a few agents first"))

const controlRollout = (name: "stop" | "resume", action: "pause" | "resume", description: string) =>
  Command.make(
    name,
    { group, ...adminFlags },
    Effect.fnUntraced(function* ({ group, ...flags }) {
      yield* withAdmin(flags, (client) => client.RolloutControl({ layer: layerOf(group), action }))
      print(`packages of group ${group}: ${action}`)
    }),
  ).pipe(Command.withDescription(description))

const rollback = Command.make(
  "rollback",
  { group, ...adminFlags },
  Effect.fnUntraced(function* ({ group, ...flags }) {
    const layer = layerOf(group)
    const said = yield* withAdmin(flags, (client) =>
      Effect.gen(function* () {
        const all = yield* client.Rollouts({})
        const active = all.find(
          (one) => one.layer.layer === "packages" && one.layer.name === group && isUnderWay(one.state),
        )
        if (active !== undefined) {
          yield* client.RolloutControl({ layer, action: "abort" })
          return `packages of group ${group}: the roll-out is taken back`
        }
        const [newest] = yield* client.ConfigHistory({ layer })
        if (newest === undefined) return yield* Effect.fail({ message: `group ${group} never had a package` })
        const ended = all.find((one) => one.layer.layer === "packages" && one.layer.name === group)
        if (ended !== undefined && ended.state !== "done" && ended.to === newest.version - 1)
          return yield* Effect.fail({ message: `group ${group} went back already: ${ended.reason}` })
        const made = yield* client.ConfigRollback({ layer, version: newest.version - 1, comment: "" })
        return `packages of group ${group}: as they were before (${packageWords(made.values)})`
      }),
    )
    print(said)
  }),
).pipe(Command.withDescription("Back to the packages that the group had before, at once"))

const isUnderWay = (state: string): boolean => state === "running" || state === "paused"

const packageWords = (values: Readonly<Record<string, unknown>>): string =>
  Object.entries(values)
    .map(([name, version]) => `${name} ${String(version)}`)
    .join(", ") || "none"

export const packageRollout = Command.make("rollout").pipe(
  Command.withDescription("Packages in stages: a few agents first, back by itself when they have trouble"),
  Command.withSubcommands([
    startRollout,
    status,
    controlRollout("stop", "pause", "Let nothing go on; trouble still takes it back"),
    controlRollout("resume", "resume", "Go on where it was stopped"),
    rollback,
  ]),
)
