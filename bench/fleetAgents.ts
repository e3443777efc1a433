// Child of fleet.ts: many agents in one process. Usage: fleetAgents.ts COUNT DIRECTORY CONTROLLERS. Each line that it prints is JSON:
// {agent, event, ms}, ms by the monotonic clock.

import { join } from "node:path"
import * as Effect from "effect/Effect"
import { loggerLayer } from "../src/runtime/PinoLogger.ts"
import { agentId, simulatedAgent } from "./simulatedAgent.ts"

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
  const id = agentId(at)
  const startedMs = performance.now()
  return Effect.andThen(
    tell(id, "begins"),
    simulatedAgent({
      at,
      id,
      instance: "1",
      directory: join(directory, id),
      controllers,
      rows: () => Math.round((rateOf(at) * (performance.now() - startedMs)) / 1_000),
      assigned: (server) => tell(id, "assigned", { server: server.id }),
      configured: (version) => tell(id, "config", { version }),
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
