// flow_metrics.application (one side of requests, `role` tells which) and application_map (both sides): requests, errors and
// durations by service and endpoint. Column names are DeepFlow's.

import { metricTables } from "./metricTables.ts"
import {
  applicationTags,
  oneSideCluster,
  oneSideNames,
  oneSideSource,
  oneSideTags,
  twoSideCluster,
  twoSideNames,
  twoSideSource,
  twoSideTags,
} from "./metricTags.ts"
import { applicationAliases, applicationMeters } from "./meters.ts"

export const application = metricTables({
  name: "application",
  comment: "Requests, errors, durations by service and endpoint",
  tags: [...oneSideTags, ...applicationTags],
  cluster: oneSideCluster,
  meters: [...applicationMeters, ...oneSideSource],
  aliases: [...applicationAliases, ...oneSideNames],
  shardBy: "cityHash64(resource_id)",
})

export const applicationMap = metricTables({
  name: "application_map",
  comment: "Requests, errors, durations between two services, by endpoint",
  tags: [...twoSideTags, ...applicationTags],
  cluster: twoSideCluster,
  meters: [...applicationMeters, ...twoSideSource],
  aliases: [...applicationAliases, ...twoSideNames],
  shardBy: "cityHash64(resource_id_1)",
})

export const application1s = application.seconds
export const application1m = application.minutes
