// How an agent's `l7` batch becomes columns of flow_log.l7_flow_log. `time`: the seconds its rows are filed under.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { absentCode, absentLength } from "../../model/L7Session.ts"
import type { NativeColumn } from "../../runtime/clickhouse/native.ts"
import type { BatchTags } from "../enrich/BatchTagger.ts"
import { flowColumns } from "./flowColumns.ts"
import { idColumns } from "./idColumns.ts"
import type { RowIds } from "./RowIds.ts"

export const l7Rows = (
  batch: ColumnBatch<"l7">,
  time: Uint32Array,
  tags: BatchTags,
  agentId: number,
  ids: RowIds,
  nowSecond: number,
): ReadonlyArray<NativeColumn> => {
  const { rows, columns } = batch
  const number = <Name extends NumberColumn>(
    name: Name,
    type: "UInt8" | "UInt16" | "UInt32" | "UInt64" | "DateTime64(6)",
  ): NativeColumn => ({ name, type, data: columns[name] })
  const text = (name: TextColumn): NativeColumn => ({ name, type: "String", data: columns[name] })
  return [
    ...flowColumns(batch, time, tags, agentId, ids, nowSecond),
    number("start_time", "DateTime64(6)"),
    number("end_time", "DateTime64(6)"),
    number("signal_source", "UInt16"),
    number("type", "UInt8"),
    number("l7_protocol", "UInt8"),
    number("protocol", "UInt8"),
    text("version"),
    number("is_tls", "UInt8"),
    number("is_async", "UInt8"),
    number("direction_score", "UInt8"),
    number("flow_id", "UInt64"),
    number("client_port", "UInt16"),
    number("server_port", "UInt16"),
    number("process_id_0", "UInt32"),
    number("process_id_1", "UInt32"),
    number("syscall_thread_0", "UInt32"),
    number("syscall_thread_1", "UInt32"),
    number("syscall_trace_id_request", "UInt64"),
    number("syscall_trace_id_response", "UInt64"),
    number("syscall_coroutine_0", "UInt64"),
    number("syscall_coroutine_1", "UInt64"),
    number("syscall_cap_seq_0", "UInt32"),
    number("syscall_cap_seq_1", "UInt32"),
    number("req_tcp_seq", "UInt32"),
    number("resp_tcp_seq", "UInt32"),
    text("request_type"),
    text("request_domain"),
    text("request_resource"),
    text("endpoint"),
    { name: "request_id", type: "Nullable(UInt64)", data: columns.request_id, absent: -1 },
    number("response_status", "UInt8"),
    { name: "response_code", type: "Nullable(Int32)", data: columns.response_code, absent: absentCode },
    text("response_exception"),
    text("response_result"),
    { name: "sql_affected_rows", type: "Nullable(UInt64)", data: columns.sql_affected_rows, absent: -1 },
    number("response_duration", "UInt64"),
    { name: "request_length", type: "Nullable(Int64)", data: columns.request_length, absent: absentLength },
    { name: "response_length", type: "Nullable(Int64)", data: columns.response_length, absent: absentLength },
    number("captured_request_byte", "UInt32"),
    number("captured_response_byte", "UInt32"),
    text("http_proxy_client"),
    text("x_request_id_0"),
    text("x_request_id_1"),
    ...idColumns(columns, rows),
    { name: "attribute_names", type: "Array(String)", data: columns.attribute_names },
    { name: "attribute_values", type: "Array(String)", data: columns.attribute_values },
  ]
}

type Columns = ColumnBatch<"l7">["columns"]
type TextColumn = {
  [Name in keyof Columns]: Columns[Name] extends Array<string> ? Name : never
}[keyof Columns]
type NumberColumn = Exclude<
  { [Name in keyof Columns]: Columns[Name] extends ArrayLike<number> ? Name : never }[keyof Columns],
  "ip_0" | "ip_1"
>
