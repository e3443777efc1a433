// A cluster's objects as resources. Uids are names (`namespace/name`), so that a workload or a pod of a StatefulSet that is made anew
// keeps its number; a pod of a Deployment gets a new name anyhow.

import { podGroupTypes } from "../../../tags/ResourceKind.ts"
import { byUid, type SourceRecord } from "../ResourceSource.ts"
import { at, listAt, textAt } from "../untrustedJson.ts"
import { type KubernetesObject, type KubernetesObjects, workloadKinds } from "./KubernetesObjects.ts"
import { objectTags } from "./objectTags.ts"
import { serviceRecords } from "./serviceRecords.ts"
import { type Workload, workloadOfPod } from "./workloadOfPod.ts"

/** Values of variables called so stay where they are. */
const secretName = /pass|secret|token|key|credential|auth|private|cert|dsn/i

/** Variables with a value in the pod's own description; of several containers the first one counts. */
const envTags = ({ json }: KubernetesObject): Record<string, string> => {
  const tags: Record<string, string> = {}
  for (const container of listAt(json, "spec", "containers")) {
    for (const variable of listAt(container, "env")) {
      const name = textAt(variable, "name")
      const value = at(variable, "value")
      if (name === "" || typeof value !== "string" || secretName.test(name)) continue
      if (!Object.hasOwn(tags, `k8s.env.${name}`)) tags[`k8s.env.${name}`] = value
    }
  }
  return tags
}

const containersOf = ({ json }: KubernetesObject): ReadonlyArray<string> =>
  ["containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"].flatMap((list) =>
    listAt(json, "status", list).flatMap((status) => {
      const id = textAt(status, "containerID").split("://").at(-1)!
      return id === "" ? [] : [id]
    }),
  )

const addressesOf = ({ json }: KubernetesObject): ReadonlyArray<string> => {
  const ips = listAt(json, "status", "podIPs").map((one) => textAt(one, "ip"))
  return (ips.length > 0 ? ips : [textAt(json, "status", "podIP")]).filter((ip) => ip !== "")
}

/** Its addresses and containers are free for others. */
const isOver = (phase: string): boolean => phase === "Succeeded" || phase === "Failed"

const podRecord = (pod: KubernetesObject, cluster: string, workload: Workload | undefined): SourceRecord => {
  const node = textAt(pod.json, "spec", "nodeName")
  const phase = textAt(pod.json, "status", "phase")
  const isOnHostNetwork = at(pod.json, "spec", "hostNetwork") === true
  return {
    kind: "pod",
    uid: `${pod.namespace}/${pod.name}`,
    name: pod.name,
    parents: [
      byUid("pod_cluster", cluster),
      byUid("pod_ns", pod.namespace),
      ...(node === "" ? [] : [byUid("pod_node", node)]),
      ...(workload === undefined ? [] : [byUid("pod_group", workload.uid)]),
    ],
    ips: isOnHostNetwork || isOver(phase) ? [] : addressesOf(pod),
    containers: isOver(phase) ? [] : containersOf(pod),
    tags: { ...objectTags(pod), ...envTags(pod) },
    state: phase,
  }
}

const regionLabels = ["topology.kubernetes.io/region", "failure-domain.beta.kubernetes.io/region"]
const zoneLabels = ["topology.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/zone"]

const labelOf = ({ json }: KubernetesObject, names: ReadonlyArray<string>): string => {
  for (const name of names) {
    const value = textAt(at(json, "metadata", "labels"), name)
    if (value !== "") return value
  }
  return ""
}

/** A node, and the region and zone its labels name. */
const nodeRecords = (node: KubernetesObject, cluster: string): ReadonlyArray<SourceRecord> => {
  const region = labelOf(node, regionLabels)
  const zone = labelOf(node, zoneLabels)
  const ips = listAt(node.json, "status", "addresses")
    .filter((one) => /^(InternalIP|ExternalIP)$/.test(textAt(one, "type")))
    .map((one) => textAt(one, "address"))
  const ready = listAt(node.json, "status", "conditions").find((one) => textAt(one, "type") === "Ready")
  const inRegion = region === "" ? [] : [byUid("region", region)]
  return [
    ...(region === "" ? [] : [{ kind: "region" as const, uid: region, name: region, joins: true }]),
    ...(zone === "" ? [] : [{ kind: "az" as const, uid: zone, name: zone, parents: inRegion, joins: true }]),
    {
      kind: "pod_node",
      uid: node.name,
      name: node.name,
      parents: [
        byUid("pod_cluster", cluster),
        ...inRegion,
        ...(zone === "" ? [] : [byUid("az", zone)]),
        ...(ips.length === 0 ? [] : [{ kind: "chost" as const, by: "ip" as const, value: ips[0]! }]),
      ],
      ips,
      tags: objectTags(node),
      state: ready === undefined ? "" : textAt(ready, "status") === "True" ? "ready" : "not ready",
    },
  ]
}

const workloadRecord = (
  { kind, name, namespace, uid }: Workload,
  cluster: string,
  object: KubernetesObject | undefined,
): SourceRecord => ({
  kind: "pod_group",
  uid,
  name,
  parents: [byUid("pod_cluster", cluster), byUid("pod_ns", namespace)],
  subtype: podGroupTypes[kind] ?? 0,
  tags: object === undefined ? {} : objectTags(object),
})

/** Everything of one cluster. What is named but not told of (a namespace, a node, a workload) is made from its name. */
export const kubernetesRecords = (
  cluster: string,
  objects: KubernetesObjects,
): ReadonlyArray<SourceRecord> => {
  const records = new Map<string, SourceRecord>()
  const add = (record: SourceRecord): void => {
    records.set(`${record.kind} ${record.uid}`, record)
  }
  const named = (kind: "pod_ns" | "pod_node", name: string): void => {
    if (name === "" || records.has(`${kind} ${name}`)) return
    add({ kind, uid: name, name, parents: [byUid("pod_cluster", cluster)] })
  }
  add({ kind: "pod_cluster", uid: cluster, name: cluster })
  for (const namespace of objects.all("Namespace")) {
    add({
      kind: "pod_ns",
      uid: namespace.name,
      name: namespace.name,
      parents: [byUid("pod_cluster", cluster)],
      tags: objectTags(namespace),
    })
  }
  for (const node of objects.all("Node")) for (const record of nodeRecords(node, cluster)) add(record)

  const addWorkload = (workload: Workload): void => {
    if (records.has(`pod_group ${workload.uid}`)) return
    named("pod_ns", workload.namespace)
    const { kind, name, namespace } = workload
    const known = workloadKinds.find((one) => one === kind)
    add(workloadRecord(workload, cluster, known && objects.get(known, namespace, name)))
  }
  for (const kind of [
    "Deployment",
    "StatefulSet",
    "DaemonSet",
    "ReplicationController",
    "CloneSet",
  ] as const) {
    for (const { name, namespace } of objects.all(kind)) {
      addWorkload({ kind, name, namespace, uid: `${namespace}/${kind}/${name}` })
    }
  }
  const workloads = new Map<KubernetesObject, Workload | undefined>()
  for (const pod of objects.all("Pod")) {
    const workload = workloadOfPod(pod, objects)
    workloads.set(pod, workload)
    if (workload !== undefined) addWorkload(workload)
    named("pod_ns", pod.namespace)
    named("pod_node", textAt(pod.json, "spec", "nodeName"))
    add(podRecord(pod, cluster, workload))
  }
  for (const record of serviceRecords(cluster, objects, workloads)) {
    named("pod_ns", record.uid.split("/", 1)[0]!)
    add(record)
  }
  return [...records.values()]
}
