import { describe, expect, it } from "vitest"
import { TagSource } from "../../tags/ResourceKind.ts"
import type { TagVector } from "../../tags/TagVector.ts"
import { parseIp } from "../../tags/ipAddress.ts"
import { estate, record, ref, webContainer } from "./records.testing.ts"
import { ResourceIndex } from "./ResourceIndex.ts"
import { resolveRecord, resolveSide, type SideQuery } from "./resolveSide.ts"

const indexOf = (...more: typeof estate): ResourceIndex => {
  const index = new ResourceIndex()
  index.apply([...estate, ...more])
  return index
}

const side = (more: Partial<Omit<SideQuery, "ip">> & { readonly ip?: string } = {}): SideQuery => ({
  agentId: "agent-3",
  processId: 0,
  kname: "",
  gprocess: "",
  container: "",
  mac: "",
  isServer: true,
  protocol: 6,
  port: 8080,
  ...more,
  ip: parseIp(more.ip ?? "192.0.2.1")!,
})

const resolve = (query: SideQuery, index = indexOf()) =>
  resolveSide(index, query, (_scope, name) => ({ id: 77, name }))

/** The fields of a vector that are set. */
const set = (vector: TagVector) =>
  Object.fromEntries(Object.entries(vector).filter(([, value]) => value !== 0 && value !== ""))

const podTags = {
  pod_id: 7,
  pod: "web-abc",
  pod_group_id: 6,
  pod_group: "web",
  pod_group_type: 130,
  pod_ns_id: 2,
  pod_ns: "shop",
  pod_node_id: 4,
  pod_node: "node-4",
  pod_cluster_id: 1,
  pod_cluster: "k8s",
  l3_device_type: 10,
  l3_device_id: 7,
  l3_device: "web-abc",
  chost_id: 3,
  chost: "machine-3",
}

