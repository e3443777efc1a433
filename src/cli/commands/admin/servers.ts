// `sonde admin servers|leader|rebalance|regions`: the servers of the region and who has how much.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { styleText } from "node:util"
import type { PlanView } from "../../../wire/control/AdminRpc.ts"
import { print, printJson, table } from "../../output.ts"
import { adminFlags, withAdmin } from "./adminClient.ts"
import { ago, show, stateWord } from "./words.ts"

const id = Argument.String("server").pipe(
  Argument.withDescription("Id of the server, as `servers list` shows it"),
)

const list = Command.make(
  "list",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const servers = yield* withAdmin(flags, (client) => client.Servers({}))
    const nowMs = yield* Clock.currentTimeMillis
    show(flags.json, servers, () =>
      table(
        ["SERVER", "ROLES", "ZONE", "AGENTS", "ROWS/S", "CAPACITY", "VERSION", "CONTROL", "UP", ""],
        servers.map((server) => [
          server.id,
          server.roles.join(" "),
          server.zone,
          server.agents,
          server.load.toFixed(1),
          server.capacity,
          server.version,
          server.control,
          ago(server.startedMs, nowMs),
          [server.isLeader ? "leads" : "", server.isDraining ? styleText("yellow", "drains") : ""]
            .filter((word) => word !== "")
            .join(" "),
        ]),
      ),
    )
  }),
).pipe(Command.withDescription("List the living servers"))

const drain = (name: "drain" | "undrain", isDraining: boolean, description: string) =>
  Command.make(
    name,
    { id, ...adminFlags },
    Effect.fnUntraced(function* ({ id, ...flags }) {
      yield* withAdmin(flags, (client) => client.ServerDrain({ id, isDraining }))
      print(
        isDraining
          ? `server ${id} gives its agents to the others and takes none`
          : `server ${id} takes agents again`,
      )
    }),
  ).pipe(Command.withDescription(description))

export const servers = Command.make("servers").pipe(
  Command.withDescription("Servers of the region"),
  Command.withSubcommands([
    list,
    drain("drain", true, "Move all agents away from a server, before it is stopped"),
    drain("undrain", false, "Let a server take agents again"),
  ]),
)

export const leader = Command.make(
  "leader",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const { fence, server } = yield* withAdmin(flags, (client) => client.Leader({}))
    if (flags.json) printJson({ server, fence })
    else print(server === "" ? "nobody leads just now" : `server ${server} leads (fence ${fence})`)
  }),
).pipe(Command.withDescription("Which server leads"))

const drawPlan = ({ moves, servers, unplaced }: PlanView): string =>
  [
    table(
      ["SERVER", "ROWS/S", "THEN", "AGENTS", "THEN"],
      servers.map((server) => [
        server.id,
        server.loadBefore.toFixed(1),
        server.loadAfter.toFixed(1),
        server.agentsBefore,
        server.agentsAfter,
      ]),
    ),
    "",
    moves.length === 0
      ? "Nothing has to move."
      : table(
          ["AGENT", "HOST", "FROM", "TO", "ROWS/S", "WHY"],
          moves.map(({ agent, from, host, load, reason, to }) => [
            agent,
            host,
            from || "-",
            to,
            load.toFixed(1),
            reason,
          ]),
        ),
    ...unplaced.map(({ agent, reason }) => styleText("red", `agent ${agent} has no server: ${reason}`)),
  ].join("\n")

const plan = Command.make(
  "plan",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const plan = yield* withAdmin(flags, (client) => client.Plan({}))
    show(flags.json, [plan], () => drawPlan(plan))
  }),
).pipe(Command.withDescription("What rebalancing would move, and why; moves nothing"))

const apply = Command.make(
  "apply",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const plan = yield* withAdmin(flags, (client) => client.Rebalance({}))
    show(flags.json, [plan], () => drawPlan(plan))
  }),
).pipe(Command.withDescription("Rebalance now"))

export const rebalance = Command.make("rebalance").pipe(
  Command.withDescription("Which agents belong to which server"),
  Command.withSubcommands([plan, apply]),
)

const forgetRegion = Command.make(
  "forget",
  {
    region: Argument.String("region").pipe(Argument.withDescription("Name of the region")),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ region, ...flags }) {
    const { agents } = yield* withAdmin(flags, (client) => client.RegionForget({ name: region }))
    print(`region ${region} is forgotten; the names of ${agents} agents are free again`)
  }),
).pipe(Command.withDescription("Forget a region that is gone for good"))

export const regions = Command.make(
  "regions",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const regions = yield* withAdmin(flags, (client) => client.Regions({}))
    const nowMs = yield* Clock.currentTimeMillis
    show(flags.json, regions, () =>
      table(
        ["REGION", "STATE", "HEARD", "SERVERS", "AGENTS", "GUESTS", "QUERIES AT", ""],
        regions.map((region) => [
          region.isHere ? `${region.name} (here)` : region.name,
          stateWord(region.state),
          region.heardMs === undefined ? "-" : ago(region.heardMs, nowMs),
          region.servers,
          region.agents,
          region.guests ?? "-",
          region.http.join(" "),
          region.message,
        ]),
      ),
    )
  }),
).pipe(
  Command.withDescription(
    "This region and the others: which answer, what they have, when they were heard last",
  ),
  Command.withSubcommands([forgetRegion]),
)
