// The machines that connected agents tell of, for the labeler.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { AgentDirectory } from "../ingester/receive/AgentDirectory.ts"
import { type Machine, MachineFeed } from "../labeler/source/machines/MachineFeed.ts"

export const machineFeed: Layer.Layer<MachineFeed, never, AgentDirectory> = Layer.effect(
  MachineFeed,
  Effect.map(AgentDirectory, (agents) => ({
    list: Effect.sync(() =>
      agents.list().flatMap(({ connected, id, status }): ReadonlyArray<Machine> => {
        if (status === undefined) return []
        const { addresses, host, kernel, machineId, os } = status.machine
        return [{ agentId: id, machineId, host, addresses, kernel, os, isConnected: connected }]
      }),
    ),
  })),
)
