// How an agent's `l4` batch becomes columns of flow_log.l4_flow_log. Columns that agent and table call the same are passed on with
// the table's type.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { l4Columns } from "../../model/columns.ts"
import type { NativeColumn, NumberType } from "../../runtime/clickhouse/native.ts"
import { l4FlowLog } from "../../tables/l4FlowLog.ts"
import type { BatchTags } from "../enrich/BatchTagger.ts"
import { splitAddresses } from "./addresses.ts"
import { flowColumns } from "./flowColumns.ts"
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
  const tunnels = (["tunnel_tx", "tunnel_rx"] as const).flatMap((way) =>
    ([0, 1] as const).flatMap((side): ReadonlyArray<NativeColumn> => {
      const { ip4, ip6 } = splitAddresses(columns[`${way}_ip_${side}`], rows)
      return [
        { name: `${way}_ip4_${side}`, type: "IPv4", data: ip4 },
        { name: `${way}_ip6_${side}`, type: "IPv6", data: ip6 },
      ]
    }),
  )
  return [
    ...flowColumns(batch, time, tags, agentId, ids, nowSecond),
    { name: "tunnel_is_ipv4", type: "UInt8", data: tunnelIsIpv4(batch) },
    ...tunnels,
    ...numbers.map(({ name, type }) => ({ name, type, data: columns[name] as ArrayLike<number> })),
  ]
}
