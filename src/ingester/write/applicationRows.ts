// How an agent's `application` batch becomes columns of flow_metrics.`application.1s` and `.1m`: one batch carries rows of both
// intervals, each table gets its own. `time`: the seconds its rows are filed under.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import type { NativeColumn } from "../../runtime/clickhouse/native.ts"
import type { SideTags } from "../enrich/BatchTagger.ts"
import { splitAddresses } from "./addresses.ts"
import { pickAddresses, pickNumbers, pickTexts } from "./pickRows.ts"

type Batch = ColumnBatch<"application">

export const applicationRows = (
  { columns }: Batch,
  time: Uint32Array,
  tags: SideTags,
  rows: ReadonlyArray<number>,
  agentId: number,
): ReadonlyArray<NativeColumn> => {
  const { ip4, ip6, isIpv4 } = splitAddresses(pickAddresses(columns.ip, tags.isNamed, rows), rows.length)
  const number = (name: NumberColumn, type: "UInt8" | "UInt16" | "UInt32" | "UInt64"): NativeColumn => ({
    name,
    type,
    data: pickNumbers(columns[name], rows),
  })
  const text = (name: TextColumn): NativeColumn => ({
    name,
    type: "String",
    data: pickTexts(columns[name], rows),
  })
  return [
    { name: "time", type: "DateTime", data: pickNumbers(time, rows) },
    number("role", "UInt8"),
    { name: "resource_id", type: "UInt32", data: pickNumbers(tags.resourceId, rows) },
    { name: "tag_source", type: "UInt8", data: pickNumbers(tags.tagSource, rows) },
    number("l7_protocol", "UInt8"),
    number("signal_source", "UInt16"),
    { name: "agent_id", type: "UInt16", data: new Uint16Array(rows.length).fill(agentId) },
    { name: "is_ipv4", type: "UInt8", data: isIpv4 },
    { name: "ip4", type: "IPv4", data: ip4 },
    { name: "ip6", type: "IPv6", data: ip6 },
    number("server_port", "UInt16"),
    text("app_service"),
    text("app_instance"),
    text("endpoint"),
    number("request", "UInt64"),
    number("response", "UInt64"),
    number("rrt_max", "UInt32"),
    number("rrt_sum", "UInt64"),
    number("rrt_count", "UInt64"),
    number("client_error", "UInt64"),
    number("server_error", "UInt64"),
    number("timeout", "UInt64"),
  ]
}

type Columns = Batch["columns"]
type TextColumn = {
  [Name in keyof Columns]: Columns[Name] extends Array<string> ? Name : never
}[keyof Columns]
type NumberColumn = Exclude<keyof Columns, TextColumn | "ip">
