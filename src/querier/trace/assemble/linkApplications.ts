// Spans that programs tell of themselves: among each other by the ids they carry, and with the calls that carry their ids. A call
// stands between the span that made it and the span that answers it.

import { type SpanRow, spanKindOf } from "../SpanRow.ts"
import type { Call } from "./calls.ts"
import type { Forest } from "./Forest.ts"

const kinds = { internal: 1, server: 2, client: 3, producer: 4, consumer: 5 }

const isAnswering = ({ point, programKind }: SpanRow): boolean =>
  programKind === kinds.server || programKind === kinds.consumer || point === "s-app"

const isAsking = ({ point, programKind }: SpanRow): boolean =>
  programKind === kinds.client || programKind === kinds.producer || point === "c-app"

const key = (traceId: string, spanId: string): string => `${traceId} ${spanId}`

const spanIdOf = (rows: ReadonlyArray<SpanRow>, call: Call): SpanRow | undefined =>
  call.rows.map((row) => rows[row]!).find((row) => row.spanId !== "" && row.traceId !== "")

const listed = <Value>(map: Map<string, Array<Value>>, name: string, value: Value): void => {
  const known = map.get(name)
  if (known === undefined) map.set(name, [value])
  else known.push(value)
}

/** Clocks of other hosts may differ this much before a call does not fit a span that it is said to have caused. */
const clockUs = 10e6

const nearest = (
  rows: ReadonlyArray<SpanRow>,
  calls: ReadonlyArray<Call>,
  child: SpanRow,
): Call | undefined => {
  const apart = (call: Call): number => Math.abs(rows[call.rows.at(-1)!]!.startUs - child.startUs)
  return calls
    .filter((call) => apart(call) <= clockUs)
    .toSorted((a, b) => apart(a) - apart(b))
    .at(0)
}

export const linkApplications = (
  rows: ReadonlyArray<SpanRow>,
  calls: ReadonlyArray<Call>,
  forest: Forest,
): void => {
  const programs = new Map<string, Array<number>>()
  rows.forEach((row, at) => {
    if (spanKindOf(row) === "application" && row.traceId !== "" && row.spanId !== "")
      listed(programs, key(row.traceId, row.spanId), at)
  })
  if (programs.size === 0) return
  const carrying = new Map<string, Array<Call>>()
  for (const call of calls) {
    const row = spanIdOf(rows, call)
    if (row !== undefined) listed(carrying, key(row.traceId, row.spanId), call)
  }

  rows.forEach((row, at) => {
    if (spanKindOf(row) !== "application") return
    const text = `same trace id, and parent span id ${row.parentSpanId}`
    if (isAnswering(row)) {
      // Some tracers give both ends of a call one span id; most name the client's as the parent.
      const call =
        nearest(rows, carrying.get(key(row.traceId, row.parentSpanId)) ?? [], row) ??
        nearest(rows, carrying.get(key(row.traceId, row.spanId)) ?? [], row)
      const carried = call === undefined ? undefined : call.rows.at(-1)
      if (carried !== undefined) {
        const isParent = rows[carried]!.spanId === row.parentSpanId
        forest.link(at, carried, {
          reason: isParent ? "parent_span_id" : "span_id",
          confidence: "certain",
          text: isParent
            ? `${text} in the request`
            : `same trace id and span id ${row.spanId} in the request`,
        })
        return
      }
    }
    const parent = (programs.get(key(row.traceId, row.parentSpanId)) ?? []).find((each) => each !== at)
    if (row.parentSpanId !== "" && parent !== undefined)
      forest.link(at, parent, { reason: "parent_span_id", confidence: "certain", text })
  })

  for (const call of calls) {
    const row = spanIdOf(rows, call)
    if (row === undefined) continue
    const same = programs.get(key(row.traceId, row.spanId)) ?? []
    // The answering span with this id is below the call, not above it.
    const maker = same.find((each) => isAsking(rows[each]!)) ?? same.find((each) => !isAnswering(rows[each]!))
    const owner = maker ?? same.find((each) => forest.parentOf(each) !== call.rows.at(-1))
    if (owner === undefined) continue
    forest.link(call.rows[0]!, owner, {
      reason: "span_id",
      confidence: "certain",
      text: `same trace id and span id ${row.spanId}`,
    })
  }
}
