// Which resources one side of a flow belongs to, and so all of its tags: container, process, hardware address, address, subnet,
// agent, in this order; then what follows from them (workload, node, zone ...), the services in front, and `auto_instance` and
// `auto_service`, the names that people mean. What is not known stays empty: no guess.

import { AutoType, deviceTypes, type ResourceKind, TagSource } from "../../tags/ResourceKind.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import { emptyVector, type TagVector } from "../../tags/TagVector.ts"
import { isLocalIp, isLoopback } from "../../tags/ipAddress.ts"
import { parentId, type ResourceIndex } from "./ResourceIndex.ts"

export interface SideQuery {
  readonly agentId: string
  /** 0: the side has no process on the agent's host, or it is not known. */
  readonly processId: number
  readonly kname: string
  /** Name of the process group; empty: not known. */
  readonly gprocess: string
  /** Empty: none, or not known. */
  readonly container: string
  /** 16 bytes. */
  readonly ip: Uint8Array
  /** "aa:bb:cc:dd:ee:ff"; empty: not known. */
  readonly mac: string
  readonly isServer: boolean
  /** Transport protocol (IANA). */
  readonly protocol: number
  /** Server's port; of a client it tells nothing. */
  readonly port: number
}

export interface ResolvedSide {
  readonly vector: TagVector
  readonly tagSource: number
  /** Custom tags that hold for this side. */
  readonly tags: ReadonlyMap<string, string>
}

/** What gives a process group its number, and its name, which is another one when there is no room for more groups. */
export type ProcessGroupIds = (
  scope: string,
  name: string,
  kname: string,
  owner: ResourceRecord | undefined,
) => { readonly id: number; readonly name: string }

/** Owners of one address, the most exact first. */
const deviceOrder: ReadonlyArray<ResourceKind> = [
  "pod",
  "pod_service",
  "lb",
  "natgw",
  "redis",
  "rds",
  "router",
  "dhcpgw",
  "pod_node",
  "chost",
  "host",
]

/** Later kinds override tags of earlier ones. */
const tagOrder: ReadonlyArray<ResourceKind> = [
  "region",
  "az",
  "vpc",
  "subnet",
  "host",
  "pod_cluster",
  "chost",
  "pod_node",
  "pod_ns",
  "pod_group",
  "pod",
  "pod_service",
  "lb",
  "natgw",
  "redis",
  "rds",
  "router",
  "dhcpgw",
  "biz_service",
]

/** Where the number and the name of a kind stand in a vector. */
const fields: ReadonlyArray<readonly [ResourceKind, keyof TagVector, keyof TagVector]> = [
  ["region", "region_id", "region"],
  ["az", "az_id", "az"],
  ["host", "host_id", "host"],
  ["chost", "chost_id", "chost"],
  ["vpc", "l3_epc_id", "vpc"],
  ["subnet", "subnet_id", "subnet"],
  ["pod_cluster", "pod_cluster_id", "pod_cluster"],
  ["pod_node", "pod_node_id", "pod_node"],
  ["pod_ns", "pod_ns_id", "pod_ns"],
  ["pod_group", "pod_group_id", "pod_group"],
  ["pod", "pod_id", "pod"],
  ["pod_service", "service_id", "pod_service"],
  ["biz_service", "biz_service_id", "biz_service"],
]

const serves = (service: ResourceRecord, query: SideQuery): boolean =>
  service.ports.length === 0 ||
  !query.isServer ||
  service.ports.some(
    ({ port, protocol }) =>
      (protocol === 0 || protocol === query.protocol) && (port === 0 || port === query.port),
  )

/** One that names the port before one that takes any. */
const serviceFor = (
  services: ReadonlyArray<ResourceRecord>,
  query: SideQuery,
): ResourceRecord | undefined => {
  const fitting = services.filter((service) => serves(service, query))
  return fitting.find(({ ports }) => ports.length > 0) ?? fitting[0]
}

