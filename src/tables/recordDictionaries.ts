// DeepFlow's dictionaries of resources: names and relations by kind and number, over the labeler's records. Its attributes for which
// there are no data here (icon_id, team_id, sub_domain_id) are left out.

import { AutoType, deviceTypes, type ResourceKind } from "../tags/ResourceKind.ts"
import type { Dictionary, DictionaryAttribute } from "./Dictionary.ts"
import { literal } from "./Table.ts"
import { recordTable } from "./tagTables.ts"

export const string = (name: string): DictionaryAttribute => ({ name, type: "String" })
export const integer = (name: string): DictionaryAttribute => ({ name, type: "UInt64" })

export const idKey: ReadonlyArray<DictionaryAttribute> = [integer("id")]

export const ofKind = (kind: ResourceKind): string => `kind = ${literal(kind)}`

/** Number of what a record belongs to; 0: nothing of that kind. */
const parent = (kind: ResourceKind): string => `parent_ids[indexOf(parent_kinds, ${literal(kind)})]`

/** Where attributes come from that are not columns of a record. */
export const recordAttributes: Readonly<Record<string, string>> = {
  region_id: parent("region"),
  az_id: parent("az"),
  host_id: parent("host"),
  chost_id: parent("chost"),
  l3_epc_id: parent("vpc"),
  subnet_id: parent("subnet"),
  pod_cluster_id: parent("pod_cluster"),
  pod_node_id: parent("pod_node"),
  pod_ns_id: parent("pod_ns"),
  pod_group_id: parent("pod_group"),
  pod_service_id: parent("pod_service"),
  pod_group_type: "subtype",
  hostname: "name",
  ip: "ips[1]",
  service_group_name: "tag_values[indexOf(tag_names, 'biz_service.group')]",
}

const kindMap = (
  name: string,
  kind: ResourceKind,
  attributes: ReadonlyArray<DictionaryAttribute> = [],
): Dictionary => ({
  database: "flow_tag",
  name,
  comment: `Names and relations of ${kind}`,
  layout: "FLAT",
  keys: idKey,
  attributes: [
    string("name"),
    string("uid"),
    string("domain"),
    { name: "is_deleted", type: "UInt8" },
    ...attributes,
  ],
  source: recordTable,
  where: ofKind(kind),
  from: recordAttributes,
})

const cluster = integer("pod_cluster_id")
const namespace = integer("pod_ns_id")
const vpc = integer("l3_epc_id")

const kindMaps: ReadonlyArray<Dictionary> = [
  kindMap("region_map", "region"),
  kindMap("az_map", "az", [integer("region_id")]),
  kindMap("l3_epc_map", "vpc"),
  kindMap("subnet_map", "subnet", [vpc]),
  kindMap("host_map", "host", [string("ip")]),
  kindMap("chost_map", "chost", [
    integer("host_id"),
    vpc,
    integer("subnet_id"),
    string("hostname"),
    string("ip"),
  ]),
  kindMap("lb_listener_map", "lb_listener"),
  kindMap("pod_cluster_map", "pod_cluster"),
  kindMap("pod_node_map", "pod_node", [cluster]),
  kindMap("pod_ns_map", "pod_ns", [cluster]),
  kindMap("pod_ingress_map", "pod_ingress", [cluster, namespace]),
  kindMap("pod_service_map", "pod_service", [cluster, namespace]),
  kindMap("pod_group_map", "pod_group", [integer("pod_group_type"), cluster, namespace]),
  kindMap("pod_map", "pod", [
    cluster,
    namespace,
    integer("pod_node_id"),
    integer("pod_service_id"),
    integer("pod_group_id"),
  ]),
  kindMap("gprocess_map", "gprocess", [integer("chost_id"), vpc]),
  kindMap("biz_service_map", "biz_service", [string("service_group_name")]),
]

