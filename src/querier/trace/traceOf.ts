// A whole trace by any of its rows or by its trace id: searched, assembled, told.

import * as Effect from "effect/Effect"
import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { QueryStore } from "../store/QueryStore.ts"
import { type Asked, type Assembled, assembleTrace } from "./assemble/assembleTrace.ts"
import { type TraceLimits, traceLimits } from "./limits.ts"
import { makeTrace } from "./makeTrace.ts"
import { detailsStatement, sideTagsStatement } from "./search/searchStatements.ts"
import { type FoundRows, searchTrace } from "./search/searchTrace.ts"
import { noTags, resourceIds, type SideTags, sideTags, type SpanDetails, spanDetails } from "./SpanDetails.ts"
import type { SpanRow } from "./SpanRow.ts"

/** Rows in one question: their ids travel in its address. */
const mostAtOnce = 5_000

const tagsOf = Effect.fnUntraced(function* (ids: ReadonlySet<number>) {
  const store = yield* QueryStore
  const tags = new Map<number, SideTags>()
  const asked = [...ids].filter((id) => id !== 0)
  for (let from = 0; from < asked.length; from += mostAtOnce)
    for (const row of yield* store.rows(sideTagsStatement(asked.slice(from, from + mostAtOnce))))
      tags.set(Number(row.id), sideTags(row))
  return tags
})

const detailsOf = Effect.fnUntraced(function* (spans: ReadonlyArray<SpanRow>) {
  const store = yield* QueryStore
  const found: Array<Row> = []
  for (let from = 0; from < spans.length; from += mostAtOnce) {
    const part = spans.slice(from, from + mostAtOnce)
    const seconds = [...new Set(part.map(({ second }) => second))]
    const ids = part.map(({ id }) => id)
    found.push(...(yield* store.rows(detailsStatement(ids, seconds))))
  }
  const tags = yield* tagsOf(new Set(found.flatMap(resourceIds)))
  const byId = new Map(spans.map((span) => [span.id, span]))
  return new Map(
    found.flatMap((row) => {
      const [client, server] = resourceIds(row)
      const span = byId.get(String(row.d_id))
      if (span === undefined) return []
      return [[span.id, spanDetails(row, span, tags.get(client) ?? noTags, tags.get(server) ?? noTags)]]
    }),
  )
})

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
  const found = yield* searchTrace(asked, limits, given)
  const own = new Set(given.map(({ id }) => id))
  const details = yield* detailsOf(found.rows.filter(({ id }) => !own.has(id)))
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
