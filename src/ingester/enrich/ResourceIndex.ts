// The labeler's records as look-ups: by container, hardware address, address and VPC, agent, range, and which services stand in
// front of a resource. Brought up to date record by record; deleted ones are gone at once.

import type { ResourceKind } from "../../tags/ResourceKind.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import { ipKey, type IpRange, isInRange, parseIp, parseRange } from "../../tags/ipAddress.ts"

interface SubnetRange {
  readonly range: IpRange
  readonly vpcId: number
  readonly subnet: ResourceRecord
}

const none: ReadonlyArray<ResourceRecord> = []
/** Container ids are often shown by their first 12 digits. */
const shortContainer = 12

export const parentId = (record: ResourceRecord, kind: ResourceKind): number =>
  record.parents.find((parent) => parent.kind === kind)?.id ?? 0

const refKey = (kind: ResourceKind, id: number): string => `r ${kind} ${id}`
const targetKey = (kind: ResourceKind, id: number): string => `t ${kind} ${id}`

/** Everything by which a record is found. */
const keysOf = (record: ResourceRecord): ReadonlyArray<string> => {
  const keys = [refKey(record.kind, record.id)]
  for (const container of record.containers) keys.push(`c ${container.slice(0, shortContainer)}`)
  for (const mac of record.macs) keys.push(`m ${mac.toLowerCase()}`)
  for (const agent of record.agents) keys.push(`g ${agent}`)
  for (const target of record.targets) keys.push(targetKey(target.kind, target.id))
  const vpcId = parentId(record, "vpc")
  for (const text of record.ips) {
    const ip = parseIp(text)
    if (ip === undefined) continue
    const key = ipKey(ip)
    keys.push(`a ${vpcId} ${key}`, `i ${key}`)
  }
  return keys
}

export class ResourceIndex {
  /** Newest revision applied. */
  revision = 0
  /** Counts changes: answers of before may be old. */
  version = 0
  readonly #records = new Map<string, ResourceRecord>()
  readonly #found = new Map<string, ReadonlyArray<ResourceRecord>>()
  #ranges: ReadonlyArray<SubnetRange> = []

  apply(records: ReadonlyArray<ResourceRecord>): void {
    let subnetsChanged = false
    for (const record of records) {
      this.revision = Math.max(this.revision, record.revision)
      const own = refKey(record.kind, record.id)
      const before = this.#records.get(own)
      if (before !== undefined) this.#remove(own, before)
      if (!record.isDeleted) this.#add(own, record)
      if (record.kind === "subnet") subnetsChanged = true
    }
    if (records.length > 0) this.version++
    if (subnetsChanged) this.#collectRanges()
  }

  #add(own: string, record: ResourceRecord): void {
    this.#records.set(own, record)
    for (const key of keysOf(record)) this.#found.set(key, [...(this.#found.get(key) ?? none), record])
  }

  #remove(own: string, record: ResourceRecord): void {
    this.#records.delete(own)
    for (const key of keysOf(record)) {
      const rest = (this.#found.get(key) ?? none).filter((one) => one !== record)
      if (rest.length === 0) this.#found.delete(key)
      else this.#found.set(key, rest)
    }
  }

  #collectRanges(): void {
    const ranges: Array<SubnetRange> = []
    for (const subnet of this.#records.values()) {
      if (subnet.kind !== "subnet") continue
      for (const text of subnet.cidrs) {
        const range = parseRange(text)
        if (range !== undefined) ranges.push({ range, vpcId: parentId(subnet, "vpc"), subnet })
      }
    }
    // The narrowest range is the most exact.
    this.#ranges = ranges.sort((a, b) => b.range.prefixBits - a.range.prefixBits)
  }

  get size(): number {
    return this.#records.size
  }

  get(kind: ResourceKind, id: number): ResourceRecord | undefined {
    return id === 0 ? undefined : this.#records.get(refKey(kind, id))
  }

  byContainer(id: string): ResourceRecord | undefined {
    return this.#found.get(`c ${id.slice(0, shortContainer)}`)?.find(({ kind }) => kind === "pod")
  }

  byMac(mac: string): ReadonlyArray<ResourceRecord> {
    return this.#found.get(`m ${mac}`) ?? none
  }

  /** The machine an agent runs on: its chost, pod_node and host, as far as they are known. */
  byAgent(agentId: string): ReadonlyArray<ResourceRecord> {
    return this.#found.get(`g ${agentId}`) ?? none
  }

  /** Owners of an address in a VPC; in another one only when no two VPCs have it. */
  byIp(ip: Uint8Array, vpcId: number): ReadonlyArray<ResourceRecord> {
    const key = ipKey(ip)
    const inVpc = this.#found.get(`a ${vpcId} ${key}`)
    if (inVpc !== undefined) return inVpc
    const anywhere = this.#found.get(`i ${key}`) ?? none
    const first = anywhere[0]
    if (first === undefined) return none
    const firstVpc = parentId(first, "vpc")
    return anywhere.every((record) => parentId(record, "vpc") === firstVpc) ? anywhere : none
  }

  /** The narrowest subnet around an address: of this VPC, else of one that is not told apart by VPC. */
  subnetOf(ip: Uint8Array, vpcId: number): ResourceRecord | undefined {
    const inRange = this.#ranges.filter(({ range }) => isInRange(ip, range))
    return (inRange.find((one) => one.vpcId === vpcId) ?? inRange.find((one) => one.vpcId === 0))?.subnet
  }

  /** Services of a kind in front of a resource, oldest first. */
  servicesOf(
    kind: ResourceKind,
    id: number,
    service: "pod_service" | "biz_service",
  ): ReadonlyArray<ResourceRecord> {
    if (id === 0) return none
    const found = this.#found.get(targetKey(kind, id)) ?? none
    return found.filter((record) => record.kind === service).sort((a, b) => a.id - b.id)
  }
}
