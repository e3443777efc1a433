// The agent's wiring: capture -> sender -> ingester, and its status beside it.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { join } from "node:path"
import { Config } from "../runtime/Config.ts"
import { exposeStats, processStats, StatsSources } from "../runtime/metrics.ts"
import { supervise } from "../runtime/supervise.ts"
import { runCapture } from "./capture/Capture.ts"
import { Sender } from "./send/Sender.ts"

export interface AgentOptions {
  /** Processes to leave alone besides this one. */
  readonly excludePids: ReadonlyArray<number>
}
