// A whole trace by any of its rows or by its trace id: searched, assembled, told.

import * as Effect from "effect/Effect"
import { QueryStore } from "../store/QueryStore.ts"
import { type Asked, type Assembled, assembleTrace } from "./assemble/assembleTrace.ts"
import { DetailsReader } from "./DetailsReader.ts"
import { type TraceLimits, traceLimits } from "./limits.ts"
import { makeTrace } from "./makeTrace.ts"
import { type FoundRows, searchTrace } from "./search/searchTrace.ts"
import type { SpanDetails } from "./SpanDetails.ts"
import type { SpanRow } from "./SpanRow.ts"

const processName = (row: SpanRow, details: SpanDetails | undefined): string =>
  (row.point === "s-p" ? details?.serverProcess : details?.clientProcess) ?? ""

export interface FoundTrace {
  readonly assembled: Assembled
  /** Of every stored row in it. */
  readonly details: ReadonlyMap<string, SpanDetails>
  readonly found: FoundRows
}

/**
 * Undefined: there is no such row, or no row of such a trace. `given`: spans that are not stored and take part as if they were.
 */
export const findTrace = Effect.fn("findTrace")(function* (
  asked: Asked,
  limits: TraceLimits = traceLimits,
  given: ReadonlyArray<SpanRow> = [],
) {
  const own = new Set(given.map(({ id }) => id))
  const reader = new DetailsReader(yield* QueryStore)
  const read = (rows: ReadonlyArray<SpanRow>) => reader.read(rows.filter(({ id }) => !own.has(id)))
  const found = yield* searchTrace(asked, limits, given, read)
  yield* read(found.rows)
  const { details } = reader
  // A row that has just expired is in the search and not in the details.
  const rows = found.rows.filter(({ id }) => own.has(id) || details.has(id))
  const names = new Map(rows.map((row) => [row.id, processName(row, details.get(row.id))]))
  const assembled = assembleTrace(rows, asked, names)
  const whole: FoundTrace | undefined =
    assembled.spans.length === 0 ? undefined : { assembled, details, found }
  return whole
})

/** Undefined: there is no such row, or no row of such a trace. */
export const traceOf = Effect.fn("traceOf")(function* (asked: Asked, limits: TraceLimits = traceLimits) {
  const whole = yield* findTrace(asked, limits)
  return whole === undefined ? undefined : makeTrace(whole.assembled, whole.details, whole.found)
})
