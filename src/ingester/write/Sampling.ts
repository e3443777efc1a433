// Sampling as the server shows it: in the health tree for as long as requests are left out. Off unless it is configured.

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { Health } from "../../runtime/Health.ts"
import { RowSampler } from "./sampleRows.ts"

const path = "server/ingester/sampling"
const lookTime = "5 seconds"

/** `most`: requests a second that are stored; 0: all. */
export const makeSampling = (most: number): Effect.Effect<RowSampler, never, Scope.Scope> =>
  Effect.gen(function* () {
    const sampler = new RowSampler(most)
    if (most === 0) return sampler
    const health = yield* Health
    health.set(path, "running")
    let before = 0
    const look = Effect.sync(() => {
      const now = sampler.leftOut - before
      before = sampler.leftOut
      if (now === 0) return health.set(path, "running")
      health.set(
        path,
        "degraded",
        `${now} requests of the last ${lookTime} were left out: more than ${most} a second came (ingest.sampleAboveRowsPerSecond)`,
      )
    })
    yield* Effect.forkScoped(look.pipe(Effect.delay(lookTime), Effect.forever))
    return sampler
  })