/** The numbers by which `auto_instance_type`, `auto_service_type` and `l3_device_type` know a record, as an array. */
const deviceTypesOfRecord = `multiIf(${[
  ...Object.entries(deviceTypes),
  ["pod_cluster", AutoType.podCluster] as const,
  ["biz_service", AutoType.bizService] as const,
  ["gprocess", AutoType.process] as const,
]
  .map(([kind, type]) => `kind = ${literal(kind)}, [${type}]`)
  .join(", ")}, kind = 'pod_group', [${AutoType.podGroup}, subtype], [])`

const deviceMap: Dictionary = {
  database: "flow_tag",
  name: "device_map",
  comment: "Names of whatever `auto_instance`, `auto_service` and `l3_device` may be, by type and number",
  layout: "COMPLEX_KEY_HASHED",
  keys: [integer("devicetype"), integer("deviceid")],
  attributes: [string("name"), string("uid"), string("hostname"), string("ip"), string("domain")],
  source: recordTable,
  arrayJoin: { device_type: deviceTypesOfRecord },
  from: { ...recordAttributes, devicetype: "device_type", deviceid: "id" },
}

const podGroupPortMap: Dictionary = {
  database: "flow_tag",
  name: "pod_group_port_map",
  comment: "Kubernetes service by workload, protocol and port; 0 stands for any",
  layout: "COMPLEX_KEY_HASHED",
  keys: [...idKey, integer("protocol"), integer("port")],
  attributes: [integer("port_pod_service_id"), string("port_pod_service_name")],
  source: recordTable,
  where: "kind = 'pod_service' AND NOT is_deleted",
  arrayJoin: {
    served:
      "arrayFlatten(arrayMap((of, target) -> if(of = 'pod_group', arrayMap(port -> (target, port, id), ports), []), " +
      "target_kinds, target_ids))",
  },
  from: {
    id: "tupleElement(served, 1)",
    protocol: "toUInt64OrZero(splitByChar('/', tupleElement(served, 2))[1])",
    port: "toUInt64OrZero(splitByChar('/', tupleElement(served, 2))[2])",
    port_pod_service_id: "tupleElement(served, 3)",
    port_pod_service_name: "name",
  },
}

/** Kinds told of an address, with the dictionary that has their names. */
const addressKinds: ReadonlyArray<readonly [kind: ResourceKind, as: string]> = [
  ["region", "region"],
  ["az", "az"],
  ["host", "host"],
  ["chost", "chost"],
  ["vpc", "l3_epc"],
  ["subnet", "subnet"],
  ["pod_cluster", "pod_cluster"],
  ["pod_node", "pod_node"],
  ["pod_ns", "pod_ns"],
  ["pod_group", "pod_group"],
  ["pod_service", "pod_service"],
  ["pod", "pod"],
]

const numberOfKind = (kind: ResourceKind): string => `if(kind = ${literal(kind)}, id, ${parent(kind)})`

const ipResourceMap: Dictionary = {
  database: "flow_tag",
  name: "ip_resource_map",
  comment: "What has an address, and what that belongs to",
  layout: "COMPLEX_KEY_HASHED",
  keys: [string("ip"), integer("subnet_id")],
  attributes: [
    string("uid"),
    string("subnet_name"),
    ...addressKinds
      .filter(([kind]) => kind !== "subnet")
      .flatMap(([, as]) => [integer(`${as}_id`), string(`${as}_name`)]),
  ],
  source: recordTable,
  where: "notEmpty(ips) AND NOT is_deleted",
  arrayJoin: { address: "ips" },
  from: {
    ip: "address",
    ...Object.fromEntries(
      addressKinds.flatMap(([kind, as]) => [
        [`${as}_id`, numberOfKind(kind)],
        [`${as}_name`, `dictGetString('flow_tag.${as}_map', 'name', toUInt64(${numberOfKind(kind)}))`],
      ]),
    ),
  },
}

/** All of them are read from `flow_tag.record`: who changes records reloads those of the kinds that changed. */
export const recordDictionaries: ReadonlyArray<Dictionary> = [
  ...kindMaps,
  deviceMap,
  podGroupPortMap,
  ipResourceMap,
]
