import { describe, expect, it } from "vitest"
import type { AnyBatch } from "../../model/ColumnBatch.ts"
import { applicationColumns, l7Columns } from "../../model/columns.ts"
import { application1m, application1s } from "../../tables/applicationMetrics.ts"
import { l7FlowLog } from "../../tables/l7FlowLog.ts"
import { storedColumns, type Table } from "../../tables/Table.ts"
import { BatchTagger } from "../enrich/BatchTagger.ts"
import { ResourceIndex } from "../enrich/ResourceIndex.ts"
import { TagInterner } from "../enrich/TagInterner.ts"
import { filedSeconds, keptAYear, noTimeStats } from "./filedSeconds.ts"
import { RowIds } from "./RowIds.ts"
import { tableBlocks } from "./tableBlocks.ts"
import { metrics, requests, second } from "./writer.testing.ts"

/** Tags of a batch when nothing is known of its sides. */
const untagged = (batch: AnyBatch) =>
  new BatchTagger(new ResourceIndex(), new TagInterner()).tag(batch, "agent", 1)

const blocksOf = (batch: AnyBatch) => {
  const times = filedSeconds(batch, second, keptAYear, noTimeStats())
  return tableBlocks(batch, times, untagged(batch), 1, new RowIds(1, 0), 1)
}

describe("tableBlocks", () => {
  it("fills columns the tables store, and leaves only those that other signals fill", () => {
    const [l7] = blocksOf(requests(1))
    const unfilled = (table: Table, columns: ReadonlyArray<string>) => {
      const stored = storedColumns(table)
      expect(columns.filter((name) => !stored.includes(name))).toEqual([])
      return stored.filter((name) => !columns.includes(name))
    }
    const [seconds, minutes] = blocksOf(metrics())
    expect(unfilled(application1s, seconds!.columns)).toEqual([
      "capture_network_type_id",
      "biz_type",
      "direction_score",
    ])
    expect(unfilled(application1m, minutes!.columns)).toEqual(unfilled(application1s, seconds!.columns))
    expect(unfilled(l7FlowLog, l7!.columns)).toEqual([])
  })

  it("uses every column that agents send", () => {
    const l7 = new Set<string>(blocksOf(requests(1))[0]!.columns)
    const tags = ["ip", "process_kname", "gprocess", "container"].flatMap((name) => [
      `${name}_0`,
      `${name}_1`,
    ])
    const ids = ["trace_id", "span_id", "parent_span_id"]
    const unused = l7Columns.map((column) => column.name).filter((name) => !l7.has(name))
    expect(unused.sort()).toEqual([...tags, ...ids].sort())
    const application = new Set<string>(blocksOf(metrics())[0]!.columns)
    const unusedOfMetrics = applicationColumns
      .map(({ name }) => name)
      .filter((name) => !application.has(name))
    expect(unusedOfMetrics).toEqual([
      "interval",
      "ip",
      "process_id",
      "process_kname",
      "gprocess",
      "container",
    ])
  })
})
