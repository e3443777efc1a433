// The kinds of resources that tags name, and the numbers by which rows, dictionaries and questions know them (DeepFlow's).

export const resourceKinds = [
  "region",
  "az",
  "vpc",
  "subnet",
  "host",
  "chost",
  "router",
  "dhcpgw",
  "lb",
  "lb_listener",
  "natgw",
  "redis",
  "rds",
  "pod_cluster",
  "pod_node",
  "pod_ns",
  "pod_ingress",
  "pod_service",
  "pod_group",
  "pod",
  "gprocess",
  "biz_service",
] as const

export type ResourceKind = (typeof resourceKinds)[number]

export const isResourceKind = (text: string): text is ResourceKind =>
  (resourceKinds as ReadonlyArray<string>).includes(text)

/** Kinds that own network addresses, with the number that `l3_device_type` has for them. */
export const deviceTypes: Readonly<Partial<Record<ResourceKind, number>>> = {
  chost: 1,
  router: 5,
  host: 6,
  dhcpgw: 9,
  pod: 10,
  pod_service: 11,
  redis: 12,
  rds: 13,
  pod_node: 14,
  lb: 15,
  natgw: 16,
}

/** Values of `auto_instance_type` and `auto_service_type` beyond the device types. */
export const AutoType = {
  /** An address of the Internet that no resource owns. */
  internet: 0,
  chost: 1,
  podService: 11,
  podNode: 14,
  /** A workload whose own kind is not known. */
  podGroup: 101,
  podCluster: 103,
  /** A service that people defined. */
  bizService: 105,
  process: 120,
  /** A private address that no resource owns. */
  ip: 255,
} as const

/** `pod_group_type`, which is also the `auto_service_type` of such a workload. */
export const podGroupTypes: Readonly<Record<string, number>> = {
  Deployment: 130,
  StatefulSet: 131,
  ReplicationController: 132,
  DaemonSet: 133,
  ReplicaSet: 134,
  CloneSet: 135,
}

/** What told which resource a side belongs to: bits of `tag_source`. */
export const TagSource = {
  process: 1,
  pod: 2,
  mac: 4,
  ip: 8,
  peer: 16,
  agent: 32,
  /** The address lies in a known subnet. */
  cidr: 64,
} as const