describe("resolveSide", () => {
  it("knows a pod by the container of the process, with everything it runs on and the service in front", () => {
    const { tagSource, tags, vector } = resolve(
      side({ processId: 40, kname: "nginx", gprocess: "nginx", container: webContainer, ip: "127.0.0.1" }),
    )
    expect(tagSource).toBe(TagSource.pod)
    expect(set(vector)).toMatchObject({
      ...podTags,
      gprocess_id: 77,
      gprocess: "nginx",
      process_kname: "nginx",
      service_id: 9,
      pod_service: "web-svc",
      auto_instance_type: 10,
      auto_instance_id: 7,
      auto_instance: "web-abc",
      auto_service_type: 11,
      auto_service_id: 9,
      auto_service: "web-svc",
      az: "north-a",
      region: "north",
      vpc: "prod",
    })
    // The service's label goes before the pod's; the namespace's owner before the machine's.
    expect(Object.fromEntries(tags)).toEqual({
      "k8s.label.app": "web",
      "k8s.label.tier": "edge",
      "cloud.tag.team": "core",
      "biz.owner": "bob",
    })
  })

  it("tells no service in front of a port that it does not serve", () => {
    const { vector } = resolve(side({ ip: "10.0.9.7", port: 9999 }))
    expect(vector).toMatchObject({ service_id: 0, auto_service_type: 130, auto_service: "web" })
  })

  it("knows a client pod's service whatever its port", () => {
    const { vector } = resolve(side({ ip: "10.0.9.7", port: 0, isServer: false }))
    expect(vector).toMatchObject({ service_id: 9, auto_service: "web-svc" })
  })

  it("names a process on a machine by its group", () => {
    const { tagSource, vector } = resolve(
      side({ processId: 12, kname: "redis-server", gprocess: "redis-server" }),
    )
    expect(tagSource).toBe(TagSource.process | TagSource.agent)
    expect(vector).toMatchObject({
      chost: "machine-3",
      pod_node: "node-4",
      auto_instance_type: 120,
      auto_instance: "redis-server",
      auto_service_type: 120,
      auto_service_id: 77,
      auto_service: "redis-server",
    })
  })

  it("finds addresses in the agent's VPC, and elsewhere when only one VPC has them", () => {
    expect(resolve(side({ ip: "10.0.9.7" }))).toMatchObject({ tagSource: TagSource.ip, vector: podTags })
    const other = record("chost", 20, "far", { ips: ["10.7.0.1"], parents: [ref("vpc", 6)] })
    expect(resolve(side({ ip: "10.7.0.1" }), indexOf(other)).vector.chost).toBe("far")
    const twin = record("chost", 21, "twin", { ips: ["10.7.0.1"], parents: [ref("vpc", 7)] })
    expect(resolve(side({ ip: "10.7.0.1" }), indexOf(other, twin)).vector.chost).toBe("")
    const near = record("chost", 22, "near", { ips: ["10.7.0.1"], parents: [ref("vpc", 5)] })
    expect(resolve(side({ ip: "10.7.0.1" }), indexOf(other, twin, near)).vector.chost).toBe("near")
  })

  it("knows a cluster address as its service", () => {
    const { vector } = resolve(side({ ip: "10.96.0.9" }))
    expect(vector).toMatchObject({
      l3_device_type: 11,
      service_id: 9,
      auto_service: "web-svc",
      pod_ns: "shop",
    })
  })

  it("knows an address of a subnet by the subnet, the narrowest one", () => {
    const narrow = record("subnet", 9, "narrow", { cidrs: ["10.0.5.0/24"], parents: [ref("vpc", 5)] })
    const found = resolve(side({ ip: "10.0.5.5" }), indexOf(narrow))
    expect(found).toMatchObject({ tagSource: TagSource.cidr, vector: { subnet: "narrow", vpc: "prod" } })
    expect(resolve(side({ ip: "10.0.4.5" }), indexOf(narrow)).vector).toMatchObject({
      subnet: "prod-a",
      az: "north-a",
      auto_service_type: 255,
      auto_service: "",
    })
  })

  it("knows a machine by its hardware address, and loopback as the agent's own", () => {
    expect(resolve(side({ mac: "02:00:00:00:00:03" }))).toMatchObject({
      tagSource: TagSource.mac,
      vector: { chost: "machine-3" },
    })
    expect(resolve(side({ ip: "127.0.0.1" }))).toMatchObject({
      tagSource: TagSource.agent,
      vector: { chost: "machine-3" },
    })
  })

  it("leaves what nothing tells empty", () => {
    const internet = resolve(side({ agentId: "nobody", ip: "8.8.8.8" }))
    expect(set(internet.vector)).toEqual({})
    expect(internet.tagSource).toBe(0)
    expect(set(resolve(side({ agentId: "nobody", ip: "10.250.0.1" })).vector)).toEqual({
      auto_instance_type: 255,
      auto_service_type: 255,
    })
  })

  it("lets people's services go first, by what they consist of or by address and port", () => {
    const byTarget = record("biz_service", 1, "Storefront", { targets: [ref("pod_group", 6)] })
    expect(resolve(side({ ip: "10.0.9.7" }), indexOf(byTarget)).vector).toMatchObject({
      auto_service_type: 105,
      auto_service: "Storefront",
      auto_instance: "web-abc",
    })
    const byAddress = record("biz_service", 2, "Mail", {
      ips: ["10.0.0.3"],
      ports: [{ protocol: 6, port: 25 }],
      parents: [ref("vpc", 5)],
    })
    expect(resolve(side({ ip: "10.0.0.3", port: 25 }), indexOf(byAddress)).vector.auto_service).toBe("Mail")
    expect(resolve(side({ ip: "10.0.0.3", port: 26 }), indexOf(byAddress)).vector.biz_service).toBe("")
  })

  it("follows changes and deletions of records", () => {
    const index = indexOf()
    index.apply([record("pod", 7, "web-def", { ips: ["10.0.9.8"], revision: 100 })])
    expect(resolve(side({ ip: "10.0.9.7" }), index).vector.pod).toBe("")
    expect(resolve(side({ ip: "10.0.9.8" }), index).vector).toMatchObject({ pod: "web-def", pod_group: "" })
    index.apply([record("pod", 7, "web-def", { ips: ["10.0.9.8"], revision: 101, isDeleted: true })])
    expect(resolve(side({ ip: "10.0.9.8" }), index).vector.pod).toBe("")
    expect(index.revision).toBe(101)
  })

  it("does not hang on resources that belong to each other", () => {
    const a = record("host", 1, "a", { ips: ["10.9.9.9"], parents: [ref("az", 9)] })
    const b = record("az", 9, "b", { parents: [ref("host", 1)] })
    expect(resolve(side({ ip: "10.9.9.9" }), indexOf(a, b)).vector).toMatchObject({ host: "a", az: "b" })
  })

  it("tells the tags of a resource itself, whether or not it is known yet", () => {
    const pod = record("pod", 99, "new-pod", {
      parents: [ref("pod_group", 6), ref("pod_ns", 2)],
      tags: { a: "b" },
    })
    const { tags, vector } = resolveRecord(indexOf(), pod)
    expect(vector).toMatchObject({
      pod: "new-pod",
      pod_group: "web",
      pod_ns: "shop",
      auto_instance: "new-pod",
    })
    expect(tags.get("a")).toBe("b")
    expect(resolveRecord(indexOf(), record("region", 4, "south")).vector).toMatchObject({
      region: "south",
      az: "",
    })
  })
})
