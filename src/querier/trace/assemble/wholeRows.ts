// Rows that tell of one thing become one: the same row stored twice, and a response stored apart from its request.

import { RecordType } from "../../../model/L7Session.ts"
import type { SpanRow } from "../SpanRow.ts"

export interface WholeRows {
  readonly rows: ReadonlyArray<SpanRow>
  /** Ids of the rows that went into each, by its own id. */
  readonly otherIds: ReadonlyMap<string, ReadonlyArray<string>>
}

/** Everything but the id. */
const content = (row: SpanRow): string => JSON.stringify({ ...row, id: "" })

/** Halves of one message at one place; empty: nothing says which response is which request's. */
const pairKey = (row: SpanRow): string =>
  row.requestId === "" || row.flowId === ""
    ? ""
    : JSON.stringify([row.agent, row.flowId, row.point, row.l7Protocol, row.requestId])

const mostApartUs = 300e6

const joined = (request: SpanRow, response: SpanRow): SpanRow => ({
  ...request,
  type: RecordType.session,
  endUs: Math.max(request.endUs, response.endUs),
  responseTcpSeq: response.responseTcpSeq,
  causalResponse: response.causalResponse === "" ? request.causalResponse : response.causalResponse,
  xRequestId1: response.xRequestId1,
  traceId: request.traceId === "" ? response.traceId : request.traceId,
  spanId: request.spanId === "" ? response.spanId : request.spanId,
  parentSpanId: request.parentSpanId === "" ? response.parentSpanId : request.parentSpanId,
})

export const wholeRows = (given: ReadonlyArray<SpanRow>): WholeRows => {
  const rows: Array<SpanRow> = []
  const otherIds = new Map<string, Array<string>>()
  const swallow = (into: string, id: string): void => {
    if (into === id) return
    const known = otherIds.get(into)
    if (known === undefined) otherIds.set(into, [id])
    else known.push(id)
  }
  const seen = new Map<string, string>()
  /** Positions of requests that wait for their response. */
  const waiting = new Map<string, number>()
  for (const row of given.toSorted((a, b) => a.startUs - b.startUs || a.type - b.type)) {
    const text = content(row)
    const twin = seen.get(text)
    if (twin !== undefined) {
      swallow(twin, row.id)
      continue
    }
    seen.set(text, row.id)
    const key = row.type === RecordType.session ? "" : pairKey(row)
    if (row.type === RecordType.response && key !== "") {
      const at = waiting.get(key)
      const request = at === undefined ? undefined : rows[at]!
      if (at !== undefined && request !== undefined && row.startUs - request.startUs <= mostApartUs) {
        waiting.delete(key)
        rows[at] = joined(request, row)
        seen.set(text, request.id)
        swallow(request.id, row.id)
        continue
      }
    }
    rows.push(row)
    if (row.type === RecordType.request && key !== "") waiting.set(key, rows.length - 1)
  }
  return { rows, otherIds }
}
