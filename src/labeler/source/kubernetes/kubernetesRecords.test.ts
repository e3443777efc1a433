import * as fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { SourceRecord } from "../ResourceSource.ts"
import { parseClusterPath } from "./kubernetesFileSource.ts"
import { KubernetesObjects, objectKinds } from "./KubernetesObjects.ts"
import { kubernetesRecords } from "./kubernetesRecords.ts"

const meta = (name: string, more: object = {}) => ({ name, namespace: "shop", ...more })
const owner = (kind: string, name: string) => [
  { apiVersion: "apps/v1", kind, name, uid: "u", controller: true },
]
const hex = (digit: string) => digit.repeat(64)

const nodes = {
  kind: "List",
  apiVersion: "v1",
  items: [
    {
      kind: "Node",
      metadata: {
        name: "n1",
        labels: { "topology.kubernetes.io/region": "eu", "topology.kubernetes.io/zone": "eu-1a" },
      },
      status: {
        addresses: [
          { type: "InternalIP", address: "10.0.0.1" },
          { type: "Hostname", address: "n1" },
        ],
        conditions: [{ type: "Ready", status: "True" }],
      },
    },
    { kind: "Namespace", metadata: { name: "shop", labels: { team: "a" } } },
    { kind: "Secret", metadata: { name: "s" }, data: {} },
    { kind: "Deployment", metadata: meta("web", { labels: { app: "web" } }) },
    { kind: "ReplicaSet", metadata: meta("web-7d", { ownerReferences: owner("Deployment", "web") }) },
    { kind: "StatefulSet", metadata: meta("db") },
  ],
}

const pod = (name: string, more: { metadata?: object; spec?: object; status?: object } = {}) => ({
  metadata: meta(name, { labels: { app: "web" }, ...more.metadata }),
  spec: { nodeName: "n1", ...more.spec },
  status: { phase: "Running", podIP: "10.1.0.1", ...more.status },
})

const pods = {
  kind: "PodList",
  items: [
    pod("web-7d-x", {
      metadata: {
        ownerReferences: owner("ReplicaSet", "web-7d"),
        annotations: { note: "n", "kubectl.kubernetes.io/last-applied-configuration": "{}" },
      },
      spec: {
        containers: [
          {
            name: "c",
            ports: [{ name: "http", containerPort: 8080 }],
            env: [
              { name: "MODE", value: "fast" },
              { name: "DB_PASSWORD", value: "hunter2" },
              { name: "FROM", valueFrom: { fieldRef: {} } },
            ],
          },
        ],
      },
      status: {
        podIPs: [{ ip: "10.1.0.1" }, { ip: "fd00::1" }],
        containerStatuses: [{ containerID: `containerd://${hex("a")}` }, {}],
        initContainerStatuses: [{ containerID: `docker://${hex("b")}` }],
      },
    }),
    pod("api-9f-y", {
      metadata: {
        labels: { app: "api", "pod-template-hash": "9f" },
        ownerReferences: owner("ReplicaSet", "api-9f"),
      },
    }),
    pod("db-0", { metadata: { labels: { app: "db" }, ownerReferences: owner("StatefulSet", "db") } }),
    pod("agent-z", {
      metadata: { labels: {}, ownerReferences: owner("DaemonSet", "agent") },
      spec: { hostNetwork: true, nodeName: "n2" },
    }),
    pod("job-1", { metadata: { ownerReferences: owner("Job", "job") }, status: { phase: "Succeeded" } }),
    pod("kube-proxy-n1", { metadata: { labels: {}, ownerReferences: owner("Node", "n1") } }),
    pod("lonely", { metadata: { labels: { app: "lonely" } } }),
  ],
}

const services = {
  kind: "List",
  items: [
    {
      kind: "Service",
      metadata: meta("web"),
      spec: {
        selector: { app: "web" },
        clusterIP: "10.96.0.1",
        clusterIPs: ["10.96.0.1"],
        ports: [
          { protocol: "TCP", port: 80, targetPort: "http", nodePort: 30_080 },
          { protocol: "UDP", port: 53, targetPort: 5353 },
        ],
      },
    },
    { kind: "Service", metadata: meta("headless"), spec: { selector: { app: "lonely" }, clusterIP: "None" } },
    { kind: "Service", metadata: meta("external"), spec: { type: "ExternalName" } },
    {
      kind: "Ingress",
      metadata: meta("front"),
      spec: { rules: [{ http: { paths: [{ backend: { service: { name: "web" } } }] } }] },
      status: { loadBalancer: { ingress: [{ ip: "203.0.113.9" }, { hostname: "lb" }] } },
    },
  ],
}

const recordsOf = (...lists: ReadonlyArray<unknown>): ReadonlyMap<string, SourceRecord> => {
  const objects = new KubernetesObjects()
  for (const list of lists) expect(objects.addJson(list)).toBeUndefined()
  return new Map(kubernetesRecords("prod", objects).map((record) => [`${record.kind} ${record.uid}`, record]))
}

