// The commands by name, and how to get at each: only the one that is asked for is loaded, since all of them together would take two
// seconds to start. Their descriptions stand here, so that help lists them without loading any.

import * as Command from "effect/cli/Command"

interface Entry {
  readonly name: string
  readonly description: string
  readonly load: () => Promise<Command.Command.Any>
}

const entries: ReadonlyArray<Entry> = [
  {
    name: "up",
    description: "Run agent and server in one process tree",
    load: async () => (await import("./up.ts")).up,
  },
  {
    name: "agent",
    description: "Run the agent alone; it asks the servers at agent.controllers",
    load: async () => (await import("./agent.ts")).agent,
  },
  {
    name: "server",
    description: "Run a server without an agent; several share etcd",
    load: async () => (await import("./server.ts")).server,
  },
  {
    name: "doctor",
    description: "What this host allows and its agent has: on, off or given up, why, what to do",
    load: async () => (await import("./doctor.ts")).doctor,
  },
  {
    name: "demo",
    description: "Run a small real application under load: nginx, Node, Python, Redis",
    load: async () => (await import("./demo.ts")).demo,
  },
  {
    name: "top",
    description: "Who calls whom, how often and how fast, live",
    load: async () => (await import("./top.ts")).top,
  },
  {
    name: "query",
    description: "Ask a running Sonde in SQL",
    load: async () => (await import("./query.ts")).query,
  },
  {
    name: "trace",
    description: "Show one request and all that it set going, as a tree; or list traces",
    load: async () => (await import("./trace.ts")).trace,
  },
  {
    name: "replay",
    description: "Print the requests, messages or flows of a capture file",
    load: async () => (await import("./replay.ts")).replay,
  },
  {
    name: "config",
    description: "What can be configured, and what is",
    load: async () => (await import("./config.ts")).config,
  },
  {
    name: "admin",
    description: "Administer agents and servers: who there is, what they run with, who may do what",
    load: async () => (await import("./admin/admin.ts")).admin,
  },
]

const named = ({ description, name }: Entry): Command.Command.Any =>
  Command.make(name).pipe(Command.withDescription(description))

/** The commands for these arguments: the named one in full, all of them where completions are asked for. */
export const commandsFor = async (
  args: ReadonlyArray<string>,
): Promise<ReadonlyArray<Command.Command.Any>> => {
  const wanted = args.find((arg) => entries.some(({ name }) => name === arg))
  const isWhole = wanted === undefined && args.some((arg) => /^--(completions|wizard)/.test(arg))
  return Promise.all(
    entries.map(async (entry) => (isWhole || entry.name === wanted ? entry.load() : named(entry))),
  )
}
