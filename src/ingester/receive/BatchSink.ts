// Where received batches go: whoever stores rows provides this service; the receiver acknowledges what it has completed.

import * as Context from "effect/Context"
import * as Data from "effect/Data"
import type * as Effect from "effect/Effect"
import type { AnyBatch } from "../../model/ColumnBatch.ts"

export interface ReceivedBatch {
  readonly agentId: string
  /** Names one life of the agent; with `seq` it names the batch, for ever. */
  readonly instance: string
  readonly seq: number
  readonly batch: AnyBatch
}

/** The batch is not stored. `retriable`: the same batch may be stored later (the agent keeps it); else it never will. */
export class WriteError extends Data.TaggedError("WriteError")<{
  readonly retriable: boolean
  readonly message: string
  readonly cause?: unknown
}> {}

export class BatchSink extends Context.Service<
  BatchSink,
  {
    /**
     * Completes only when the batch is stored for good. The same (instance, seq) comes again whenever an acknowledgement got
     * lost: storing it a second time must change nothing.
     */
    readonly write: (received: ReceivedBatch) => Effect.Effect<void, WriteError>
  }
>()("sonde/ingester/BatchSink") {}