const refs = (record: SourceRecord | undefined) =>
  record?.parents?.map(({ by, kind, value }) => `${kind} ${by} ${value}`)

describe("kubernetesRecords", () => {
  const records = recordsOf(nodes, pods, services)

  it("knows cluster, places, nodes and namespaces", () => {
    expect(refs(records.get("pod_node n1"))).toEqual([
      "pod_cluster uid prod",
      "region uid eu",
      "az uid eu-1a",
      "chost ip 10.0.0.1",
    ])
    expect(records.get("pod_node n1")).toMatchObject({ ips: ["10.0.0.1"], state: "ready" })
    expect(records.get("az eu-1a")).toMatchObject({ joins: true })
    expect(records.get("pod_ns shop")).toMatchObject({ tags: { "k8s.label.team": "a" } })
    // Named by a pod only.
    expect(refs(records.get("pod_node n2"))).toEqual(["pod_cluster uid prod"])
  })

  it("finds the workload of a pod", () => {
    const groupOf = (name: string) =>
      refs(records.get(`pod shop/${name}`))?.find((one) => one.startsWith("pod_group"))
    expect(groupOf("web-7d-x")).toBe("pod_group uid shop/Deployment/web")
    expect(groupOf("api-9f-y")).toBe("pod_group uid shop/Deployment/api")
    expect(groupOf("db-0")).toBe("pod_group uid shop/StatefulSet/db")
    expect(groupOf("agent-z")).toBe("pod_group uid shop/DaemonSet/agent")
    expect(groupOf("job-1")).toBe("pod_group uid shop/Job/job")
    expect(groupOf("kube-proxy-n1")).toBeUndefined()
    expect(groupOf("lonely")).toBeUndefined()
    expect(records.get("pod_group shop/Deployment/web")).toMatchObject({
      subtype: 130,
      tags: { "k8s.label.app": "web" },
    })
    expect(records.get("pod_group shop/DaemonSet/agent")).toMatchObject({ subtype: 133, name: "agent" })
    expect(records.has("pod_group shop/ReplicaSet/web-7d")).toBe(false)
  })

  it("knows containers, addresses and tags of a pod, and keeps secrets out", () => {
    expect(records.get("pod shop/web-7d-x")).toMatchObject({
      containers: [hex("a"), hex("b")],
      ips: ["10.1.0.1", "fd00::1"],
      tags: { "k8s.label.app": "web", "k8s.annotation.note": "n", "k8s.env.MODE": "fast" },
      state: "Running",
    })
    expect(JSON.stringify([...records.values()])).not.toContain("hunter2")
    expect(records.get("pod shop/agent-z")!.ips).toEqual([])
    expect(records.get("pod shop/job-1")!.ips).toEqual([])
  })

  it("knows services, their ports and what stands behind them", () => {
    const web = records.get("pod_service shop/web")!
    expect(refs(web)).toEqual(["pod_cluster uid prod", "pod_ns uid shop", "pod_ingress uid shop/front"])
    expect(web.ips).toEqual(["10.96.0.1"])
    expect(web.ports).toEqual([
      { protocol: 6, port: 80 },
      { protocol: 6, port: 8080 },
      { protocol: 6, port: 30_080 },
      { protocol: 17, port: 53 },
      { protocol: 17, port: 5353 },
    ])
    expect(web.targets!.map(({ value }) => value)).toEqual(["shop/Deployment/web", "shop/Job/job"])
    expect(records.get("pod_service shop/headless")).toMatchObject({
      ips: [],
      targets: [{ kind: "pod", value: "shop/lonely" }],
    })
    expect(records.get("pod_service shop/external")!.targets).toEqual([])
    expect(records.get("pod_ingress shop/front")!.ips).toEqual(["203.0.113.9"])
  })

  it("says what is no answer of the API", () => {
    const objects = new KubernetesObjects()
    expect(objects.addJson([])).toMatch(/^the object has no kind/)
    expect(objects.addJson({ kind: "PodList" })).toBe("PodList has no items")
    expect(objects.addJson({ kind: "PodList", items: [{}] })).toBe("items[0] (Pod) has no metadata.name")
    expect(objects.addJson({ kind: "List", items: [1] })).toMatch(/^items\[0\] has no kind/)
  })

  it("never throws, whatever objects hold", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            kind: fc.constantFrom(...objectKinds),
            metadata: fc.record({ name: fc.string(), namespace: fc.anything(), labels: fc.anything() }),
            spec: fc.anything(),
            status: fc.anything(),
          }),
        ),
        (items) => {
          const objects = new KubernetesObjects()
          objects.addJson({ kind: "List", items })
          kubernetesRecords("c", objects)
        },
      ),
    )
  })

  it("names clusters by their path", () => {
    expect(parseClusterPath("prod=/etc/a.json")).toEqual({ cluster: "prod", path: "/etc/a.json" })
    expect(parseClusterPath("/etc/k=1/a.json")).toEqual({ cluster: "a", path: "/etc/k=1/a.json" })
    expect(parseClusterPath("clusters/dev")).toEqual({ cluster: "dev", path: "clusters/dev" })
  })
})
