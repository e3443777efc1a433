// The agent's wiring: capture worker -> sender -> ingester, the worker's status beside it.

import * as Effect from "effect/Effect"
import { hostname } from "node:os"
import { join } from "node:path"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { exposeStats, processStats, StatsSources } from "../runtime/metrics.ts"
import { supervise } from "../runtime/supervise.ts"
import { type Address, parseAddress } from "../wire/socket.ts"
import { AgentStartError, readAgentId } from "./agentId.ts"
import { runCapture } from "./capture/Capture.ts"
import { readMachine } from "./resource/machine.ts"
import { Sender } from "./send/Sender.ts"

export interface AgentOptions {
  readonly version: string
  /** Processes to leave alone: Sonde's own. */
  readonly excludePids: ReadonlyArray<number>
}

/** Ports of Sonde's own conversations: none of them is a request to show. */
const ownPorts = (config: SondeConfig, server: Address): ReadonlyArray<number> =>
  [server.port, config.ingest.port, config.http.port, ...config.agent.excludePorts].filter((port) => port > 0)

const capture = (config: SondeConfig, server: Address, options: AgentOptions) =>
  Effect.gen(function* () {
    const sender = yield* Sender
    const registry = yield* StatsSources
    yield* exposeStats("agent_process", processStats)
    const work = runCapture(
      { agent: config.agent, excludePids: options.excludePids, excludePorts: ownPorts(config, server) },
      {
        onBatch: (batch) => sender.push(batch),
        onStatus: (status) =>
          sender.tell({
            ...status,
            machine: readMachine(),
            counters: { ...status.counters, ...registry.snapshot() },
          }),
      },
    ).pipe(Effect.scoped)
    return yield* supervise("agent/capture")(work)
  })

/** Runs the agent until it is interrupted; then it flushes, detaches and keeps in the spool what the server did not take. */
export const runAgent = (config: SondeConfig, options: AgentOptions): Effect.Effect<void, AgentStartError> =>
  Effect.gen(function* () {
    const agentId = yield* readAgentId(config.data)
    const server = parseAddress(config.agent.server)
    if (server === undefined) {
      return yield* new AgentStartError({
        message: `agent.server: expected host:port, found "${config.agent.server}"`,
      })
    }
    const sender = Sender.layer({
      server,
      token: config.agent.token,
      agentId,
      host: hostname(),
      version: options.version,
      memoryBytes: config.agent.memoryMiB * 1_048_576,
      ...(config.agent.spoolMiB > 0
        ? { spool: { directory: join(config.data, "spool"), maxBytes: config.agent.spoolMiB * 1_048_576 } }
        : {}),
    })
    yield* Effect.provide(capture(config, server, options), sender)
  }).pipe(Effect.scoped)
