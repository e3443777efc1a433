// flow_log.l4_packet and l7_packet: packets of single connections, in batches: headers in a form of their own, and whole packets as
// a capture file has them.

import {
  agentId,
  hourly,
  small,
  startAndEnd,
  teamId,
  timeColumn,
  writtenTableSettings,
} from "./columnKinds.ts"
import { column, type Table, type TableColumn } from "./Table.ts"

const packets: ReadonlyArray<TableColumn> = [
  timeColumn("Second of the last packet."),
  ...startAndEnd("First packet of the batch.", "Last packet of the batch."),
  column("flow_id", "UInt64", "Connection.", { codec: small }),
  agentId,
  column("packet_count", "UInt32", "Packets in the batch.", { codec: small }),
]

const packetTable = (name: string, comment: string, columns: ReadonlyArray<TableColumn>): Table => ({
  database: "flow_log",
  name,
  comment,
  engine: "MergeTree",
  partitionBy: hourly,
  orderBy: ["flow_id", "time", "agent_id"],
  retention: "log",
  placement: { shardBy: "cityHash64(flow_id)" },
  settings: writtenTableSettings,
  columns: [...packets, ...columns, teamId],
})

export const l4Packet = packetTable("l4_packet", "Headers of TCP packets by connection", [
  column("packet_batch", "String", "The headers, one after the other."),
])

export const l7Packet = packetTable("l7_packet", "Whole packets that a policy asked for", [
  column("packet_batch", "String", "The packets as records of a pcap file."),
  column("acl_gids", "Array(UInt16)", "Groups of policies that asked."),
])
