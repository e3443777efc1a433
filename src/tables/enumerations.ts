// Numbers and short words of rows in words for people: `flow_tag.enumeration` and the dictionaries over it that DeepFlow has. The
// rows come from the code's own lists and are brought up to date at each start, so that a new protocol needs no migration.

import { CloseType, closeTypeName } from "../model/closeType.ts"
import { FileType } from "../model/events.ts"
import { observationPointName, ObservationPoint, SignalSource } from "../model/observation.ts"
import { IpProtocol, L7Protocol, l7ProtocolName } from "../model/protocol.ts"
import { AutoType, deviceTypes, podGroupTypes } from "../tags/ResourceKind.ts"
import { keptTableSettings, text } from "./columnKinds.ts"
import type { Dictionary } from "./Dictionary.ts"
import { column, type Table } from "./Table.ts"

export interface EnumRow {
  readonly kind: "int" | "string" | "node_type" | "server_port" | "network_type"
  /** Column whose values these are; empty where the kind says it. */
  readonly tag_name: string
  readonly value: string
  readonly name: string
  readonly description: string
}

export const enumerationTable: Table = {
  database: "flow_tag",
  name: "enumeration",
  comment: "What numbers and short words in rows mean",
  engine: "ReplacingMergeTree(revision)",
  orderBy: ["kind", "tag_name", "value"],
  retention: "always",
  placement: "everywhere",
  settings: keptTableSettings,
  columns: [
    column(
      "kind",
      text,
      "int, string: values of `tag_name`; node_type, server_port, network_type: a list of its own.",
    ),
    column("tag_name", text, "Column whose values these are."),
    column("value", "String", "The value as text."),
    column("name", "String", "The value for people."),
    column("description", "String", "More words; may be empty."),
    column("revision", "UInt32", "Second of writing.", { default: "now()" }),
  ],
}

const ints = (tags: ReadonlyArray<string>, names: Readonly<Record<number, string>>): ReadonlyArray<EnumRow> =>
  tags.flatMap((tag_name) =>
    Object.entries(names).map(
      ([value, name]) => ({ kind: "int", tag_name, value, name, description: "" }) as const,
    ),
  )

const list = (kind: EnumRow["kind"], names: Readonly<Record<number, string>>): ReadonlyArray<EnumRow> =>
  Object.entries(names).map(([value, name]) => ({ kind, tag_name: "", value, name, description: "" }))

const flipped = (record: Readonly<Record<string, number>>): Readonly<Record<number, string>> =>
  Object.fromEntries(Object.entries(record).map(([name, number]) => [number, name]))

const autoNames: Readonly<Record<keyof typeof AutoType, string>> = {
  internet: "Internet IP",
  chost: "Cloud Host",
  podService: "K8s Service",
  podNode: "K8s Node",
  podGroup: "K8s Workload",
  podCluster: "K8s Cluster",
  bizService: "Custom Service",
  process: "Process",
  ip: "IP",
}

const deviceNames: Readonly<Record<string, string>> = {
  chost: "Cloud Host",
  router: "Router",
  host: "Host",
  dhcpgw: "DHCP Gateway",
  pod: "K8s Pod",
  pod_service: "K8s Service",
  redis: "Redis",
  rds: "RDS",
  pod_node: "K8s Node",
  lb: "Load Balancer",
  natgw: "NAT Gateway",
}

const devices = Object.fromEntries(
  Object.entries(deviceTypes).map(([kind, type]) => [type, deviceNames[kind] ?? kind]),
)

const workloads = flipped(podGroupTypes)

const autoTypes = {
  ...devices,
  ...Object.fromEntries(
    Object.entries(AutoType).map(([key, type]) => [type, autoNames[key as keyof typeof AutoType]]),
  ),
}

/** `node_type` of DeepFlow, by `auto_service_type`. */
const nodeTypes: Readonly<Record<number, string>> = {
  ...flipped(deviceTypes as Record<string, number>),
  [AutoType.internet]: "internet_ip",
  [AutoType.podGroup]: "pod_group",
  [AutoType.podCluster]: "pod_cluster",
  [AutoType.bizService]: "biz_service",
  [AutoType.process]: "gprocess",
  [AutoType.ip]: "ip",
  ...Object.fromEntries(Object.values(podGroupTypes).map((type) => [type, "pod_group"])),
}

const pointNames: Readonly<Record<string, string>> = {
  c: "Client NIC",
  "c-nd": "Client K8s Node",
  "c-hv": "Client VM Hypervisor",
  "c-gw-hv": "Client-side Gateway Hypervisor",
  "c-gw": "Client-side Gateway",
  local: "Local NIC",
  rest: "Other NIC",
  "s-gw": "Server-side Gateway",
  "s-gw-hv": "Server-side Gateway Hypervisor",
  "s-hv": "Server VM Hypervisor",
  "s-nd": "Server K8s Node",
  s: "Server NIC",
  "c-p": "Client Process",
  "s-p": "Server Process",
  "c-app": "Client Application",
  "s-app": "Server Application",
  app: "Application",
}

const points = [
  ...new Set([...Object.keys(pointNames), ...Object.values(ObservationPoint).map(observationPointName)]),
]

