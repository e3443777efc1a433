// The agent's wiring: capture worker -> sender -> ingester, the worker's status beside it, and the region's control over it all.

import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import { hostname } from "node:os"
import { join } from "node:path"
import type { AgentStatus } from "../model/AgentStatus.ts"
import type { SondeConfig } from "../runtime/configSchema.ts"
import { exposeStats, processStats, StatsSources } from "../runtime/metrics.ts"
import { supervise } from "../runtime/supervise.ts"
import { type Address, parseAddress } from "../wire/socket.ts"
import { AgentStartError, readAgentId } from "./agentId.ts"
import { runCapture } from "./capture/Capture.ts"
import { agentControl } from "./control/AgentControl.ts"
import { noRemoteConfig } from "./control/RemoteConfig.ts"
import { readMachine } from "./resource/machine.ts"
import { Sender } from "./send/Sender.ts"

export interface AgentOptions {
  readonly version: string
  /** Processes to leave alone: Sonde's own. */
  readonly excludePids: ReadonlyArray<number>
}

/** Ports of Sonde's own conversations: none of them is a request to show. */
const ownPorts = (config: SondeConfig, server: Address | undefined): ReadonlyArray<number> =>
  [
    server?.port ?? 0,
    config.ingest.port,
    config.http.port,
    config.control.port,
    config.admin.port,
    ...config.agent.controllers.map((controller) => parseAddress(controller)?.port ?? 0),
    ...config.agent.excludePorts,
  ].filter((port) => port > 0)

/** Runs for as long as the gate is open; what was captured until it closes is flushed. */
const whileOpen = <E, R>(gate: Latch.Latch, closed: Latch.Latch, work: Effect.Effect<never, E, R>) =>
  Effect.gen(function* () {
    while (true) {
      yield* gate.await
      yield* Effect.raceFirst(work, closed.await)
    }
  })

const capture = (config: SondeConfig, agentId: string, server: Address | undefined, options: AgentOptions) =>
  Effect.gen(function* () {
    const sender = yield* Sender
    const registry = yield* StatsSources
    yield* exposeStats("agent_process", processStats)
    // What may work from the start, until a server says otherwise: an agent without its server works on.
    const gate = yield* Latch.make(true)
    const closed = yield* Latch.make(false)
    let latest: AgentStatus | undefined
    if (config.agent.controllers.length > 0) {
      yield* agentControl({
        config,
        agentId,
        version: options.version,
        sender,
        status: () => latest,
        remoteConfig: noRemoteConfig,
        mayWork: (may) =>
          may ? Effect.andThen(closed.close, gate.open) : Effect.andThen(gate.close, closed.open),
      })
    }
    const work = runCapture(
      { agent: config.agent, excludePids: options.excludePids, excludePorts: ownPorts(config, server) },
      {
        onBatch: (batch) => sender.push(batch),
        onStatus: (status) => {
          latest = {
            ...status,
            machine: readMachine(),
            counters: { ...status.counters, ...registry.snapshot() },
          }
          sender.tell(latest)
        },
      },
    ).pipe(Effect.scoped)
    return yield* supervise("agent/capture")(whileOpen(gate, closed, work))
  })

const addressOf = (config: SondeConfig): Effect.Effect<Address | undefined, AgentStartError> => {
  const { controllers, server } = config.agent
  const wrong = controllers.find((controller) => parseAddress(controller) === undefined)
  const expected = (key: string, found: string) =>
    Effect.fail(new AgentStartError({ message: `${key}: expected host:port, found "${found}"` }))
  if (wrong !== undefined) return expected("agent.controllers", wrong)
  if (server === "" && controllers.length > 0) return Effect.succeed(undefined)
  const address = parseAddress(server)
  return address === undefined ? expected("agent.server", server) : Effect.succeed(address)
}

/** Runs the agent until it is interrupted; then it flushes, detaches and keeps in the spool what the server did not take. */
export const runAgent = (config: SondeConfig, options: AgentOptions): Effect.Effect<void, AgentStartError> =>
  Effect.gen(function* () {
    const agentId = yield* readAgentId(config.data)
    const server = yield* addressOf(config)
    const sender = Sender.layer({
      ...(server === undefined ? {} : { server }),
      token: config.agent.token,
      agentId,
      host: hostname(),
      version: options.version,
      memoryBytes: config.agent.memoryMiB * 1_048_576,
      ...(config.agent.spoolMiB > 0
        ? { spool: { directory: join(config.data, "spool"), maxBytes: config.agent.spoolMiB * 1_048_576 } }
        : {}),
    })
    yield* Effect.provide(capture(config, agentId, server, options), sender)
  }).pipe(Effect.scoped)
