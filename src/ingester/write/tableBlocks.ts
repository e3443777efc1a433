// Which tables a batch goes to, and its rows as one Native block for each. Runs on the hot path: plain and synchronous.

import type { AnyBatch, ColumnBatch } from "../../model/ColumnBatch.ts"
import { encodeNative, type NativeColumn } from "../../runtime/clickhouse/native.ts"
import type { BatchTags, SideTags } from "../enrich/BatchTagger.ts"
import { application1m, application1s } from "../../tables/applicationMetrics.ts"
import { fileAggEvent, fileEvent, procOpsEvent } from "../../tables/eventTables.ts"
import { l4FlowLog } from "../../tables/l4FlowLog.ts"
import { l7FlowLog } from "../../tables/l7FlowLog.ts"
import { network, networkMap } from "../../tables/networkMetrics.ts"
import type { Table } from "../../tables/Table.ts"
import { applicationRows } from "./applicationRows.ts"
import { fileRows, processRows } from "./eventRows.ts"
import { l4Rows } from "./l4Rows.ts"
import { l7Rows } from "./l7Rows.ts"
import { networkMapRows, networkRows, rowsOfRole } from "./networkRows.ts"
import { rowsOfInterval } from "./pickRows.ts"
import type { RowIds } from "./RowIds.ts"
import { spanRows } from "./spanRows.ts"

export interface TableBlock {
  readonly table: Table
  readonly rows: number
  readonly columns: ReadonlyArray<string>
  readonly block: Uint8Array
}

const blockOf = (table: Table, rows: number, columns: ReadonlyArray<NativeColumn>): TableBlock => ({
  table,
  rows,
  columns: columns.map((column) => column.name),
  block: encodeNative(rows, columns),
})

const applicationBlocks = (
  batch: ColumnBatch<"application">,
  times: Uint32Array,
  tags: BatchTags,
  agent: number,
): ReadonlyArray<TableBlock> => {
  const observed = tags.sides[0] as SideTags
  const blocks: Array<TableBlock> = []
  for (const [table, interval] of [
    [application1s, 1],
    [application1m, 60],
  ] as const) {
    const rows = rowsOfInterval(batch, interval)
    if (rows.length > 0)
      blocks.push(blockOf(table, rows.length, applicationRows(batch, times, observed, rows, agent)))
  }
  return blocks
}

const networkBlocks = (
  batch: ColumnBatch<"network">,
  times: Uint32Array,
  tags: BatchTags,
  agent: number,
): ReadonlyArray<TableBlock> => {
  const blocks: Array<TableBlock> = []
  for (const [both, one, interval] of [
    [networkMap.seconds, network.seconds, 1],
    [networkMap.minutes, network.minutes, 60],
  ] as const) {
    const rows = rowsOfInterval(batch, interval)
    if (rows.length > 0)
      blocks.push(blockOf(both, rows.length, networkMapRows(batch, times, tags, rows, agent)))
    for (const role of [0, 1] as const) {
      const own = rowsOfRole(batch, rows, role)
      if (own.length > 0)
        blocks.push(blockOf(one, own.length, networkRows(batch, times, tags, own, role, agent)))
    }
  }
  return blocks
}

/** Single calls and sums have a table each. */
const fileBlocks = (
  batch: ColumnBatch<"file">,
  times: Uint32Array,
  tags: BatchTags,
  agent: number,
  ids: RowIds,
  nowSecond: number,
): ReadonlyArray<TableBlock> => {
  const [side] = tags.sides as readonly [SideTags]
  const isSingle = (row: number): boolean => batch.columns.interval[row] === 0
  const all = Array.from({ length: batch.rows }, (_, row) => row)
  return [
    { table: fileEvent, rows: all.filter(isSingle) },
    { table: fileAggEvent, rows: all.filter((row) => !isSingle(row)) },
  ].flatMap(({ rows, table }) => {
    if (rows.length === 0) return []
    const columns = fileRows(batch, times, side, rows, agent, ids, nowSecond, table === fileAggEvent)
    return [blockOf(table, rows.length, columns)]
  })
}

/** `times`: the seconds that the rows are filed under. Blocks without rows are left out. */
export const tableBlocks = (
  batch: AnyBatch,
  times: Uint32Array,
  tags: BatchTags,
  agent: number,
  ids: RowIds,
  nowSecond: number,
): ReadonlyArray<TableBlock> => {
  if (batch.rows === 0) return []
  switch (batch.kind) {
    case "l7":
      return [blockOf(l7FlowLog, batch.rows, l7Rows(batch, times, tags, agent, ids, nowSecond))]
    case "span":
      return [blockOf(l7FlowLog, batch.rows, spanRows(batch, times, tags, agent, ids, nowSecond))]
    case "l4":
      return [blockOf(l4FlowLog, batch.rows, l4Rows(batch, times, tags, agent, ids, nowSecond))]
    case "application":
      return applicationBlocks(batch, times, tags, agent)
    case "network":
      return networkBlocks(batch, times, tags, agent)
    case "file":
      return fileBlocks(batch, times, tags, agent, ids, nowSecond)
    case "process": {
      const [side] = tags.sides as readonly [SideTags]
      return [blockOf(procOpsEvent, batch.rows, processRows(batch, times, side, agent, ids, nowSecond))]
    }
  }
}
