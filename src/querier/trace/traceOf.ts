// A whole trace by any of its rows or by its trace id: searched, assembled, told.

import * as Effect from "effect/Effect"
import { QueryStore } from "../store/QueryStore.ts"
import { type Asked, assembleTrace } from "./assemble/assembleTrace.ts"
import { type TraceLimits, traceLimits } from "./limits.ts"
import { makeTrace } from "./makeTrace.ts"
import { detailsStatement } from "./search/searchStatements.ts"
import { searchTrace } from "./search/searchTrace.ts"
import { type SpanDetails, spanDetails } from "./SpanDetails.ts"
import type { SpanRow } from "./SpanRow.ts"
import type { Trace } from "./Trace.ts"

/** Rows in one question: their ids travel in its address. */
const mostAtOnce = 5_000

const detailsOf = Effect.fnUntraced(function* (rows: ReadonlyArray<SpanRow>) {
  const store = yield* QueryStore
  const details = new Map<string, SpanDetails>()
  for (let from = 0; from < rows.length; from += mostAtOnce) {
    const part = rows.slice(from, from + mostAtOnce)
    const seconds = [...new Set(part.map(({ second }) => second))]
    const found = yield* store.rows(
      detailsStatement(
        part.map(({ id }) => id),
        seconds,
      ),
    )
    for (const row of found) {
      const one = spanDetails(row)
      details.set(one.id, one)
    }
  }
  return details
})

const processName = (row: SpanRow, details: SpanDetails | undefined): string =>
  (row.point === "s-p" ? details?.serverProcess : details?.clientProcess) ?? ""

/** Undefined: there is no such row, or no row of such a trace. */
export const traceOf = Effect.fn("traceOf")(function* (asked: Asked, limits: TraceLimits = traceLimits) {
  const found = yield* searchTrace(asked, limits)
  const details = yield* detailsOf(found.rows)
  // A row that has just expired is in the search and not in the details.
  const rows = found.rows.filter(({ id }) => details.has(id))
  const names = new Map(rows.map((row) => [row.id, processName(row, details.get(row.id))]))
  const assembled = assembleTrace(rows, asked, names)
  if (assembled.spans.length === 0) return undefined
  const trace: Trace = makeTrace(assembled, details, found)
  return trace
})
