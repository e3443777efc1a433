// How an agent's `file` and `process` batches become columns of the event tables. `time`: the seconds their rows are filed under.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { EventSource, fileOperationName, processChangeName } from "../../model/events.ts"
import type { NativeColumn, NumberType } from "../../runtime/clickhouse/native.ts"
import type { SideTags } from "../enrich/BatchTagger.ts"
import { endText, errorText } from "./eventWords.ts"
import { pickNumbers, pickTexts } from "./pickRows.ts"
import type { RowIds } from "./RowIds.ts"

/** What rows of events have in common. */
const subject = (
  { columns }: ColumnBatch<"file"> | ColumnBatch<"process">,
  time: Uint32Array,
  tags: SideTags,
  rows: ReadonlyArray<number>,
  agentId: number,
  ids: RowIds,
  nowSecond: number,
  source: number,
): ReadonlyArray<NativeColumn> => {
  const count = rows.length
  const resources = pickNumbers(tags.resourceId, rows)
  return [
    { name: "time", type: "DateTime", data: pickNumbers(time, rows) },
    { name: "_id", type: "UInt64", data: ids.take(nowSecond, count) },
    { name: "start_time", type: "DateTime64(6)", data: pickNumbers(columns.start_time, rows) },
    { name: "end_time", type: "DateTime64(6)", data: pickNumbers(columns.end_time, rows) },
    { name: "resource_id", type: "UInt32", data: resources },
    { name: "tagged", type: "UInt8", data: resources.map((id) => (id === 0 ? 0 : 1)) },
    { name: "agent_id", type: "UInt16", data: new Uint16Array(count).fill(agentId) },
    { name: "signal_source", type: "UInt8", data: new Uint8Array(count).fill(source) },
  ]
}

export const fileRows = (
  batch: ColumnBatch<"file">,
  time: Uint32Array,
  tags: SideTags,
  rows: ReadonlyArray<number>,
  agentId: number,
  ids: RowIds,
  nowSecond: number,
  isSum: boolean,
): ReadonlyArray<NativeColumn> => {
  const { columns } = batch
  const number = (name: FileNumber, type: NumberType): NativeColumn => ({
    name,
    type,
    data: pickNumbers(columns[name], rows),
  })
  const text = (name: FileText): NativeColumn => ({
    name,
    type: "String",
    data: pickTexts(columns[name], rows),
  })
  const described = rows.map((row) => errorText(columns.error[row]!))
  return [
    ...subject(batch, time, tags, rows, agentId, ids, nowSecond, EventSource.io),
    {
      name: "event_type",
      type: "String",
      data: rows.map((row) => fileOperationName(columns.operation[row]!)),
    },
    { name: "event_desc", type: "String", data: described },
    number("process_id", "UInt32"),
    number("bytes", "UInt64"),
    number("duration", "UInt64"),
    number("offset", "UInt64"),
    number("syscall_thread", "UInt32"),
    number("syscall_coroutine", "UInt64"),
    text("file_dir"),
    text("file_name"),
    number("file_type", "UInt8"),
    text("mount_source"),
    text("mount_point"),
    number("access_permission", "UInt32"),
    ...(isSum
      ? [number("event_count", "UInt32"), number("duration_max", "UInt64")]
      : [number("syscall_trace_id", "UInt64")]),
  ]
}

export const processRows = (
  batch: ColumnBatch<"process">,
  time: Uint32Array,
  tags: SideTags,
  agentId: number,
  ids: RowIds,
  nowSecond: number,
): ReadonlyArray<NativeColumn> => {
  const { columns, rows: count } = batch
  const rows = Array.from({ length: count }, (_, row) => row)
  const changes = rows.map((row) => processChangeName(columns.change[row]!))
  const ends = rows.map((row) => endText(columns.exit_code[row]!, columns.exit_signal[row]!))
  return [
    ...subject(batch, time, tags, rows, agentId, ids, nowSecond, EventSource.process),
    { name: "event_type", type: "String", data: changes },
    { name: "pid", type: "UInt32", data: columns.process_id },
    { name: "process_kname", type: "String", data: columns.process_kname },
    { name: "parent_pid", type: "UInt32", data: columns.parent_pid },
    { name: "uid", type: "UInt32", data: columns.uid },
    { name: "gid", type: "UInt32", data: columns.gid },
    { name: "cmdline", type: "String", data: columns.cmdline },
    { name: "exec_path", type: "String", data: columns.exec_path },
    { name: "event_desc", type: "String", data: ends },
    { name: "exit_code", type: "Nullable(Int32)", data: columns.exit_code, absent: -1 },
    { name: "exit_signal", type: "UInt8", data: columns.exit_signal },
  ]
}

type FileColumns = ColumnBatch<"file">["columns"]
type FileText = {
  [Name in keyof FileColumns]: FileColumns[Name] extends Array<string> ? Name : never
}[keyof FileColumns]
type FileNumber = Exclude<keyof FileColumns, FileText>
