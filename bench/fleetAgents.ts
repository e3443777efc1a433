// Child of fleet.ts: many agents in one process, each with the real control client and a connection of its own. Usage:
// fleetAgents.ts COUNT DIRECTORY CONTROLLERS. Each line that it prints is JSON: {agent, event, ms}, ms by the monotonic clock.

import { mkdirSync } from "node:fs"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { stayAttached } from "../src/agent/control/ControlClient.ts"
import type { ControlWork } from "../src/agent/control/ControlSession.ts"
import { ServerList } from "../src/agent/control/ServerList.ts"
import { loggerLayer } from "../src/runtime/PinoLogger.ts"
import { connectRpc } from "../src/runtime/rpc/connectRpc.ts"
import { AgentRpc, controlProtocol } from "../src/wire/control/AgentRpc.ts"

const [count, directory, controllers] = [
  Number(process.argv[2]),
  process.argv[3]!,
  process.argv[4]!.split(","),
]

/** When the process asked last, so that an agent's wait is counted from its own first step. */
const tell = (agent: string, event: string, detail: Readonly<Record<string, unknown>> = {}) =>
  Effect.sync(() => console.log(JSON.stringify({ agent, event, ms: performance.now(), ...detail })))

/** Few agents have most of the traffic: rank to the power of -0.8. */
const rateOf = (at: number): number => 2_000 * (at + 1) ** -0.8

const agent = (at: number) => {
  const id = `agent-${at.toString().padStart(5, "0")}`
  const home = join(directory, id)
  mkdirSync(home, { recursive: true })
  let version = 0
  let digest = ""
  const startedMs = performance.now()
  const work: ControlWork = {
    hello: () => ({
      agent: id,
      instance: "1",
      protocol: controlProtocol,
      version: "bench",
      host: `host-${at}`,
      machineId: `machine-${at}`,
      os: "Debian",
      kernel: "6.18",
      arch: "x64",
      cpuCount: 4,
      memoryMiB: 8_192,
      region: "",
      zone: "",
      capabilities: ["socket data", "packets"],
      configVersion: version,
      configDigest: digest,
    }),
    assigned: (server) => tell(id, "assigned", { server: server.id }),
    waiting: () => Effect.void,
    configure: (directive) =>
      Effect.suspend(() => {
        version = directive.version
        digest = directive.digest
        return Effect.as(tell(id, "config", { version: directive.version, values: directive.values }), true)
      }),
    use: () => Effect.void,
    support: Effect.succeed(new Uint8Array()),
    report: () => ({
      state: "running",
      exceptions: [],
      capabilities: ["socket data", "packets"],
      configVersion: version,
      configDigest: digest,
      configProblem: "",
      rows: Math.round((rateOf(at) * (performance.now() - startedMs)) / 1_000),
      bytes: 0,
      droppedRows: 0,
      cpuMs: 0,
      memoryMiB: 100,
    }),
  }
  const shuffled = controllers.map((_, index) => controllers[(index + at) % controllers.length]!)
  return Effect.andThen(
    tell(id, "begins"),
    stayAttached({
      servers: new ServerList(home, shuffled),
      connect: (address) => connectRpc(AgentRpc, { address, timeoutMs: 10_000 }),
      work,
    }),
  )
}

process.stdin.on("end", () => process.exit(0))
process.stdin.resume()
await Effect.runPromise(
  Effect.forEach(
    Array.from({ length: count }, (_, at) => at),
    // Hosts do not boot in the same millisecond: twenty a second, which a large deployment does not reach.
    (at) => Effect.delay(agent(at), at * 50),
    { concurrency: "unbounded", discard: true },
  ).pipe(Effect.provide(loggerLayer({ level: "error", format: "json" }))),
)
