// The machines that connected agents tell of, for the labeler: those of this server, and those of the region's other servers, which the
// controller asks for once it is there.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentDirectory, type AgentRegistry } from "../ingester/receive/AgentDirectory.ts"
import { type Machine, MachineFeed } from "../labeler/source/machines/MachineFeed.ts"

/** How often the other servers are asked. */
const askEveryMs = 3_000

export const machinesOf = (agents: AgentRegistry): ReadonlyArray<Machine> =>
  agents.list().flatMap(({ connected, id, status }): ReadonlyArray<Machine> => {
    if (status === undefined) return []
    return [{ ...status.machine, agentId: id, isConnected: connected }]
  })

export class MachinesElsewhere {
  private ask: Effect.Effect<ReadonlyArray<Machine>> = Effect.succeed([])
  private known: ReadonlyArray<Machine> = []
  private askedMs = Number.NEGATIVE_INFINITY

  /** From now on these are asked. */
  from(ask: Effect.Effect<ReadonlyArray<Machine>>): void {
    this.ask = ask
  }

  readonly list: Effect.Effect<ReadonlyArray<Machine>> = Effect.gen({ self: this }, function* () {
    const nowMs = yield* Clock.currentTimeMillis
    if (nowMs - this.askedMs < askEveryMs) return this.known
    this.askedMs = nowMs
    this.known = yield* this.ask
    return this.known
  })
}

export const machineFeed = (elsewhere: MachinesElsewhere): Layer.Layer<MachineFeed, never, AgentDirectory> =>
  Layer.effect(
    MachineFeed,
    Effect.map(AgentDirectory, (agents) => ({
      list: Effect.map(elsewhere.list, (others) => {
        const here = machinesOf(agents)
        // An agent that moved is known to two servers: the one it is connected to counts.
        const connected = new Set(here.flatMap((one) => (one.isConnected ? [one.agentId] : [])))
        const away = others.filter((one) => !connected.has(one.agentId))
        const elsewhereIds = new Set(away.flatMap((one) => (one.isConnected ? [one.agentId] : [])))
        return [...here.filter((one) => one.isConnected || !elsewhereIds.has(one.agentId)), ...away]
      }),
    })),
  )
