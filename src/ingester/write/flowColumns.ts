// What rows of requests and of connections have in common: when, which agent, where it was seen, and who the two sides are.

import type { ColumnBatch } from "../../model/ColumnBatch.ts"
import { observationPointName } from "../../model/observation.ts"
import type { NativeColumn } from "../../runtime/clickhouse/native.ts"
import type { BatchTags, SideTags } from "../enrich/BatchTagger.ts"
import { splitAddresses } from "./addresses.ts"
import type { RowIds } from "./RowIds.ts"

const pointNames = Array.from({ length: 256 }, (_, point) => observationPointName(point))

/** `time`: the seconds the rows are filed under. */
export const flowColumns = (
  { columns, rows }: ColumnBatch<"l4"> | ColumnBatch<"l7"> | ColumnBatch<"span">,
  time: Uint32Array,
  tags: BatchTags,
  agentId: number,
  ids: RowIds,
  nowSecond: number,
): ReadonlyArray<NativeColumn> => {
  const points = new Array<string>(rows)
  for (let row = 0; row < rows; row++) points[row] = pointNames[columns.observation_point[row]! & 0xff]!
  const client = splitAddresses(columns.ip_0, rows)
  const server = splitAddresses(columns.ip_1, rows)
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
  ]
}
