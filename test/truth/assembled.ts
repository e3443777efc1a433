// Traces as the query API assembles them: the same score on what people see, and whether each is whole.

import type { Sonde } from "../system/support/Sonde.ts"
import { requestIn } from "./marks.ts"
import type { Hop } from "./Scenario.ts"
import type { Parents, SeenRow } from "./score.ts"

/** Of `/api/v1/traces/ID`, as far as it matters here. */
export interface Trace {
  readonly spans: ReadonlyArray<Span>
  readonly roots: ReadonlyArray<number>
}

export interface Span {
  readonly id: string
  readonly otherIds: ReadonlyArray<string>
  readonly point: string
  readonly server: { readonly port: number }
  readonly resource: string
  /** In `spans`; -1: a root. */
  readonly parent: number
}

/** The traces of these requests, each asked for by the row in which the first program was asked; without those that have no such row. */
export const traceOf = async (
  sonde: Sonde,
  front: number,
  request: number,
  rows: ReadonlyArray<SeenRow>,
): Promise<Trace | undefined> => {
  const row = rows.find((one) => one.point === "s-p" && one.port === front && one.request === request)
  return row === undefined ? undefined : sonde.get<Trace>(`/api/v1/traces/${row.id}`)
}

/** Request that the nearest span above belongs to in which this program was asked. */
const claimedAbove = (trace: Trace, at: number, port: number): ReadonlyArray<number> => {
  for (let above = trace.spans[at]!.parent; above >= 0; above = trace.spans[above]!.parent) {
    const { point, resource, server } = trace.spans[above]!
    if (point === "s-p" && server.port === port) {
      const request = requestIn(resource)
      return request === undefined ? [] : [request]
    }
  }
  return []
}

/** Parents as the traces have them; a row that several traces have may have one in each. */
export const parentsByTraces = (traces: ReadonlyArray<Trace>): ((hop: Hop) => Parents) => {
  const places = new Map<string, Array<readonly [trace: Trace, at: number]>>()
  for (const trace of traces) {
    for (const [at, { id, otherIds }] of trace.spans.entries()) {
      for (const one of [id, ...otherIds]) {
        const known = places.get(one)
        if (known === undefined) places.set(one, [[trace, at]])
        else known.push([trace, at])
      }
    }
  }
  return (hop) => (call) => [
    ...new Set((places.get(call.id) ?? []).flatMap(([trace, at]) => claimedAbove(trace, at, hop.port))),
  ]
}

/** One tree with every row of its request, and none of another request. */
export const isWhole = (trace: Trace, request: number, rows: ReadonlyArray<SeenRow>): boolean => {
  const ids = new Set(trace.spans.flatMap(({ id, otherIds }) => [id, ...otherIds]))
  return (
    trace.roots.length === 1 &&
    rows.every((row) => row.request !== request || ids.has(row.id)) &&
    trace.spans.every(({ resource }) => (requestIn(resource) ?? request) === request)
  )
}