const isMachine = ({ kind }: ResourceRecord): boolean =>
  kind === "chost" || kind === "pod_node" || kind === "host"

class Resolution {
  readonly known = new Map<ResourceKind, ResourceRecord>()
  device: ResourceRecord | undefined
  source = 0
  readonly #index: ResourceIndex

  constructor(index: ResourceIndex) {
    this.#index = index
  }

  /** A resource and all that it belongs to; what is known already stays. */
  add(record: ResourceRecord): void {
    const open = [record]
    for (let one = open.pop(); one !== undefined; one = open.pop()) {
      if (this.known.has(one.kind)) continue
      this.known.set(one.kind, one)
      for (const { id, kind } of one.parents) {
        const parent = this.#index.get(kind, id)
        if (parent !== undefined) open.push(parent)
      }
    }
  }

  /** The most exact of several owners is the device; the others are what it runs on. */
  own(owners: ReadonlyArray<ResourceRecord>, source: number): boolean {
    const ranked = owners
      .filter(({ kind }) => deviceOrder.includes(kind))
      .sort((a, b) => deviceOrder.indexOf(a.kind) - deviceOrder.indexOf(b.kind))
    if (ranked.length === 0) return false
    this.device = ranked[0]
    for (const owner of ranked) this.add(owner)
    this.source |= source
    return true
  }
}

const locate = (index: ResourceIndex, query: SideQuery): Resolution => {
  const found = new Resolution(index)
  const machine = index.byAgent(query.agentId).filter(isMachine)
  const vpcId = machine.map((record) => parentId(record, "vpc")).find((id) => id !== 0) ?? 0
  const pod = query.container === "" ? undefined : index.byContainer(query.container)
  if (pod !== undefined) {
    found.own([pod], TagSource.pod)
    for (const record of machine) found.add(record)
    return found
  }
  if (query.processId !== 0 && found.own(machine, TagSource.process | TagSource.agent)) return found
  if (query.mac !== "" && found.own(index.byMac(query.mac), TagSource.mac)) return found
  if (isLoopback(query.ip)) {
    found.own(machine, TagSource.agent)
    return found
  }
  if (found.own(index.byIp(query.ip, vpcId), TagSource.ip)) return found
  const subnet = index.subnetOf(query.ip, vpcId)
  if (subnet !== undefined) {
    found.add(subnet)
    found.source |= TagSource.cidr
  }
  return found
}

const findServices = (index: ResourceIndex, query: SideQuery, { known }: Resolution): void => {
  const idOf = (kind: ResourceKind): number => known.get(kind)?.id ?? 0
  if (!known.has("pod_service")) {
    const behind = ["pod", "pod_group", "pod_node"] as const
    for (const kind of behind) {
      const service = serviceFor(index.servicesOf(kind, idOf(kind), "pod_service"), query)
      if (service === undefined) continue
      known.set("pod_service", service)
      break
    }
  }
  const targets = ["pod_service", "pod_group", "pod", "pod_ns", "pod_cluster", "chost", "host"] as const
  for (const kind of targets) {
    const service = serviceFor(index.servicesOf(kind, idOf(kind), "biz_service"), query)
    if (service === undefined) continue
    known.set("biz_service", service)
    return
  }
  const byAddress = index.byIp(query.ip, idOf("vpc")).filter(({ kind }) => kind === "biz_service")
  const service = serviceFor(byAddress, query)
  if (service !== undefined) known.set("biz_service", service)
}

/** Type, number and name of `auto_instance`. */
const nameInstance = (vector: TagVector, device: ResourceRecord | undefined, ip: Uint8Array): void => {
  const set = (type: number, id: number, name: string): void => {
    vector.auto_instance_type = type
    vector.auto_instance_id = id
    vector.auto_instance = name
  }
  if (vector.pod_id !== 0) return set(deviceTypes.pod!, vector.pod_id, vector.pod)
  if (vector.gprocess_id !== 0) return set(AutoType.process, vector.gprocess_id, vector.gprocess)
  if (vector.pod_node_id !== 0) return set(AutoType.podNode, vector.pod_node_id, vector.pod_node)
  if (device !== undefined) return set(vector.l3_device_type, device.id, device.name)
  set(isLocalIp(ip) ? AutoType.ip : AutoType.internet, vector.subnet_id, "")
}

