// What a server may set for agents: a part of the section `agent`, each key with what its change asks of a running agent. How to reach
// a server, secrets and directories are not in it: a wrong value there would cut the agent off from whoever could correct it.

import * as Schema from "effect/Schema"
import { genevePorts, tunnelNames, vxlanPorts } from "../model/tunnels.ts"
import { choice, choices, flag, integer, integers, rules, section, text, texts } from "./configFields.ts"
import { type ConfigKey, keysOfSchema } from "./schemaKeys.ts"

export const agentConfigFields = {
  capture: choice(
    ["auto", "ebpf", "packets", "none"],
    "auto",
    "`auto` takes the best the kernel and the privileges allow: system calls (eBPF), else packets, else an inventory only.",
    "restart",
  ),
  besideAnother: choice(
    ["wait", "capture"],
    "wait",
    "While another agent captures on this host: `wait` until it ends and list processes meanwhile; `capture` as well, so that all is stored twice.",
    "restart",
  ),
  payload: choice(
    ["full", "metrics"],
    "full",
    "`full`: requests are read from what connections carry; `metrics`: connections are only counted (bytes, packets, round trips, retransmissions), and nothing is hooked that their system calls pay for. Of system calls, not of packets.",
    "restart",
  ),
  interface: text("", "Interface for packet capture; empty: all.", "restart"),
  tunnels: choices(
    tunnelNames,
    tunnelNames,
    "Tunnels that are looked into, so that connections are those of the packets within; `vxlan` is also GPE and NSH, `teb` is Ethernet in GRE, `ipip` also 6in4.",
    "hot",
  ),
  vxlanPorts: integers(
    vxlanPorts,
    1,
    65_535,
    "UDP ports of VXLAN; elsewhere it is only taken for VXLAN what cannot be anything else.",
    "hot",
  ),
  genevePorts: integers(genevePorts, 1, 65_535, "UDP ports of Geneve.", "hot"),
  payloadBytes: integer(
    1_024,
    64,
    4_096,
    "Most payload bytes taken of one system call; of HTTP/2, Redis and brokers, where many messages go with one call, four times as many, up to 4,095.",
    "restart",
  ),
  ringMiB: integer(16, 1, 256, "Size of the kernel's ring buffer.", "restart"),
  excludePorts: integers([], 1, 65_535, "TCP ports whose traffic is left alone, besides Sonde's own.", "hot"),
  excludePrograms: texts(
    ["clickhouse", "clickhouse-serv", "ch-embedded"],
    "Programs (kernel command names) whose traffic is left alone, besides Sonde itself.",
    "hot",
  ),
  filter: section("Whose requests are read (docs/filters.md).", {
    include: rules(
      [],
      "Whose requests are read; of each kind of rule that there is one must match. Empty: everybody's.",
      "hot",
    ),
    exclude: rules([], "Whose requests are not read, also when they are included.", "hot"),
    connections: choice(
      ["all", "included"],
      "all",
      "`all`: connections whose requests are not read are still counted in flow log and network metrics; `included`: they are left alone.",
      "hot",
    ),
  }),
  tls: flag(
    true,
    "Read what programs say within TLS, by hooks on the functions of their TLS libraries (OpenSSL and its relatives, GnuTLS, Go's crypto/tls, rustls).",
    "restart",
  ),
  javaTls: flag(
    false,
    "Read what Java says within TLS: running JVMs whose requests are read load a part of Sonde, which leads calls within the JDK's TLS through a library (docs/tls.md says what that costs). Filters and `excludePrograms` say which are left alone, and so does `tlsExcludePrograms`.",
    "restart",
  ),
  asyncio: flag(
    true,
    "Tell the Tasks of Python's asyncio apart, by hooks where the interpreter's module `_asyncio` runs them, so that calls are joined with the requests they are made for.",
    "restart",
  ),
  tlsExcludePrograms: texts(
    ["clickhouse", "clickhouse-serv", "ch-embedded"],
    "Programs (kernel command names, or names of their files) into which no hook is put, because they check their own code.",
    "restart",
  ),
  handOvers: flag(
    true,
    "Follow work that goes from one thread or goroutine to another and back, in processes that are seen to hand work over: by their wake-ups.",
    "restart",
  ),
  files: flag(
    true,
    "Follow calls on files that have to wait for them: slow ones one by one, all of them as sums by process and file.",
    "restart",
  ),
  fileSlowUs: integer(
    1_000,
    0,
    1_000_000,
    "Microseconds that a call on a file waits before it is told of one by one.",
    "restart",
  ),
  processEvents: flag(true, "Keep begins and ends of processes as rows.", "restart"),
  maskLiterals: flag(
    true,
    "Replace values in commands (Redis), and of arguments of processes that are named like secrets, by `?` before they leave the agent.",
    "restart",
  ),
  sampleOneIn: integer(
    1,
    1,
    1_000_000,
    "Of so many traces (without a trace id: requests) one is stored request by request; metrics count all. 1: all are stored.",
    "hot",
  ),
  sessionSeconds: integer(120, 1, 3_600, "How long a request waits for its response.", "hot"),
  maxConnections: integer(
    65_536,
    64,
    4_194_304,
    "Connections followed at the same time; the idlest is given up beyond.",
    "restart",
  ),
  budget: section("What the agent may take of this machine (docs/budgets.md).", {
    cpuPercent: integer(
      100,
      1,
      6_400,
      "Most CPU of the agent, all its threads and its kernel programs, in percent of one processor; near it, features are given up in turn.",
      "hot",
    ),
    residentMiB: integer(
      768,
      192,
      1_048_576,
      "Most resident memory of the agent's process; near it, features are given up in turn, beyond it capture starts anew.",
      "hot",
    ),
    eventsPerProcess: integer(
      100_000,
      0,
      100_000_000,
      "Most events that one process may cause in a second (a system call that moves bytes is one), so that it cannot push out what others say; 0: any number.",
      "hot",
    ),
    sockets: integer(
      65_536,
      1_024,
      1_048_576,
      "Connections of which the kernel side keeps the state at the same time; the longest unused is forgotten beyond.",
      "restart",
    ),
  }),
  flushMs: integer(500, 50, 10_000, "How often batches leave the agent.", "hot"),
  memoryMiB: integer(64, 1, 4_096, "Batches kept in memory while the server does not acknowledge.", "hot"),
  spoolMiB: integer(256, 0, 1_048_576, "Batches kept on disk while the server is away; 0: none.", "hot"),
}

export const AgentConfigSchema = Schema.Struct(agentConfigFields).annotate({
  title: "Settings of agents",
  description: "What a server may set for agents; every key is optional.",
})

export interface AgentConfigKey extends ConfigKey {
  readonly change: "hot" | "restart"
}

const isAgentKey = (key: ConfigKey): key is AgentConfigKey => key.change !== undefined

/** Every key that a server may set, in the schema's order; paths are those within the section `agent`. */
export const agentConfigKeys: ReadonlyArray<AgentConfigKey> =
  keysOfSchema(AgentConfigSchema).filter(isAgentKey)

const byPath = new Map(agentConfigKeys.map((key) => [key.path, key]))

export const agentConfigKey = (path: string): AgentConfigKey | undefined => byPath.get(path)
