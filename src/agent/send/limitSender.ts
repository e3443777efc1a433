// How much of what waits for the server may be kept, as the settings say; taken by the sender at once.

import * as Effect from "effect/Effect"
import type { AgentSection, ConfigApplier } from "../control/applyConfig.ts"
import type { Sender } from "./Sender.ts"

const bytesPerMiB = 1_048_576

export const sendLimits = ({ memoryMiB, spoolMiB }: AgentSection) => ({
  memoryBytes: memoryMiB * bytesPerMiB,
  spoolBytes: spoolMiB * bytesPerMiB,
})

/** New settings concern the sender's limits, and the rest of the agent. */
export const limiting = (sender: Sender["Service"], rest: ConfigApplier): ConfigApplier => ({
  hot: (agent, changed) =>
    Effect.suspend(() => {
      sender.limit(sendLimits(agent))
      return rest.hot(agent, changed)
    }),
  restart: (agent, changed) =>
    Effect.suspend(() => {
      sender.limit(sendLimits(agent))
      return rest.restart(agent, changed)
    }),
})
