// How an agent's `l4` batch becomes columns of flow_log.l4_flow_log. Columns that agent and table call the same are passed on with
// the table's type.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { l4Columns } from "../../model/columns.ts"
import { observationPointName } from "../../model/observation.ts"
import type { NativeColumn, NumberType } from "../../runtime/clickhouse/native.ts"
import { l4FlowLog } from "../../tables/l4FlowLog.ts"
import type { BatchTags, SideTags } from "../enrich/BatchTagger.ts"
import { splitAddresses } from "./addresses.ts"
import type { RowIds } from "./RowIds.ts"

const typeOf = new Map(l4FlowLog.columns.map(({ name, type }) => [name, type]))

/** Numbers that have the same name in the table. */
const numbers = l4Columns
  .filter(({ name, type }) => type !== "ip" && type !== "str" && name !== "observation_point")
  .map(({ name }) => ({ name, type: typeOf.get(name) as NumberType }))

/** 1 where the addresses of the tunnel that there is are IPv4. */
const tunnelIsIpv4 = ({ columns, rows }: ColumnBatch<"l4">): Uint8Array => {
  const tx = splitAddresses(columns.tunnel_tx_ip_0, rows).isIpv4
  const rx = splitAddresses(columns.tunnel_rx_ip_0, rows).isIpv4
  for (let row = 0; row < rows; row++) tx[row]! |= rx[row]!
  return tx
}

export const l4Rows = (
  batch: ColumnBatch<"l4">,
  time: Uint32Array,
  tags: BatchTags,
  agentId: number,
  ids: RowIds,
  nowSecond: number,
): ReadonlyArray<NativeColumn> => {
  const { columns, rows } = batch
  const points = new Array<string>(rows)
  for (let row = 0; row < rows; row++) points[row] = observationPointName(columns.observation_point[row]!)
  const client = splitAddresses(columns.ip_0, rows)
  const server = splitAddresses(columns.ip_1, rows)
  const tunnels = (["tunnel_tx", "tunnel_rx"] as const).flatMap((way) =>
    ([0, 1] as const).flatMap((side): ReadonlyArray<NativeColumn> => {
      const { ip4, ip6 } = splitAddresses(columns[`${way}_ip_${side}`], rows)
      return [
        { name: `${way}_ip4_${side}`, type: "IPv4", data: ip4 },
        { name: `${way}_ip6_${side}`, type: "IPv6", data: ip6 },
      ]
    }),
  )
  const [clientTags, serverTags] = tags.sides as readonly [SideTags, SideTags]
  return [
    { name: "time", type: "DateTime", data: time },
    { name: "_id", type: "UInt64", data: ids.take(nowSecond, rows) },
    { name: "agent_id", type: "UInt16", data: new Uint16Array(rows).fill(agentId) },
    { name: "observation_point", type: "String", data: points },
    { name: "is_ipv4", type: "UInt8", data: server.isIpv4 },
    { name: "ip4_0", type: "IPv4", data: client.ip4 },
    { name: "ip6_0", type: "IPv6", data: client.ip6 },
    { name: "ip4_1", type: "IPv4", data: server.ip4 },
    { name: "ip6_1", type: "IPv6", data: server.ip6 },
    { name: "resource_id_0", type: "UInt32", data: clientTags.resourceId },
    { name: "resource_id_1", type: "UInt32", data: serverTags.resourceId },
    { name: "tag_source_0", type: "UInt8", data: clientTags.tagSource },
    { name: "tag_source_1", type: "UInt8", data: serverTags.tagSource },
    { name: "tunnel_is_ipv4", type: "UInt8", data: tunnelIsIpv4(batch) },
    ...tunnels,
    ...numbers.map(({ name, type }) => ({ name, type, data: columns[name] as ArrayLike<number> })),
  ]
}
