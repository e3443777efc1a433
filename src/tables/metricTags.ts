// Tags that metrics of applications and of the network share: of one side (`role` tells which) and of both.

import { agentId, rareAddresses, resourceId, text, timeColumn } from "./columnKinds.ts"
import type { Meter } from "./meters.ts"
import { column, type TableColumn } from "./Table.ts"
import { bothSides, tagColumns } from "./tagColumns.ts"

const start = timeColumn("Start of the interval.")

const capture: ReadonlyArray<TableColumn> = [
  column("signal_source", "UInt16", "0: packet; 3: eBPF; 4: OpenTelemetry."),
  agentId,
  column("capture_network_type_id", "UInt8", "Kind of network it was captured in."),
]

const serverPort = column("server_port", "UInt16", "Port of the server.", { index: "set(300)" })
const isIpv4 = column("is_ipv4", "UInt8", "Which of the address columns holds.")

/** Clustering of metrics with one side and with two. */
export const oneSideCluster = ["resource_id", "server_port"]
export const twoSideCluster = ["resource_id_1", "resource_id_0", "server_port"]

export const oneSideTags: ReadonlyArray<TableColumn> = [
  start,
  column("role", "UInt8", "0: seen at the client; 1: seen at the server."),
  resourceId("", "the side of `role`"),
  serverPort,
  isIpv4,
  ...rareAddresses("", "the side of `role`"),
  ...capture,
]

export const twoSideTags: ReadonlyArray<TableColumn> = [
  start,
  resourceId("_0", "the client"),
  resourceId("_1", "the server"),
  serverPort,
  isIpv4,
  ...rareAddresses("_0", "the client"),
  ...rareAddresses("_1", "the server"),
  column("observation_point", text, "Where on the way it was seen: c-p, s-p, c, s, local, rest ..."),
  ...capture,
  column("capture_nic_type", "UInt8", "Kind of the interface it was captured on."),
  column("capture_nic", "UInt32", "Interface it was captured on."),
  column("nat_source", "UInt8", "What told of address translation."),
  column("tunnel_type", "UInt8", "Tunnel around the packets."),
]

export const applicationTags: ReadonlyArray<TableColumn> = [
  column("l7_protocol", "UInt8", "Application protocol by number."),
  column("app_service", text, "Service as the application names itself."),
  column("app_instance", text, "Instance as the application names itself."),
  column("endpoint", text, "Resource without its variable parts."),
  column("biz_type", "UInt8", "Kind of business."),
]

const tagSource = (suffix: string, who: string): Meter => ({
  name: `tag_source${suffix}`,
  type: "UInt8",
  merge: "groupBitOr",
  comment: `What told who ${who} is, as bits.`,
})

export const oneSideSource: ReadonlyArray<Meter> = [tagSource("", "it")]
export const twoSideSource: ReadonlyArray<Meter> = [
  tagSource("_0", "the client"),
  tagSource("_1", "the server"),
]

export const oneSideNames: ReadonlyArray<TableColumn> = tagColumns({
  suffix: "",
  who: "the side of `role`",
  address: { withPort: "role = 1" },
})
export const twoSideNames = bothSides