const nameService = (vector: TagVector, device: ResourceRecord | undefined, ip: Uint8Array): void => {
  const set = (type: number, id: number, name: string): void => {
    vector.auto_service_type = type
    vector.auto_service_id = id
    vector.auto_service = name
  }
  if (vector.biz_service_id !== 0) return set(AutoType.bizService, vector.biz_service_id, vector.biz_service)
  if (vector.service_id !== 0) return set(AutoType.podService, vector.service_id, vector.pod_service)
  if (vector.pod_group_id !== 0)
    return set(vector.pod_group_type || AutoType.podGroup, vector.pod_group_id, vector.pod_group)
  if (vector.gprocess_id !== 0) return set(AutoType.process, vector.gprocess_id, vector.gprocess)
  if (vector.pod_cluster_id !== 0 && vector.pod_node_id !== 0)
    return set(AutoType.podCluster, vector.pod_cluster_id, vector.pod_cluster)
  if (device !== undefined) return set(vector.l3_device_type, device.id, device.name)
  set(isLocalIp(ip) ? AutoType.ip : AutoType.internet, vector.subnet_id, "")
}

const collectTags = (known: ReadonlyMap<ResourceKind, ResourceRecord>): ReadonlyMap<string, string> => {
  const tags = new Map<string, string>()
  for (const kind of tagOrder) {
    const record = known.get(kind)
    if (record === undefined) continue
    for (const [name, value] of Object.entries(record.tags)) tags.set(name, value)
  }
  return tags
}

/** Numbers and names of everything known of a side, but for its process and the names that follow from all. */
const vectorOf = ({ device, known }: Resolution): TagVector => {
  const vector = emptyVector() as Record<keyof TagVector, number | string> & TagVector
  for (const [kind, id, name] of fields) {
    const record = known.get(kind)
    if (record === undefined) continue
    vector[id] = record.id as never
    vector[name] = record.name as never
  }
  vector.pod_group_type = known.get("pod_group")?.subtype ?? 0
  if (device !== undefined) {
    vector.l3_device_type = deviceTypes[device.kind] ?? 0
    vector.l3_device_id = device.id
    vector.l3_device = device.name
  }
  return vector
}

const named = (vector: TagVector, found: Resolution, ip: Uint8Array): ResolvedSide => {
  nameInstance(vector, found.device, ip)
  nameService(vector, found.device, ip)
  return { vector, tagSource: found.source, tags: collectTags(found.known) }
}

export const resolveSide = (
  index: ResourceIndex,
  query: SideQuery,
  processGroupId: ProcessGroupIds,
): ResolvedSide => {
  const found = locate(index, query)
  findServices(index, query, found)
  const vector = vectorOf(found)
  if (query.gprocess !== "") {
    const pod = found.known.get("pod")
    const scope = pod === undefined ? `agent ${query.agentId}` : `pod ${pod.id}`
    const { id, name } = processGroupId(scope, query.gprocess, query.kname, pod ?? found.device)
    vector.gprocess_id = id
    vector.gprocess = name
    vector.process_kname = name === query.gprocess ? query.kname : ""
  }
  return named(vector, found, query.ip)
}

const noAddress = new Uint8Array(16)

/** The tags of a resource itself, for what happens to it. It need not be in the index. */
export const resolveRecord = (index: ResourceIndex, record: ResourceRecord): ResolvedSide => {
  const found = new Resolution(index)
  if (!found.own([record], 0)) found.add(record)
  return named(vectorOf(found), found, noAddress)
}
