// Why the embedded ClickHouse does not run here: one reason a person can act on, and a message that says how.

import * as Data from "effect/Data"

export type EngineErrorReason =
  /** Another process works in the data directory. */
  | "locked"
  | "notWritable"
  | "diskFull"
  /** There is no engine for this platform, or it is not installed. */
  | "unsupported"
  /** The launcher was not built. */
  | "notBuilt"
  | "portTaken"
  /** It started and ended, or did not answer in time. */
  | "failed"

export class EngineError extends Data.TaggedError("EngineError")<{
  readonly reason: EngineErrorReason
  readonly message: string
  readonly cause?: unknown
}> {}
