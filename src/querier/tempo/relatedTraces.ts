// Traces in which spans stand to each other as asked: those that have one of the spans are put together, the newest first, and looked at.
// Bounded in traces and in time; what was not looked at is not found, and the answer says so.

import * as Effect from "effect/Effect"
import { monotonicMs } from "../../runtime/monotonicMs.ts"
import { tracesOf } from "../trace/list/traceList.ts"
import type { TraceFilter } from "../trace/list/traceFilter.ts"
import type { Trace } from "../trace/Trace.ts"
import { traceOf } from "../trace/traceOf.ts"
import { spansFound } from "./spansets.ts"
import type { SpansetExpression } from "./traceQl.ts"

export interface RelatedTrace {
  readonly trace: Trace
  /** Positions of what was found in `spans`; at least one. */
  readonly found: ReadonlyArray<number>
}

export interface RelatedTraces {
  readonly traces: ReadonlyArray<RelatedTrace>
  /** Traces that were looked at. */
  readonly inspected: number
  /** More may be found. */
  readonly isPartial: boolean
}

/** Requests by which traces are looked for, and how long that may take. */
const candidatesMost = 200
const looksMs = 5_000

export const relatedTraces = Effect.fn("relatedTraces")(function* (
  filter: TraceFilter,
  related: SpansetExpression,
  limit: number,
) {
  const untilMs = (yield* monotonicMs) + looksMs
  const page = { limit: candidatesMost, order: "newest", before: undefined, after: undefined } as const
  const candidates = yield* tracesOf(filter, page)
  const seen = new Set<string>()
  const traces: Array<RelatedTrace> = []
  let inspected = 0
  let isPartial = candidates.next !== null
  for (const { id } of candidates.traces) {
    if (traces.length >= limit) break
    if (seen.has(id)) continue
    if ((yield* monotonicMs) >= untilMs) {
      isPartial = true
      break
    }
    const trace = yield* traceOf({ rowId: id })
    if (trace === undefined) continue
    inspected++
    for (const span of trace.spans) seen.add(span.id)
    const found = spansFound(related, trace)
    if (found.length > 0) traces.push({ trace, found })
  }
  const result: RelatedTraces = { traces, inspected, isPartial }
  return result
})