/** Ports by the service usually found there. */
const ports: Readonly<Record<number, string>> = {
  22: "SSH",
  25: "SMTP",
  53: "DNS",
  80: "HTTP",
  123: "NTP",
  389: "LDAP",
  443: "HTTPS",
  636: "LDAPS",
  1433: "SQL Server",
  1521: "Oracle",
  1883: "MQTT",
  2181: "ZooKeeper",
  2379: "etcd",
  3306: "MySQL",
  4222: "NATS",
  4317: "OTLP gRPC",
  4318: "OTLP HTTP",
  5432: "PostgreSQL",
  5672: "AMQP",
  6379: "Redis",
  6443: "Kubernetes API",
  6650: "Pulsar",
  8123: "ClickHouse HTTP",
  9000: "ClickHouse",
  9090: "Prometheus",
  9092: "Kafka",
  9200: "Elasticsearch",
  10250: "kubelet",
  11211: "Memcached",
  20880: "Dubbo",
  27017: "MongoDB",
}

export const enumRows: ReadonlyArray<EnumRow> = [
  ...ints(
    ["l7_protocol"],
    Object.fromEntries(Object.values(L7Protocol).map((one) => [one, l7ProtocolName(one)])),
  ),
  ...ints(["protocol"], { 1: "ICMPv4", 58: "ICMPv6", [IpProtocol.tcp]: "TCP", [IpProtocol.udp]: "UDP" }),
  ...ints(["signal_source"], {
    [SignalSource.packet]: "Packet",
    1: "xFlow",
    [SignalSource.ebpf]: "eBPF",
    4: "OTel",
  }),
  ...ints(["auto_service_type", "auto_instance_type"], { ...autoTypes, ...workloads }),
  ...ints(["l3_device_type"], devices),
  ...ints(["pod_group_type"], workloads),
  ...ints(["response_status"], {
    0: "Success",
    2: "Timeout",
    3: "Server Error",
    4: "Client Error",
    5: "Unknown",
    6: "Parse Failed",
  }),
  ...ints(["status"], { 0: "Success", 3: "Server Error", 4: "Client Error", 5: "Unknown" }),
  ...ints(
    ["close_type"],
    Object.fromEntries(Object.values(CloseType).map((type) => [type, closeTypeName(type)])),
  ),
  ...ints(["type"], { 0: "Request", 1: "Response", 2: "Session" }),
  ...ints(["role"], { 0: "Client", 1: "Server" }),
  ...ints(["span_kind"], {
    0: "SPAN_KIND_UNSPECIFIED",
    1: "SPAN_KIND_INTERNAL",
    2: "SPAN_KIND_SERVER",
    3: "SPAN_KIND_CLIENT",
    4: "SPAN_KIND_PRODUCER",
    5: "SPAN_KIND_CONSUMER",
  }),
  ...ints(["event_level"], { 0: "Critical", 1: "Error", 2: "Warning", 3: "Info" }),
  ...ints(["file_type"], {
    [FileType.regular]: "Regular File",
    [FileType.virtual]: "Virtual File",
    [FileType.network]: "Network File",
  }),
  ...ints(["is_ipv4"], { 0: "IPv6", 1: "IPv4" }),
  ...ints(["is_tls", "is_async", "is_reversed", "is_new_flow"], { 0: "No", 1: "Yes" }),
  ...["observation_point", "tap_side"].flatMap((tag_name) =>
    points.map((value) => ({
      kind: "string" as const,
      tag_name,
      value,
      name: pointNames[value] ?? value,
      description: "",
    })),
  ),
  ...list("node_type", nodeTypes),
  ...list("server_port", ports),
  ...list("network_type", { 3: "Cloud network" }),
]

const names = {
  name_zh: "name",
  name_en: "name",
  description_zh: "description",
  description_en: "description",
} as const

const enumMap = (kind: "int" | "string"): Dictionary => ({
  database: "flow_tag",
  name: `${kind}_enum_map`,
  comment: `Names of values that are ${kind === "int" ? "numbers" : "short words"}`,
  layout: "COMPLEX_KEY_HASHED",
  keys: [
    { name: "tag_name", type: "String" },
    { name: "value", type: kind === "int" ? "UInt64" : "String" },
  ],
  attributes: Object.keys(names).map((name) => ({ name, type: "String" })),
  source: enumerationTable,
  where: `kind = '${kind}'`,
  from: { ...names, ...(kind === "int" ? { value: "toUInt64(value)" } : {}) },
})

const listMap = (
  name: string,
  kind: EnumRow["kind"],
  key: string,
  attribute: string,
  comment: string,
): Dictionary => ({
  database: "flow_tag",
  name,
  comment,
  layout: "FLAT",
  keys: [{ name: key, type: "UInt64" }],
  attributes: [{ name: attribute, type: "String" }],
  source: enumerationTable,
  where: `kind = '${kind}'`,
  from: { [key]: "toUInt64(enumeration.value)", [attribute]: "enumeration.name" },
})

export const enumDictionaries: ReadonlyArray<Dictionary> = [
  enumMap("int"),
  enumMap("string"),
  listMap(
    "node_type_map",
    "node_type",
    "resource_type",
    "node_type",
    "Kinds of nodes on a map, by `auto_service_type`",
  ),
  listMap(
    "server_port_map",
    "server_port",
    "server_port",
    "server_port_name",
    "What is usually served at a port",
  ),
  listMap("tap_type_map", "network_type", "value", "name", "Kinds of networks that are captured"),
]
