// What crosses between the capture worker and the agent's main thread: finished batches as bytes, a status now and then.

import type { CaptureStatus } from "../../model/AgentStatus.ts"
import type { SondeConfig } from "../../runtime/configSchema.ts"
import type { EncodedBatch } from "../../wire/ColumnEncoder.ts"
import type { OtherAgent } from "./HostClaim.ts"

export interface CaptureOptions {
  readonly agent: SondeConfig["agent"]
  /** Processes whose traffic is left alone from the start: Sonde's own. */
  readonly excludePids: ReadonlyArray<number>
  /** TCP ports whose traffic is left alone: Sonde's own and those configured. */
  readonly excludePorts: ReadonlyArray<number>
  /** Nothing is captured as long as this one does. */
  readonly other?: OtherAgent | undefined
}

/** From the worker. */
export type CaptureMessage =
  /** The buffer of its body is transferred. */
  | { readonly type: "batch"; readonly batch: EncodedBatch }
  | { readonly type: "status"; readonly status: CaptureStatus }
  | { readonly type: "log"; readonly level: "info" | "warn"; readonly message: string }
  /** Everything was flushed and detached. */
  | { readonly type: "stopped" }

/** To the worker. */
export type CaptureCommand =
  | { readonly type: "stop" }
  /** Settings whose keys are marked `hot` are taken at once; the others need another worker. */
  | { readonly type: "configure"; readonly options: CaptureOptions }
