// An agent that observes nothing: the real control client with a connection of its own, and what a host would tell.

import { mkdirSync } from "node:fs"
import * as Effect from "effect/Effect"
import { stayAttached } from "../src/agent/control/ControlClient.ts"
import { ServerList } from "../src/agent/control/ServerList.ts"
import { agentValuesDigest, type AgentValues, changedValues } from "../src/runtime/agentValues.ts"
import { connectRpc } from "../src/runtime/rpc/connectRpc.ts"
import { AgentRpc, controlProtocol, type ServerAddress } from "../src/wire/control/AgentRpc.ts"
import type { Address } from "../src/wire/socket.ts"

export interface SimulatedAgent {
  readonly at: number
  readonly id: string
  /** Names this life. */
  readonly instance: string
  /** Of this agent alone. */
  readonly directory: string
  readonly controllers: ReadonlyArray<string>
  /** Where a server is reached that says it is there. */
  readonly way?: (address: Address) => Address
  readonly rows: () => number
  readonly assigned: (server: ServerAddress) => Effect.Effect<void>
  /** With all values, not with what changed. */
  readonly configured: (version: number, values: AgentValues) => Effect.Effect<void>
}

export const agentId = (at: number): string => `agent-${at.toString().padStart(5, "0")}`

const capabilities = ["socket data", "packets"]

/** Stays attached until it is interrupted. */
export const simulatedAgent = ({
  assigned,
  at,
  configured,
  controllers,
  directory,
  id,
  instance,
  rows,
  way = (address) => address,
}: SimulatedAgent): Effect.Effect<never> =>
  Effect.suspend(() => {
    mkdirSync(directory, { recursive: true })
    let version = 0
    let digest = ""
    let values: AgentValues = {}
    const shuffled = controllers.map((_, index) => controllers[(index + at) % controllers.length]!)
    const servers = new ServerList(directory, shuffled)
    return stayAttached({
      servers,
      connect: (address) => connectRpc(AgentRpc, { address: way(address), timeoutMs: 10_000 }),
      work: {
        hello: () => ({
          agent: id,
          instance,
          protocol: controlProtocol,
          version: "simulated",
          host: `host-${at}`,
          machineId: `machine-${at}`,
          os: "Debian",
          kernel: "6.18",
          arch: "x64",
          cpuCount: 4,
          memoryMiB: 8_192,
          region: "",
          zone: "",
          capabilities,
          configVersion: version,
          configDigest: digest,
        }),
        assigned: (server, others) => {
          servers.tell(others, server)
          return assigned(server)
        },
        waiting: () => Effect.void,
        configure: (directive) =>
          Effect.suspend(() => {
            const next = changedValues(directive.base === 0 ? {} : values, directive.values)
            // A difference to something else than what is here is of no use.
            if (agentValuesDigest(next) !== directive.digest) return Effect.succeed(false)
            version = directive.version
            digest = directive.digest
            values = next
            return Effect.as(configured(version, values), true)
          }),
        use: () => Effect.void,
        useOnly: () => Effect.void,
        support: Effect.succeed(new Uint8Array()),
        report: () => ({
          state: "running",
          exceptions: [],
          capabilities,
          configVersion: version,
          configDigest: digest,
          configProblem: "",
          rows: rows(),
          bytes: 0,
          droppedRows: 0,
          cpuMs: 0,
          memoryMiB: 100,
        }),
      },
      enrolAgain: Effect.fail({ message: "these agents have no certificates" }),
    })
  })
