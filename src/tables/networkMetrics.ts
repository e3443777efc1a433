// flow_metrics.network (one side of connections) and network_map (both sides): traffic, connections, delays and failures; and
// traffic_policy, the traffic that policies have caught. Column names are DeepFlow's.

import { agentId, timeColumn } from "./columnKinds.ts"
import { metricTables, minutesTable } from "./metricTables.ts"
import {
  oneSideCluster,
  oneSideNames,
  oneSideSource,
  oneSideTags,
  twoSideCluster,
  twoSideNames,
  twoSideSource,
  twoSideTags,
} from "./metricTags.ts"
import { networkAliases, networkMeters, trafficAliases, trafficMeters } from "./meters.ts"
import { column, type Table } from "./Table.ts"

const transport = column("protocol", "UInt8", "Transport protocol (IANA).")

export const network = metricTables({
  name: "network",
  comment: "Traffic, connections, delays and failures of one side",
  tags: [...oneSideTags, transport],
  cluster: oneSideCluster,
  meters: [...networkMeters, ...oneSideSource],
  aliases: [...networkAliases, ...oneSideNames],
  shardBy: "cityHash64(resource_id)",
})

export const networkMap = metricTables({
  name: "network_map",
  comment: "Traffic, connections, delays and failures between two sides",
  tags: [...twoSideTags, transport],
  cluster: twoSideCluster,
  meters: [...networkMeters, ...twoSideSource],
  aliases: [...networkAliases, ...twoSideNames],
  shardBy: "cityHash64(resource_id_1)",
})

export const trafficPolicy: Table = minutesTable({
  name: "traffic_policy",
  comment: "Traffic that a policy has caught",
  tags: [
    timeColumn("Start of the interval."),
    column("acl_gid", "UInt16", "Group of the policy."),
    agentId,
    column("tunnel_ip_id", "UInt16", "Where the traffic is sent on to."),
  ],
  cluster: ["acl_gid"],
  meters: trafficMeters,
  aliases: trafficAliases,
  shardBy: "cityHash64(acl_gid)",
})
