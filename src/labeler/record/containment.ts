// What may belong to what. Every kind has a rank and belongs only to kinds of a lower one, so parents can never form a cycle,
// whatever sources say.

import { type ResourceKind, resourceKinds } from "../../tags/ResourceKind.ts"

const ranks: Readonly<Record<ResourceKind, number>> = {
  region: 0,
  az: 1,
  vpc: 1,
  subnet: 2,
  host: 3,
  chost: 4,
  router: 4,
  dhcpgw: 4,
  lb: 4,
  natgw: 4,
  redis: 4,
  rds: 4,
  lb_listener: 5,
  pod_cluster: 5,
  pod_node: 6,
  pod_ns: 6,
  pod_ingress: 7,
  pod_service: 8,
  pod_group: 9,
  pod: 10,
  gprocess: 11,
  biz_service: 12,
}

export const rankOf = (kind: ResourceKind): number => ranks[kind]

/** A parent of kind biz_service says that the service consists of this resource, among others: it becomes a target of the service. */
export const canBelongTo = (child: ResourceKind, parent: ResourceKind): boolean =>
  parent === "biz_service" ? child !== "biz_service" : ranks[parent] < ranks[child]

export const possibleParents = (child: ResourceKind): ReadonlyArray<ResourceKind> =>
  resourceKinds.filter((kind) => canBelongTo(child, kind))
