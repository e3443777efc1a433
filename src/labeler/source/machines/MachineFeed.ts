// What agents report of the machines they run on, as the labeler needs it. Whoever knows the agents fills it.

import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import type { MachineView } from "../../../model/AgentStatus.ts"

/** Without a machine id the host name stands for it. */
export interface Machine extends MachineView {
  readonly agentId: string
  /** The agent is there now. */
  readonly isConnected: boolean
}

export class MachineFeed extends Context.Service<
  MachineFeed,
  { readonly list: Effect.Effect<ReadonlyArray<Machine>> }
>()("sonde/labeler/MachineFeed") {}
