// The columns of flow_log.l7_flow_log that say where in a trace a request or span belongs.

import type { NativeColumn } from "../../runtime/clickhouse/native.ts"
import { splitSpanIds, splitTraceIds } from "./hexIds.ts"

export interface TraceIds {
  readonly trace_id: ReadonlyArray<string>
  readonly span_id: ReadonlyArray<string>
  readonly parent_span_id: ReadonlyArray<string>
}

export const idColumns = (ids: TraceIds, rows: number): ReadonlyArray<NativeColumn> => {
  const traces = splitTraceIds(ids.trace_id, rows)
  const spans = splitSpanIds(ids.span_id, rows)
  const parents = splitSpanIds(ids.parent_span_id, rows)
  return [
    { name: "_trace_id", type: "FixedString(16)", data: traces.binary },
    { name: "_trace_id_text", type: "String", data: traces.text },
    { name: "_span_id", type: "UInt64", data: spans.binary },
    { name: "_span_id_text", type: "String", data: spans.text },
    { name: "_parent_span_id", type: "UInt64", data: parents.binary },
    { name: "_parent_span_id_text", type: "String", data: parents.text },
  ]
}
