// The capture worker as the agent's main thread sees it: started, supervised, stopped in order. Batches arrive as bytes and
// are handed on at once; nothing per event crosses this boundary.

import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Worker } from "node:worker_threads"
import type { CaptureStatus } from "../../model/AgentStatus.ts"
import type { EncodedBatch } from "../../wire/ColumnEncoder.ts"
import type { CaptureCommand, CaptureCost, CaptureMessage, CaptureOptions } from "./messages.ts"

/** The capture worker ended by itself. */
export class CaptureFailed extends Data.TaggedError("CaptureFailed")<{
  readonly message: string
  /** Its heap was full. */
  readonly isOutOfMemory?: boolean
  readonly cause?: unknown
}> {}

export interface CaptureHandlers {
  readonly onBatch: (batch: EncodedBatch) => void
  readonly onStatus: (status: CaptureStatus) => void
  /** About once a second. */
  readonly onCost?: (cost: CaptureCost) => void
  /** The worker runs; it can be told from now on. */
  readonly onStarted?: (tell: (command: CaptureCommand) => void) => void
}

/** What the agent needs beside the worker's heap: code, the main thread, buffers. */
const restMiB = 128
const heapLeastMiB = 96

/** Most JavaScript heap of the worker, so that the agent as a whole stays within its budget of memory. */
const heapMiB = ({ budget, memoryMiB, ringMiB }: CaptureOptions["agent"]): number =>
  // The ring is mapped twice.
  Math.max(heapLeastMiB, budget.residentMiB - memoryMiB - 2 * ringMiB - restMiB)

/** Time the worker gets to flush and detach; a tracepoint takes about 50 ms to detach. */
const stopMs = 5_000

const stop = (worker: Worker): Effect.Effect<void> =>
  Effect.callback<void>((resume) => {
    worker.on("message", (message: CaptureMessage) => {
      if (message.type === "stopped") resume(Effect.void)
    })
    worker.once("exit", () => resume(Effect.void))
    worker.postMessage({ type: "stop" } satisfies CaptureCommand)
  }).pipe(
    Effect.timeoutOption(stopMs),
    Effect.andThen(Effect.promise(() => worker.terminate())),
    Effect.asVoid,
  )

/** Captures until it is interrupted (then flushes first) or the worker fails. */
export const runCapture = (
  options: CaptureOptions,
  handlers: CaptureHandlers,
): Effect.Effect<never, CaptureFailed, Scope.Scope> =>
  Effect.gen(function* () {
    const run = Effect.runForkWith(yield* Effect.context<never>())
    const worker = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new Worker(new URL("./worker.ts", import.meta.url), {
            workerData: options,
            resourceLimits: { maxOldGenerationSizeMb: heapMiB(options.agent) },
          }),
      ),
      stop,
    )
    return yield* Effect.callback<never, CaptureFailed>((resume) => {
      worker.on("message", (message: CaptureMessage) => {
        if (message.type === "batch") handlers.onBatch(message.batch)
        else if (message.type === "status") handlers.onStatus(message.status)
        else if (message.type === "cost") handlers.onCost?.(message.cost)
        else if (message.type === "log") {
          run(message.level === "warn" ? Effect.logWarning(message.message) : Effect.logInfo(message.message))
        }
      })
      handlers.onStarted?.((command) => worker.postMessage(command))
      worker.once("error", (cause) =>
        resume(
          new CaptureFailed({
            message: `the capture worker failed: ${cause instanceof Error ? cause.message : String(cause)}`,
            isOutOfMemory: (cause as { code?: unknown }).code === "ERR_WORKER_OUT_OF_MEMORY",
            cause,
          }),
        ),
      )
      worker.once("exit", (code) =>
        resume(new CaptureFailed({ message: `the capture worker ended with status ${code}` })),
      )
    })
  })
