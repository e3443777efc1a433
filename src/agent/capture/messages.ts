// What crosses between the capture worker and the agent's main thread: finished batches as bytes, a status now and then.

import type { CaptureStatus, HookCost } from "../../model/AgentStatus.ts"
import type { SondeConfig } from "../../runtime/configSchema.ts"
import type { EncodedBatch } from "../../wire/ColumnEncoder.ts"
import type { Offer, ShedName } from "../budget/shedOrder.ts"
import type { OtherAgent } from "./HostClaim.ts"

export interface CaptureOptions {
  readonly agent: SondeConfig["agent"]
  /** Processes whose traffic is left alone from the start: Sonde's own. */
  readonly excludePids: ReadonlyArray<number>
  /** TCP ports whose traffic is left alone: Sonde's own and those configured. */
  readonly excludePorts: ReadonlyArray<number>
  /** Nothing is captured as long as this one does. */
  readonly other?: OtherAgent | undefined
  /** What is given up from the start to stay within the budget; left out: nothing. */
  readonly shed?: ReadonlyArray<ShedName>
}

/** What the kernel side of a source costs. */
export interface SourceCost {
  /** Share of one processor; null: not known. */
  readonly kernel: number | null
  readonly kernelMissing: string
  readonly hooks: ReadonlyArray<HookCost>
  readonly countedSeconds: number
  /** The ring: what waited in it at most since the last telling, its size, events that found no room. */
  readonly ring: { readonly peakBytes: number; readonly bytes: number; readonly lost: number }
  /** Events that processes were refused. */
  readonly refused: number
}

/** What the worker takes, told once a second. */
export interface CaptureCost extends SourceCost {
  /** CPU of its thread since it began, in microseconds. */
  readonly threadUs: number
  readonly heapBytes: number
  readonly heapLimitBytes: number
  readonly offers: ReadonlyArray<Offer>
}

/** From the worker. */
export type CaptureMessage =
  /** The buffer of its body is transferred. */
  | { readonly type: "batch"; readonly batch: EncodedBatch }
  | { readonly type: "status"; readonly status: CaptureStatus }
  | { readonly type: "cost"; readonly cost: CaptureCost }
  | { readonly type: "log"; readonly level: "info" | "warn"; readonly message: string }
  /** Everything was flushed and detached. */
  | { readonly type: "stopped" }

/** To the worker. */
export type CaptureCommand =
  | { readonly type: "stop" }
  /** Settings whose keys are marked `hot` are taken at once; the others need another worker. */
  | { readonly type: "configure"; readonly options: CaptureOptions }
  /** These features are given up from now on, and no others. */
  | { readonly type: "shed"; readonly steps: ReadonlyArray<ShedName> }
