// The one way long work runs: under a name, restarted with back-off when it fails, visible in the health tree.

import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Random from "effect/Random"
import { Health } from "./Health.ts"

export interface RestartPolicy {
  /** Wait before the first restart; doubles with each further one. */
  readonly initial?: Duration.Input
  /** Longest wait. */
  readonly most?: Duration.Input
  /** After running this long the next failure counts as the first again. */
  readonly stableAfter?: Duration.Input
}

/**
 * Runs `work` until it is interrupted; a failure or defect is logged and answered by a restart after the policy's back-off
 * (jittered by 20 %). Work that ends by itself is done and stays stopped. `path` is its place in the health tree.
 */
export const supervise =
  (path: string, policy: RestartPolicy = {}) =>
  <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<void, never, R> =>
    Effect.gen(function* () {
      const health = yield* Health
      const initialMs = Duration.toMillis(policy.initial ?? "200 millis")
      const mostMs = Duration.toMillis(policy.most ?? "5 seconds")
      const stableMs = Duration.toMillis(policy.stableAfter ?? "30 seconds")
      const part = health.part(path)
      let failures = 0
      while (true) {
        const startedMs = yield* Clock.currentTimeMillis
        health.set(path, "running")
        const exit = yield* Effect.exit(work)
        if (Exit.isSuccess(exit)) {
          health.set(path, "stopped")
          return
        }
        if (Cause.hasInterruptsOnly(exit.cause)) return yield* Effect.interrupt
        const endedMs = yield* Clock.currentTimeMillis
        failures = endedMs - startedMs >= stableMs ? 1 : failures + 1
        part.restarts++
        const reason = Cause.squash(exit.cause)
        const message = reason instanceof Error ? reason.message : String(reason)
        health.set(path, "restarting", message)
        const jitter = 0.8 + 0.4 * (yield* Random.next)
        const waitMs = Math.min(initialMs * 2 ** Math.min(failures - 1, 20), mostMs) * jitter
        yield* Effect.logWarning(
          `${path} failed, restarting in ${Math.round(waitMs)} ms: ${message}`,
          exit.cause,
        )
        yield* Effect.sleep(waitMs)
      }
    }).pipe(Effect.annotateLogs("part", path))
