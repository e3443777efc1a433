// The catalogue of universal tags: every tag that any row with a resource id has, what it is called, and from which numbers and
// names of the tag vector it comes. In tables with two sides each name also ends in _0 (client) or _1 (server).

import { deviceTypes, type ResourceKind } from "./ResourceKind.ts"
import { vectorTexts, type VectorNumber, type VectorText } from "./TagVector.ts"

export type TagCategory = "Universal" | "Network" | "Kubernetes" | "Application" | "Auto"

export interface UniversalTag {
  readonly name: string
  readonly displayName: string
  readonly category: TagCategory
  /** `resource`: the name of one; `id`: its number; `int_enum`: a number with a meaning; `text`: free. */
  readonly type: "resource" | "id" | "int_enum" | "text"
  /** What of the tag vector it is. */
  readonly column: VectorNumber | VectorText
  /** It holds only where `l3_device_type` is this. */
  readonly deviceType?: number
  /** Numbers that tell its values apart; none: the value itself does. */
  readonly ids: ReadonlyArray<VectorNumber>
  /** Empty for what no resource owns: the row's address stands for it. */
  readonly hasAddress: boolean
  /** Other names for it; most are those of older DeepFlow versions. */
  readonly aliases: ReadonlyArray<string>
}

interface Naming {
  readonly name: VectorText
  readonly id: VectorNumber
  readonly displayName: string
  readonly category: TagCategory
  readonly aliases?: ReadonlyArray<string>
  readonly idAliases?: ReadonlyArray<string>
}

const named: ReadonlyArray<Naming> = [
  { name: "region", id: "region_id", displayName: "Region", category: "Universal" },
  { name: "az", id: "az_id", displayName: "Availability zone", category: "Universal" },
  { name: "host", id: "host_id", displayName: "Host", category: "Universal" },
  { name: "chost", id: "chost_id", displayName: "Cloud host", category: "Universal" },
  {
    name: "vpc",
    id: "l3_epc_id",
    displayName: "VPC",
    category: "Network",
    aliases: ["l3_epc", "epc", "l2_vpc"],
    idAliases: ["vpc_id", "epc_id", "l2_vpc_id"],
  },
  { name: "subnet", id: "subnet_id", displayName: "Subnet", category: "Network" },
  { name: "pod_cluster", id: "pod_cluster_id", displayName: "Cluster", category: "Kubernetes" },
  { name: "pod_node", id: "pod_node_id", displayName: "Node", category: "Kubernetes" },
  { name: "pod_ns", id: "pod_ns_id", displayName: "Namespace", category: "Kubernetes" },
  { name: "pod_group", id: "pod_group_id", displayName: "Workload", category: "Kubernetes" },
  { name: "pod", id: "pod_id", displayName: "Pod", category: "Kubernetes" },
  {
    name: "pod_service",
    id: "service_id",
    displayName: "Service",
    category: "Kubernetes",
    aliases: ["service"],
    idAliases: ["pod_service_id"],
  },
  { name: "gprocess", id: "gprocess_id", displayName: "Process", category: "Application" },
  { name: "biz_service", id: "biz_service_id", displayName: "Business service", category: "Application" },
]

const none: ReadonlyArray<string> = []

const nameAndId = (naming: Naming): ReadonlyArray<UniversalTag> => {
  const { aliases = none, category, displayName, id, idAliases = none, name } = naming
  const ids = [id]
  return [
    { name, displayName, category, type: "resource", column: name, ids, hasAddress: false, aliases },
    {
      name: id,
      displayName: `${displayName} id`,
      category,
      type: "id",
      column: id,
      ids,
      hasAddress: false,
      aliases: idAliases,
    },
  ]
}

const deviceIds: ReadonlyArray<VectorNumber> = ["l3_device_type", "l3_device_id"]

/** Kinds whose names stand in the vector only as the owner of the address. */
const device = (kind: ResourceKind, displayName: string): ReadonlyArray<UniversalTag> => {
  const shared = {
    category: "Network",
    deviceType: deviceTypes[kind] ?? 0,
    ids: deviceIds,
    hasAddress: false,
    aliases: none,
  } as const
  return [
    { name: kind, displayName, type: "resource", column: "l3_device", ...shared },
    { name: `${kind}_id`, displayName: `${displayName} id`, type: "id", column: "l3_device_id", ...shared },
  ]
}

const auto = (
  name: "auto_instance" | "auto_service",
  displayName: string,
  older: ReadonlyArray<string>,
): ReadonlyArray<UniversalTag> => {
  const ids: ReadonlyArray<VectorNumber> = [`${name}_type`, `${name}_id`]
  const withEnding = (ending: string) => older.map((each) => `${each}${ending}`)
  const shared = { category: "Auto", hasAddress: false } as const
  return [
    { ...shared, name, displayName, type: "resource", column: name, ids, hasAddress: true, aliases: older },
    {
      ...shared,
      name: `${name}_id`,
      displayName: `${displayName} id`,
      type: "id",
      column: `${name}_id`,
      ids: [`${name}_id`],
      aliases: withEnding("_id"),
    },
    {
      ...shared,
      name: `${name}_type`,
      displayName: `${displayName} type`,
      type: "int_enum",
      column: `${name}_type`,
      ids: [`${name}_type`],
      aliases: withEnding("_type"),
    },
  ]
}

const single = (
  column: VectorNumber | VectorText,
  displayName: string,
  category: TagCategory,
  type: UniversalTag["type"],
  ids: ReadonlyArray<VectorNumber>,
): UniversalTag => ({
  name: column,
  displayName,
  category,
  type,
  column,
  ids,
  hasAddress: false,
  aliases: none,
})

export const universalTags: ReadonlyArray<UniversalTag> = [
  ...named.flatMap(nameAndId),
  ...device("router", "Router"),
  ...device("dhcpgw", "DHCP gateway"),
  ...device("lb", "Load balancer"),
  ...device("natgw", "NAT gateway"),
  ...device("redis", "Redis"),
  ...device("rds", "RDS"),
  single("l3_device", "Owner of the address", "Network", "resource", deviceIds),
  single("l3_device_id", "Owner of the address id", "Network", "id", ["l3_device_id"]),
  single("l3_device_type", "Owner of the address type", "Network", "int_enum", ["l3_device_type"]),
  single("pod_group_type", "Workload type", "Kubernetes", "int_enum", ["pod_group_type"]),
  single("process_kname", "Kernel's name of the process", "Application", "text", []),
  ...auto("auto_instance", "Instance", ["resource_gl0"]),
  ...auto("auto_service", "Service (auto)", ["resource_gl1", "resource_gl2"]),
]

const byName = new Map<string, UniversalTag>()
for (const tag of universalTags) byName.set(tag.name, tag)
for (const tag of universalTags) {
  for (const alias of tag.aliases) if (!byName.has(alias)) byName.set(alias, tag)
}

/** By its name or an older one, without the side. */
export const universalTag = (name: string): UniversalTag | undefined => byName.get(name)

export const universalTagNames: ReadonlyArray<string> = [...byName.keys()]

const textColumns: ReadonlySet<string> = new Set(vectorTexts.map(({ name }) => name))

/** Its value is a text; else a number. */
export const isTextTag = (tag: UniversalTag): boolean => textColumns.has(tag.column)

/** Columns of rows by the names that older DeepFlow versions had for them. */
export const olderColumnNames: Readonly<Record<string, string>> = {
  tap_side: "observation_point",
  tap_type: "capture_network_type_id",
  tap_port: "capture_nic",
  tap_port_type: "capture_nic_type",
  vtap_id: "agent_id",
}
