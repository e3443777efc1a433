// The newest rows of a time, in the order of their numbers: first of its last seconds, then of ever more, until there are enough. Whoever
// looks at a day wants to see its newest 200 requests, not to have a day's requests sorted.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { TimeRange } from "../http/timeRange.ts"
import { firstIdOf, storedSecond } from "./rowId.ts"

export interface NewestPage {
  readonly limit: number
  /** Rows with `after < _id < before`. */
  readonly before: string | undefined
  readonly after: string | undefined
}

const firstSeconds = 10
/** What was read in vain before is little beside each next question. */
const stretch = 8

/** At least `limit + 1` rows, or all that there are. `ask`: the newest `limit + 1` with `after < _id`. */
export const newestRows = Effect.fnUntraced(function* <Row, E, R>(
  { fromUs, toUs }: TimeRange,
  { after, before, limit }: NewestPage,
  ask: (after: string | undefined) => Effect.Effect<ReadonlyArray<Row>, E, R>,
) {
  const nowUs = (yield* Clock.currentTimeMillis) * 1_000
  const end = before === undefined ? Math.ceil(Math.min(toUs, nowUs) / 1e6) : storedSecond(before) + 1
  const known = after === undefined ? 0n : BigInt(after)
  for (let seconds = firstSeconds; (end - seconds) * 1e6 > fromUs; seconds *= stretch) {
    const first = firstIdOf(end - seconds)
    if (first <= known) break
    const rows = yield* ask(String(first))
    if (rows.length > limit) return rows
  }
  return yield* ask(after)
})
