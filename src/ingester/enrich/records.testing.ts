// A small estate for tests: one VPC with a machine, a Kubernetes cluster with one node, a workload of one pod behind a service.

import type { ResourceKind } from "../../tags/ResourceKind.ts"
import type { ResourceRecord, ResourceRef } from "../../tags/ResourceRecord.ts"

export const ref = (kind: ResourceKind, id: number): ResourceRef => ({ kind, id })

export const record = (
  kind: ResourceKind,
  id: number,
  name: string,
  more: Partial<ResourceRecord> = {},
): ResourceRecord => ({
  kind,
  id,
  domain: "test",
  uid: name,
  name,
  parents: [],
  ips: [],
  macs: [],
  cidrs: [],
  containers: [],
  agents: [],
  ports: [],
  targets: [],
  subtype: 0,
  tags: {},
  isDeleted: false,
  changedMs: 0,
  revision: id,
  ...more,
})

export const webContainer: string = "c0ffee".repeat(11).slice(0, 64)

export const estate: ReadonlyArray<ResourceRecord> = [
  record("region", 1, "north"),
  record("az", 1, "north-a", { parents: [ref("region", 1)] }),
  record("vpc", 5, "prod"),
  record("subnet", 8, "prod-a", { cidrs: ["10.0.0.0/16"], parents: [ref("vpc", 5), ref("az", 1)] }),
  record("chost", 3, "machine-3", {
    ips: ["10.0.0.3"],
    macs: ["02:00:00:00:00:03"],
    agents: ["agent-3"],
    parents: [ref("vpc", 5), ref("subnet", 8), ref("az", 1)],
    tags: { "cloud.tag.team": "core", "biz.owner": "ann" },
  }),
  record("pod_cluster", 1, "k8s"),
  record("pod_node", 4, "node-4", {
    ips: ["10.0.0.3"],
    agents: ["agent-3"],
    parents: [ref("pod_cluster", 1), ref("chost", 3), ref("vpc", 5)],
  }),
  record("pod_ns", 2, "shop", { parents: [ref("pod_cluster", 1)], tags: { "biz.owner": "bob" } }),
  record("pod_group", 6, "web", { subtype: 130, parents: [ref("pod_ns", 2), ref("pod_cluster", 1)] }),
  record("pod", 7, "web-abc", {
    ips: ["10.0.9.7"],
    containers: [webContainer],
    parents: [
      ref("pod_group", 6),
      ref("pod_ns", 2),
      ref("pod_node", 4),
      ref("pod_cluster", 1),
      ref("vpc", 5),
    ],
    tags: { "k8s.label.app": "web", "k8s.label.tier": "front" },
  }),
  record("pod_service", 9, "web-svc", {
    ips: ["10.96.0.9"],
    ports: [{ protocol: 6, port: 8080 }],
    targets: [ref("pod_group", 6)],
    parents: [ref("pod_ns", 2), ref("pod_cluster", 1), ref("vpc", 5)],
    tags: { "k8s.label.tier": "edge" },
  }),
]
