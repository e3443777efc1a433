// A resource as the labeler keeps it and everybody else reads it: one row of `flow_tag.record` a resource, the newest revision
// counts. Ids are dense per kind, given out once and never again; a deleted resource stays as a row, so that ids in old data
// still have a name.

import type { ResourceKind } from "./ResourceKind.ts"

export interface ServicePort {
  /** IANA number; 0: any. */
  readonly protocol: number
  /** 0: any. */
  readonly port: number
}

/** A reference to another resource. */
export interface ResourceRef {
  readonly kind: ResourceKind
  readonly id: number
}

export interface ResourceRecord {
  readonly kind: ResourceKind
  /** Dense per kind, from 1. */
  readonly id: number
  /** Which source's realm it belongs to: "machines", "cmdb:hosts.yaml", "k8s:prod". */
  readonly domain: string
  /** Stable name within the domain. */
  readonly uid: string
  readonly name: string
  /** What it belongs to: at most one of a kind. */
  readonly parents: ReadonlyArray<ResourceRef>
  /** Addresses in text form, IPv4 dotted or IPv6; within the VPC among the parents. */
  readonly ips: ReadonlyArray<string>
  /** "aa:bb:cc:dd:ee:ff". */
  readonly macs: ReadonlyArray<string>
  /** Of a subnet: "10.0.0.0/8". */
  readonly cidrs: ReadonlyArray<string>
  /** Of a pod: ids of its containers (64 hex digits, or the first 12). */
  readonly containers: ReadonlyArray<string>
  /** Of a chost, host or pod_node: ids of the agents that run on it. Of a process group: the agent that sees it. */
  readonly agents: ReadonlyArray<string>
  /** Of a pod_service or biz_service: where it is served; none: any port. */
  readonly ports: ReadonlyArray<ServicePort>
  /** Of a pod_service: the workloads behind it. Of a biz_service: what it consists of. */
  readonly targets: ReadonlyArray<ResourceRef>
  /** `pod_group_type` of a workload; else 0. */
  readonly subtype: number
  /** Custom tags by full name: "k8s.label.app", "cloud.tag.team", "biz.owner". */
  readonly tags: Readonly<Record<string, string>>
  readonly isDeleted: boolean
  /** Milliseconds since 1970 at which this revision was made. */
  readonly changedMs: number
  /** Grows with every change of any record; what is newer than the last one read is what changed. */
  readonly revision: number
}
