// The settings that the server gives an agent, as this agent has taken them.

import type * as Effect from "effect/Effect"
import type { ConfigDirective } from "./ControlSession.ts"

export interface RemoteConfig {
  readonly version: () => number
  readonly digest: () => string
  /** Why the newest is not in use; empty: it is. */
  readonly problem: () => string
  /** False: it does not build upon what there is. */
  readonly take: (directive: ConfigDirective) => Effect.Effect<boolean>
}
