// Waiting for ClickHouse: whatever must be stored is tried until it is taken, or refused for what it is. Counts the tries, and says
// what is going on at most once a minute, however much waits.

import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { ClickHouseError } from "../../runtime/clickhouse/ClickHouse.ts"
import { isDiskFull } from "../../runtime/clickhouse/errorCodes.ts"

const firstRetryMs = 100
const longestRetryMs = 5_000
const logEveryMs = 60_000

export class Patience extends Context.Service<
  Patience,
  {
    /** Undefined once it succeeded, else the error that another try would not change. */
    readonly untilTaken: <A>(
      store: Effect.Effect<A, ClickHouseError>,
    ) => Effect.Effect<ClickHouseError | undefined>
    /** Failures that were answered by another try. */
    readonly retries: () => number
  }
>()("sonde/ingester/Patience") {
  static readonly layer: Layer.Layer<Patience> = Layer.sync(Patience, () => {
    let retries = 0
    let loggedMs = Number.NEGATIVE_INFINITY
    const tell = Effect.fnUntraced(function* (error: ClickHouseError) {
      retries++
      const nowMs = yield* Clock.currentTimeMillis
      if (nowMs - loggedMs < logEveryMs) return
      loggedMs = nowMs
      yield* isDiskFull(error.code, error.message)
        ? Effect.logError(
            "ClickHouse's disk is full: nothing is stored and agents keep their batches until space is freed " +
              `(shorten storage.logHours, or make room): ${error.message}`,
          )
        : Effect.logWarning(`ClickHouse does not take rows now, trying on: ${error.message}`)
    })
    return {
      untilTaken: Effect.fnUntraced(function* <A>(store: Effect.Effect<A, ClickHouseError>) {
        for (let waitMs = firstRetryMs; ; waitMs = Math.min(waitMs * 2, longestRetryMs)) {
          const outcome = yield* Effect.result(store)
          if (Result.isSuccess(outcome)) return undefined
          const error = outcome.failure
          if (!error.retriable) return error
          yield* tell(error)
          yield* Effect.sleep(waitMs)
        }
      }),
      retries: () => retries,
    }
  })
}
