// How an agent's `span` batch becomes columns of flow_log.l7_flow_log, the table of requests: a span that a program told of stands
// beside what was seen of the same call. Columns that are not named here have no value of such a span.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { absentCode, absentLength, RecordType } from "../../model/L7Session.ts"
import type { NativeColumn } from "../../runtime/clickhouse/native.ts"
import type { BatchTags } from "../enrich/BatchTagger.ts"
import { flowColumns } from "./flowColumns.ts"
import { idColumns } from "./idColumns.ts"
import type { RowIds } from "./RowIds.ts"

const texts = [
  "version",
  "request_type",
  "request_domain",
  "request_resource",
  "endpoint",
  "response_exception",
  "app_service",
  "app_instance",
  "events",
] as const

export const spanRows = (
  batch: ColumnBatch<"span">,
  time: Uint32Array,
  tags: BatchTags,
  agentId: number,
  ids: RowIds,
  nowSecond: number,
): ReadonlyArray<NativeColumn> => {
  const { columns, rows } = batch
  const durations = new Float64Array(rows)
  for (let row = 0; row < rows; row++)
    durations[row] = Math.max(0, columns.end_time[row]! - columns.start_time[row]!)
  return [
    ...flowColumns(batch, time, tags, agentId, ids, nowSecond),
    { name: "start_time", type: "DateTime64(6)", data: columns.start_time },
    { name: "end_time", type: "DateTime64(6)", data: columns.end_time },
    { name: "signal_source", type: "UInt16", data: columns.signal_source },
    { name: "span_kind", type: "Nullable(UInt8)", data: columns.span_kind, absent: 0 },
    { name: "type", type: "UInt8", data: new Uint8Array(rows).fill(RecordType.session) },
    { name: "l7_protocol", type: "UInt8", data: columns.l7_protocol },
    { name: "protocol", type: "UInt8", data: columns.protocol },
    { name: "server_port", type: "UInt16", data: columns.server_port },
    { name: "process_id_0", type: "UInt32", data: columns.process_id_0 },
    { name: "process_id_1", type: "UInt32", data: columns.process_id_1 },
    ...texts.map((name): NativeColumn => ({ name, type: "String", data: columns[name] })),
    { name: "response_status", type: "UInt8", data: columns.response_status },
    { name: "response_code", type: "Nullable(Int32)", data: columns.response_code, absent: absentCode },
    { name: "response_duration", type: "UInt64", data: durations },
    { name: "request_length", type: "Nullable(Int64)", data: columns.request_length, absent: absentLength },
    { name: "response_length", type: "Nullable(Int64)", data: columns.response_length, absent: absentLength },
    ...idColumns(columns, rows),
    { name: "attribute_names", type: "Array(String)", data: columns.attribute_names },
    { name: "attribute_values", type: "Array(String)", data: columns.attribute_values },
  ]
}
