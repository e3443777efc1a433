// Which tables a batch goes to, and its rows as one Native block for each. Runs on the hot path: plain and synchronous.

import type { AnyBatch } from "../../model/ColumnBatch.ts"
import { encodeNative, type NativeColumn } from "../../runtime/clickhouse/native.ts"
import type { BatchTags, SideTags } from "../enrich/BatchTagger.ts"
import { application1m, application1s } from "../../tables/applicationMetrics.ts"
import { l7FlowLog } from "../../tables/l7FlowLog.ts"
import type { Table } from "../../tables/Table.ts"
import { applicationRows, rowsOfInterval } from "./applicationRows.ts"
import { l7Rows } from "./l7Rows.ts"
import type { RowIds } from "./RowIds.ts"

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
  if (batch.kind === "l7")
    return [blockOf(l7FlowLog, batch.rows, l7Rows(batch, times, tags, agent, ids, nowSecond))]
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
