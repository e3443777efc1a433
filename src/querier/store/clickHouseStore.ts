// The QueryStore on ClickHouse: adds the limits to each statement and says of each failure what it means to
// who asked.

import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Semaphore from "effect/Semaphore"
import { ClickHouse, type ClickHouseError, type Settings } from "../../runtime/clickhouse/ClickHouse.ts"
import { queryLimits, reasonOfCode } from "./limits.ts"
import { QueryStore, StoreError } from "./QueryStore.ts"
import { readableMessage } from "./readableMessage.ts"

/** Numbers as numbers: what a user's SQL answers is passed on as text and never parsed here. */
const textSettings: Settings = {
  ...queryLimits,
  output_format_json_quote_64bit_integers: 0,
  output_format_json_escape_forward_slashes: 0,
}

const storeError = (error: ClickHouseError): StoreError =>
  new StoreError({
    reason: error.code === 0 ? "unavailable" : reasonOfCode(error.code),
    message: readableMessage(error.message.replace(/^no answer from ClickHouse: /, "")),
    cause: error,
  })

/**
 * Questions at the same time; further ones wait. The ingester needs connections and memory of the same
 * server.
 */
const maxConcurrent = 8

export const clickHouseStore: Layer.Layer<QueryStore, never, ClickHouse> = Layer.effect(
  QueryStore,
  Effect.gen(function* () {
    const clickHouse = yield* ClickHouse
    const permits = yield* Semaphore.make(maxConcurrent)
    const bounded = <A>(question: Effect.Effect<A, ClickHouseError>) =>
      Semaphore.withPermit(permits, question).pipe(Effect.mapError(storeError))
    return QueryStore.of({
      rows: ({ sql, params, settings }) =>
        bounded(clickHouse.query(sql, params, { ...queryLimits, ...settings })),
      text: (sql, { database, format, queryId }) =>
        bounded(
          clickHouse.raw(sql, {
            format,
            queryId,
            settings: textSettings,
            ...(database === undefined ? {} : { database }),
          }),
        ),
    })
  }),
)
