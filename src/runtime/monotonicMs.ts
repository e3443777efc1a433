// Milliseconds of the clock that never jumps: for everything that asks how long something took or may take. It stands still while
// the machine does, and says nothing of the time of day.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const nanosPerMs = 1e6

export const monotonicMs: Effect.Effect<number> = Effect.map(
  Clock.monotonicTimeNanos,
  (nanos) => Number(nanos) / nanosPerMs,
)
