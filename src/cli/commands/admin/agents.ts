// `sonde admin agents ...`: which agents there are, how they fare, who has them.

import { writeFileSync } from "node:fs"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Argument from "effect/cli/Argument"
import * as Command from "effect/cli/Command"
import { styleText } from "node:util"
import { print, printJson, table } from "../../output.ts"
import { adminFlags, withAdmin } from "./adminClient.ts"
import { ago, show, stateWord } from "./words.ts"

const id = Argument.String("agent").pipe(
  Argument.withDescription("Id of the agent, as `agents list` shows it"),
)

const list = Command.make(
  "list",
  adminFlags,
  Effect.fnUntraced(function* (flags) {
    const agents = yield* withAdmin(flags, (client) => client.Agents({}))
    const nowMs = yield* Clock.currentTimeMillis
    show(flags.json, agents, () =>
      agents.length === 0
        ? "No agent has come yet. Start one with `sonde agent`."
        : table(
            ["AGENT", "HOST", "STATE", "GROUP", "SERVER", "VERSION", "CONFIG", "ROWS/S", "SEEN"],
            agents.map((agent) => [
              agent.id,
              agent.host,
              stateWord(agent.state) + (agent.guestOf === undefined ? "" : `, of ${agent.guestOf}`),
              agent.group,
              agent.server === "" ? "-" : agent.server,
              agent.versionWanted === "" || agent.versionWanted === agent.version
                ? agent.version
                : `${agent.version} of ${agent.versionWanted}`,
              agent.configVersion === agent.configWanted
                ? String(agent.configVersion)
                : `${agent.configVersion} of ${agent.configWanted}`,
              agent.load.toFixed(1),
              ago(agent.lastSeenMs, nowMs),
            ]),
          ),
    )
  }),
).pipe(Command.withDescription("List all agents of the region"))

const showOne = Command.make(
  "show",
  { id, ...adminFlags },
  Effect.fnUntraced(function* ({ id, ...flags }) {
    const {
      agent,
      config,
      conflicts = [],
      home = "",
      origins,
    } = yield* withAdmin(flags, (client) => client.Agent({ id }))
    if (flags.json) return printJson({ ...agent, config, origins, home, conflicts })
    const nowMs = yield* Clock.currentTimeMillis
    print(
      table(
        ["", ""],
        [
          ["agent", agent.id],
          ["host", agent.host],
          ["state", stateWord(agent.state)],
          ["version", agent.version],
          ...(agent.versionWanted === "" ? [] : [["version wanted", agent.versionWanted]]),
          ...(agent.versionLastGood === "" ? [] : [["goes back to", agent.versionLastGood]]),
          ...(agent.packages.length === 0
            ? []
            : [["packages", agent.packages.map(({ name, version }) => `${name} ${version}`).join(", ")]]),
          ["group", agent.group],
          ["region, zone", [agent.region, agent.zone].filter((part) => part !== "").join(", ")],
          ...(agent.guestOf === undefined ? [] : [["guest of", `region ${agent.guestOf}`]]),
          ...(home === "" ? [] : [["at home in", `region ${home}`]]),
          ...conflicts.map(({ host, region, sinceMs }) => [
            styleText("red", "conflict"),
            `region ${region} has another agent of this name, on host ${host}, since ${ago(sinceMs, nowMs)}`,
          ]),
          [
            "server",
            agent.server === agent.place
              ? agent.server
              : `${agent.server || "none"}, belongs to ${agent.place || "none"}`,
          ],
          ["rows a second", agent.load.toFixed(1)],
          ["memory", `${agent.memoryMiB} MiB`],
          ["clock", `${(agent.clockOffsetUs / 1_000).toFixed(1)} ms behind the server`],
          ["seen", `${ago(agent.lastSeenMs, nowMs)} ago, first ${ago(agent.firstSeenMs, nowMs)} ago`],
          ["can", agent.capabilities.join(", ")],
          ...agent.exceptions.map(({ code, message }) => [code, message]),
          ...(agent.configProblem === "" ? [] : [["configuration", agent.configProblem]]),
        ],
      ),
    )
    const keys = Object.keys(config)
    if (keys.length > 0) {
      print(
        `\n${table(
          ["SETTING", "VALUE", "FROM"],
          keys.map((key) => [key, JSON.stringify(config[key]), String(origins[key] ?? "")]),
        )}`,
      )
    }
  }),
).pipe(
  Command.withDescription("Show one agent: state, abilities, what it runs with and where that comes from"),
)

const change = (
  name: "approve" | "enable" | "disable",
  state: "approved" | "enabled" | "disabled",
  description: string,
) =>
  Command.make(
    name,
    { id, ...adminFlags },
    Effect.fnUntraced(function* ({ id, ...flags }) {
      yield* withAdmin(flags, (client) => client.AgentSet({ id, state }))
      print(`agent ${id}: ${state}`)
    }),
  ).pipe(Command.withDescription(description))

const move = Command.make(
  "move",
  { id, to: Argument.String("to").pipe(Argument.withDescription("Id of the server")), ...adminFlags },
  Effect.fnUntraced(function* ({ id, to, ...flags }) {
    yield* withAdmin(flags, (client) => client.AgentMove({ id, server: to }))
    print(`agent ${id} belongs to server ${to}; it moves by itself, once what it has sent is acknowledged`)
  }),
).pipe(Command.withDescription("Move an agent to a server"))

const remove = Command.make(
  "delete",
  { id, ...adminFlags },
  Effect.fnUntraced(function* ({ id, ...flags }) {
    yield* withAdmin(flags, (client) => client.AgentDelete({ id }))
    print(
      `agent ${id} is forgotten and its certificate revoked; should it still run, it comes again only with a new token`,
    )
  }),
).pipe(Command.withDescription("Forget an agent"))

const support = Command.make(
  "support",
  {
    id,
    file: Argument.String("file").pipe(Argument.withDescription("Where to write the bundle (JSON, gzip)")),
    ...adminFlags,
  },
  Effect.fnUntraced(function* ({ file, id, ...flags }) {
    const bundle = yield* withAdmin(flags, (client) => client.AgentSupport({ id }))
    yield* Effect.sync(() => writeFileSync(file, bundle))
    print(
      `${file}: ${bundle.length} bytes from agent ${id}; it holds no payloads, but names of hosts and programs`,
    )
  }),
).pipe(Command.withDescription("Fetch a bundle for support: what the agent sees, can, counts and logs"))

export const agents = Command.make("agents").pipe(
  Command.withDescription("Agents of the region"),
  Command.withSubcommands([
    list,
    showOne,
    change("approve", "approved", "Let an agent that waits for approval work"),
    change("enable", "enabled", "Let a disabled agent work again"),
    change("disable", "disabled", "Have an agent stop its work until it is enabled"),
    move,
    remove,
    support,
  ]),
)
