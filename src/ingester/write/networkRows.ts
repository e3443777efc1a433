// How an agent's `network` batch becomes columns of flow_metrics.network_map (both sides) and of flow_metrics.network (each side at
// which it was observed), for one interval.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { networkColumns } from "../../model/columns.ts"
import { ObservationPoint, observationPointName } from "../../model/observation.ts"
import type { NativeColumn, NumberType } from "../../runtime/clickhouse/native.ts"
import { networkMap } from "../../tables/networkMetrics.ts"
import type { BatchTags, SideTags } from "../enrich/BatchTagger.ts"
import { splitAddresses } from "./addresses.ts"
import { pickAddresses, pickNumbers } from "./pickRows.ts"

type Batch = ColumnBatch<"network">
type Columns = Batch["columns"]

const typeOf = new Map(networkMap.seconds.columns.map(({ name, type }) => [name, type]))
const notMeters = new Set(["time", "interval", "observation_point", "process_id_0", "process_id_1"])

/** Numbers that have the same name in the tables. */
const numbers = networkColumns
  .filter(({ name, type }) => type !== "ip" && type !== "str" && !notMeters.has(name))
  .map(({ name }) => ({ name, type: typeOf.get(name) as NumberType }))

/** Failures by what they are made up of. */
const failures = {
  client_establish_fail: ["client_ack_miss", "client_source_port_reuse", "client_establish_other_rst"],
  server_establish_fail: [
    "server_syn_miss",
    "server_reset",
    "server_queue_lack",
    "server_establish_other_rst",
  ],
  tcp_transfer_fail: ["client_rst_flow", "server_rst_flow", "tcp_timeout"],
  tcp_rst_fail: [
    "client_rst_flow",
    "server_rst_flow",
    "server_reset",
    "client_establish_other_rst",
    "server_establish_other_rst",
  ],
} as const satisfies Record<string, ReadonlyArray<keyof Columns>>

const sumOf = (
  columns: Columns,
  names: ReadonlyArray<keyof Columns>,
  rows: ReadonlyArray<number>,
): Float64Array => {
  const sums = new Float64Array(rows.length)
  for (const name of names) {
    const data = columns[name] as ArrayLike<number>
    for (let to = 0; to < rows.length; to++) sums[to]! += data[rows[to]!]!
  }
  return sums
}

/** What both tables have. */
const shared = (
  columns: Columns,
  time: Uint32Array,
  rows: ReadonlyArray<number>,
  agentId: number,
): ReadonlyArray<NativeColumn> => [
  { name: "time", type: "DateTime", data: pickNumbers(time, rows) },
  { name: "agent_id", type: "UInt16", data: new Uint16Array(rows.length).fill(agentId) },
  ...numbers.map(({ name, type }) => ({
    name,
    type,
    data: pickNumbers(columns[name] as ArrayLike<number>, rows),
  })),
  ...Object.entries(failures).map(([name, parts]): NativeColumn => ({
    name,
    type: "UInt64",
    data: sumOf(columns, parts, rows),
  })),
]

export const networkMapRows = (
  { columns }: Batch,
  time: Uint32Array,
  tags: BatchTags,
  rows: ReadonlyArray<number>,
  agentId: number,
): ReadonlyArray<NativeColumn> => {
  const [clientTags, serverTags] = tags.sides as readonly [SideTags, SideTags]
  const client = splitAddresses(pickAddresses(columns.ip_0, clientTags.isNamed, rows), rows.length)
  const server = splitAddresses(pickAddresses(columns.ip_1, serverTags.isNamed, rows), rows.length)
  // A side with a name has no address here: the other one tells.
  for (let row = 0; row < rows.length; row++) server.isIpv4[row]! &= client.isIpv4[row]!
  return [
    ...shared(columns, time, rows, agentId),
    {
      name: "observation_point",
      type: "String",
      data: rows.map((row) => observationPointName(columns.observation_point[row]!)),
    },
    { name: "is_ipv4", type: "UInt8", data: server.isIpv4 },
    { name: "ip4_0", type: "IPv4", data: client.ip4 },
    { name: "ip6_0", type: "IPv6", data: client.ip6 },
    { name: "ip4_1", type: "IPv4", data: server.ip4 },
    { name: "ip6_1", type: "IPv6", data: server.ip6 },
    { name: "resource_id_0", type: "UInt32", data: pickNumbers(clientTags.resourceId, rows) },
    { name: "resource_id_1", type: "UInt32", data: pickNumbers(serverTags.resourceId, rows) },
    { name: "tag_source_0", type: "UInt8", data: pickNumbers(clientTags.tagSource, rows) },
    { name: "tag_source_1", type: "UInt8", data: pickNumbers(serverTags.tagSource, rows) },
  ]
}

/** Points that belong to the client, and to the server: a local one to both, one on the way to neither. */
const pointsOfRole: ReadonlyArray<ReadonlySet<number>> = [
  new Set([ObservationPoint.clientNic, ObservationPoint.clientProcess, ObservationPoint.local]),
  new Set([ObservationPoint.serverNic, ObservationPoint.serverProcess, ObservationPoint.local]),
]

/** Those of the rows that were observed at the client (role 0) or the server (role 1). */
export const rowsOfRole = (
  { columns }: Batch,
  rows: ReadonlyArray<number>,
  role: 0 | 1,
): ReadonlyArray<number> => rows.filter((row) => pointsOfRole[role]!.has(columns.observation_point[row]!))

/** `rows`: of this role. */
export const networkRows = (
  { columns }: Batch,
  time: Uint32Array,
  tags: BatchTags,
  rows: ReadonlyArray<number>,
  role: 0 | 1,
  agentId: number,
): ReadonlyArray<NativeColumn> => {
  const own = tags.sides[role] as SideTags
  const addresses = role === 0 ? columns.ip_0 : columns.ip_1
  const { ip4, ip6, isIpv4 } = splitAddresses(pickAddresses(addresses, own.isNamed, rows), rows.length)
  return [
    ...shared(columns, time, rows, agentId),
    { name: "role", type: "UInt8", data: new Uint8Array(rows.length).fill(role) },
    { name: "is_ipv4", type: "UInt8", data: isIpv4 },
    { name: "ip4", type: "IPv4", data: ip4 },
    { name: "ip6", type: "IPv6", data: ip6 },
    { name: "resource_id", type: "UInt32", data: pickNumbers(own.resourceId, rows) },
    { name: "tag_source", type: "UInt8", data: pickNumbers(own.tagSource, rows) },
  ]
}
