// How an agent's `application` batch becomes columns of flow_metrics.`application.1s` and `.1m`: one batch carries rows of both
// intervals, each table gets its own. `time`: the seconds its rows are filed under.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import type { NativeColumn } from "../../runtime/clickhouse/native.ts"
import type { SideTags } from "../enrich/BatchTagger.ts"
import { splitAddresses } from "./addresses.ts"

type Batch = ColumnBatch<"application">

/** Numbers of the rows of one interval (seconds). */
export const rowsOfInterval = (batch: Batch, interval: number): ReadonlyArray<number> => {
  const chosen: Array<number> = []
  for (let row = 0; row < batch.rows; row++) if (batch.columns.interval[row] === interval) chosen.push(row)
  return chosen
}

const pickNumbers = (source: ArrayLike<number>, rows: ReadonlyArray<number>): Float64Array => {
  const picked = new Float64Array(rows.length)
  for (let to = 0; to < rows.length; to++) picked[to] = source[rows[to]!]!
  return picked
}

const pickTexts = (source: ReadonlyArray<string>, rows: ReadonlyArray<number>): ReadonlyArray<string> =>
  rows.map((row) => source[row]!)

/** Addresses of services without a name only: the others' would make rows differ that mean the same. */
const pickAddresses = (source: Uint8Array, isNamed: Uint8Array, rows: ReadonlyArray<number>): Uint8Array => {
  const picked = new Uint8Array(rows.length * 16)
  for (let to = 0; to < rows.length; to++) {
    const row = rows[to]!
    if (isNamed[row] === 1) picked.set(noAddress, to * 16)
    else picked.set(source.subarray(row * 16, row * 16 + 16), to * 16)
  }
  return picked
}

/** 0.0.0.0 */
const noAddress = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0)

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
