import { describe, expect, it } from "vitest"
import { type AnyBatch, makeBatch } from "../../model/ColumnBatch.ts"
import { applicationColumns, l4Columns, l7Columns, networkColumns, spanColumns } from "../../model/columns.ts"
import { application1m, application1s } from "../../tables/applicationMetrics.ts"
import { fileAggEvent, fileEvent, procOpsEvent } from "../../tables/eventTables.ts"
import { l4FlowLog } from "../../tables/l4FlowLog.ts"
import { l7FlowLog } from "../../tables/l7FlowLog.ts"
import { network, networkMap } from "../../tables/networkMetrics.ts"
import { storedColumns, type Table } from "../../tables/Table.ts"
import { BatchTagger } from "../enrich/BatchTagger.ts"
import { ResourceIndex } from "../enrich/ResourceIndex.ts"
import { TagInterner } from "../enrich/TagInterner.ts"
import { filedSeconds, keptAYear, noTimeStats } from "./filedSeconds.ts"
import { RowIds } from "./RowIds.ts"
import { type TableBlock, tableBlocks } from "./tableBlocks.ts"
import { flows, metrics, requests, second, traffic } from "./writer.testing.ts"

/** Tags of a batch when nothing is known of its sides. */
const untagged = (batch: AnyBatch) =>
  new BatchTagger(new ResourceIndex(), new TagInterner()).tag(batch, "agent", 1)

const blocksOf = (batch: AnyBatch) => {
  const times = filedSeconds(batch, second, keptAYear, noTimeStats())
  return tableBlocks(batch, times, untagged(batch), 1, new RowIds(1, 0), 1)
}

/** A call and the sum of a minute. */
const fileBatch = () => {
  const batch = makeBatch("file", 2)
  batch.rows = 2
  const { columns } = batch
  columns.interval[1] = 60
  columns.operation.set([3, 200])
  columns.error.set([28, 0])
  columns.end_time.fill(second * 1e6)
  columns.file_name.splice(0, 2, "one", "many")
  return batch
}

const processBatch = () => {
  const batch = makeBatch("process", 3)
  batch.rows = 3
  const { columns } = batch
  columns.change.set([1, 2, 2])
  columns.exit_code.set([-1, 2, -1])
  columns.exit_signal.set([0, 0, 15])
  columns.end_time.fill(second * 1e6)
  return batch
}

/** The texts of a String column, out of the bytes of its block. */
const hasText = (block: TableBlock | undefined, text: string): boolean =>
  Buffer.from(block!.block).includes(text)

describe("tableBlocks", () => {
  it("puts calls on files and their sums into a table each, and says what failed", () => {
    const [single, sum] = blocksOf(fileBatch())
    expect([single!.table, single!.rows, sum!.table, sum!.rows]).toEqual([fileEvent, 1, fileAggEvent, 1])
    expect(["one", "sync", "ENOSPC"].map((text) => hasText(single, text))).toEqual([true, true, true])
    expect(["one", "many", "unknown"].map((text) => hasText(sum, text))).toEqual([false, true, true])
    for (const { columns, table } of [single!, sum!]) {
      const stored = storedColumns(table)
      expect(columns.filter((name) => !stored.includes(name))).toEqual([])
    }
  })

  it("says how processes ended", () => {
    const [block] = blocksOf(processBatch())
    expect([block!.table, block!.rows]).toEqual([procOpsEvent, 3])
    expect(["exec", "exit", "code 2", "SIGTERM"].map((text) => hasText(block, text))).toEqual([
      true,
      true,
      true,
      true,
    ])
    const stored = storedColumns(procOpsEvent)
    expect(block!.columns.filter((name) => !stored.includes(name))).toEqual([])
  })

  it("puts spans of programs beside requests, with all that is told of them", () => {
    const batch = makeBatch("span", 2)
    batch.rows = 2
    batch.columns.start_time.fill(second * 1e6)
    batch.columns.end_time.fill(second * 1e6 + 5)
    batch.columns.observation_point.set([50, 49])
    batch.columns.span_kind.set([2, 3])
    batch.columns.app_service.splice(0, 2, "shop", "shop")
    batch.columns.events[1] = "[]"
    const [block] = blocksOf(batch)
    expect([block!.table, block!.rows]).toEqual([l7FlowLog, 2])
    const stored = storedColumns(l7FlowLog)
    expect(block!.columns.filter((name) => !stored.includes(name))).toEqual([])
    expect(["s-app", "c-app", "shop", "[]"].map((text) => hasText(block, text))).toEqual(Array(4).fill(true))
    // Tags and addresses become other columns, ids are split.
    const elsewhere = /^(ip|process_kname|gprocess|container)_[01]$|^(trace|span|parent_span)_id$/
    const told = spanColumns.map(({ name }) => name).filter((name) => !elsewhere.test(name))
    expect(told.filter((name) => !block!.columns.includes(name))).toEqual([])
  })

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
    expect(unfilled(l7FlowLog, l7!.columns)).toEqual(["span_kind", "app_service", "app_instance", "events"])
    const [both, client] = blocksOf(traffic())
    const ofNetwork = ["capture_network_type_id"]
    expect(unfilled(network.seconds, client!.columns)).toEqual(ofNetwork)
    expect(unfilled(networkMap.seconds, both!.columns)).toEqual([
      ...ofNetwork,
      "capture_nic_type",
      "capture_nic",
      "nat_source",
      "tunnel_type",
    ])
    // Groups, policies, translation and names in TLS no agent tells of flows.
    expect(unfilled(l4FlowLog, blocksOf(flows())[0]!.columns)).toEqual([
      "aggregated_flow_ids",
      "request_domain",
      "acl_gids",
      "team_id",
      "province_0",
      "province_1",
      "nat_real_ip4_0",
      "nat_real_ip4_1",
      "nat_real_port_0",
      "nat_real_port_1",
      "capture_network_type_id",
      "capture_nic_type",
      "capture_nic",
      "nat_source",
      "init_ipid",
      "l7_parse_failed",
      "tls_rtt",
    ])
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
    const flowTags = tags.filter((name) => !name.startsWith("ip_"))
    const network = new Set<string>(blocksOf(traffic())[0]!.columns)
    const unusedOfNetwork = networkColumns.map(({ name }) => name).filter((name) => !network.has(name))
    expect(unusedOfNetwork.sort()).toEqual([...tags, "interval", "process_id_0", "process_id_1"].sort())
    const l4 = new Set<string>(blocksOf(flows())[0]!.columns)
    const unusedOfFlows = l4Columns.map(({ name }) => name).filter((name) => !l4.has(name))
    // Each address becomes two columns.
    const addresses = ["ip", "tunnel_tx_ip", "tunnel_rx_ip"].flatMap((name) => [`${name}_0`, `${name}_1`])
    expect(unusedOfFlows.sort()).toEqual([...flowTags, ...addresses].sort())
    const application = new Set<string>(blocksOf(metrics())[0]!.columns)
    const unusedOfMetrics = applicationColumns
      .map(({ name }) => name)
      .filter((name) => !application.has(name))
    expect(unusedOfMetrics).toEqual([
      "interval",
      "protocol",
      "ip",
      "process_id",
      "process_kname",
      "gprocess",
      "container",
    ])
  })
})
