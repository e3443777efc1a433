// Services and ingresses of a cluster: where they are served, and which workloads stand behind them.

import { IpProtocol } from "../../../model/protocol.ts"
import type { ServicePort } from "../../../tags/ResourceRecord.ts"
import { byUid, type SourceRecord, type SourceRef } from "../ResourceSource.ts"
import { asNumber, asObject, asText, at, listAt, textAt } from "../untrustedJson.ts"
import type { KubernetesObject, KubernetesObjects } from "./KubernetesObjects.ts"
import { objectTags } from "./objectTags.ts"
import type { Workload } from "./workloadOfPod.ts"

const protocolNumber = (name: string): number =>
  name === "UDP" ? IpProtocol.udp : name === "SCTP" ? 132 : IpProtocol.tcp

/** Pods of one namespace by one label, so that a selector need not look at all of them. */
class PodsByLabel {
  readonly #pods = new Map<string, Array<KubernetesObject>>()

  constructor(pods: Iterable<KubernetesObject>) {
    for (const pod of pods) {
      for (const [name, value] of Object.entries(asObject(at(pod.json, "metadata", "labels")))) {
        const key = `${pod.namespace}\0${name}\0${asText(value)}`
        const known = this.#pods.get(key)
        if (known === undefined) this.#pods.set(key, [pod])
        else known.push(pod)
      }
    }
  }

  matching(namespace: string, selector: unknown): ReadonlyArray<KubernetesObject> {
    const wanted = Object.entries(asObject(selector))
    const lists = wanted.map(
      ([name, value]) => this.#pods.get(`${namespace}\0${name}\0${asText(value)}`) ?? [],
    )
    if (lists.length === 0) return []
    const fewest = lists.reduce((a, b) => (b.length < a.length ? b : a))
    return fewest.filter((pod) =>
      wanted.every(([name, value]) => textAt(pod.json, "metadata", "labels", name) === asText(value)),
    )
  }
}

/** Numbers that a named target port has in the pods. */
const namedPorts = (pods: ReadonlyArray<KubernetesObject>, name: string): ReadonlyArray<number> => {
  const found = new Set<number>()
  for (const pod of pods) {
    for (const container of listAt(pod.json, "spec", "containers")) {
      for (const port of listAt(container, "ports")) {
        if (textAt(port, "name") === name) found.add(asNumber(at(port, "containerPort")))
      }
    }
  }
  return [...found]
}

/** The service's own port, the pods' and the nodes': a flow shows any of them, depending on where it is seen. */
const portsOf = (
  service: KubernetesObject,
  pods: ReadonlyArray<KubernetesObject>,
): ReadonlyArray<ServicePort> =>
  listAt(service.json, "spec", "ports").flatMap((port) => {
    const protocol = protocolNumber(textAt(port, "protocol"))
    const target = at(port, "targetPort")
    const targets = typeof target === "string" ? namedPorts(pods, target) : [asNumber(target)]
    return [asNumber(at(port, "port")), ...targets, asNumber(at(port, "nodePort"))]
      .filter((number) => number > 0)
      .map((number) => ({ protocol, port: number }))
  })

const balancerIps = ({ json }: KubernetesObject): ReadonlyArray<string> =>
  listAt(json, "status", "loadBalancer", "ingress")
    .map((one) => textAt(one, "ip"))
    .filter((ip) => ip !== "")

const serviceIps = (service: KubernetesObject): ReadonlyArray<string> => {
  const own = listAt(service.json, "spec", "clusterIPs").map(asText)
  return [
    ...(own.length > 0 ? own : [textAt(service.json, "spec", "clusterIP")]),
    ...listAt(service.json, "spec", "externalIPs").map(asText),
    ...balancerIps(service),
  ].filter((ip) => ip !== "" && ip !== "None")
}

/** Names of the services that an ingress leads to. */
const backendsOf = ({ json }: KubernetesObject): ReadonlyArray<string> => {
  const paths = listAt(json, "spec", "rules").flatMap((rule) => listAt(rule, "http", "paths"))
  return [at(json, "spec", "defaultBackend"), ...paths.map((path) => at(path, "backend"))]
    .map((backend) => textAt(backend, "service", "name"))
    .filter((name) => name !== "")
}

export const serviceRecords = (
  cluster: string,
  objects: KubernetesObjects,
  workloads: ReadonlyMap<KubernetesObject, Workload | undefined>,
): ReadonlyArray<SourceRecord> => {
  const pods = new PodsByLabel(objects.all("Pod"))
  const records: Array<SourceRecord> = []
  const ingressOf = new Map<string, string>()
  const placed = ({ namespace }: KubernetesObject): Array<SourceRef> => [
    byUid("pod_cluster", cluster),
    byUid("pod_ns", namespace),
  ]
  for (const ingress of objects.all("Ingress")) {
    const uid = `${ingress.namespace}/${ingress.name}`
    for (const service of backendsOf(ingress)) ingressOf.set(`${ingress.namespace}/${service}`, uid)
    records.push({
      kind: "pod_ingress",
      uid,
      name: ingress.name,
      parents: placed(ingress),
      ips: balancerIps(ingress),
      tags: objectTags(ingress),
    })
  }
  for (const service of objects.all("Service")) {
    const uid = `${service.namespace}/${service.name}`
    const behind = pods.matching(service.namespace, at(service.json, "spec", "selector"))
    const targets = new Map<string, SourceRef>()
    for (const pod of behind) {
      const workload = workloads.get(pod)
      const target =
        workload === undefined
          ? byUid("pod", `${pod.namespace}/${pod.name}`)
          : byUid("pod_group", workload.uid)
      targets.set(`${target.kind} ${target.value}`, target)
    }
    const ingress = ingressOf.get(uid)
    records.push({
      kind: "pod_service",
      uid,
      name: service.name,
      parents: [...placed(service), ...(ingress === undefined ? [] : [byUid("pod_ingress", ingress)])],
      ips: serviceIps(service),
      ports: portsOf(service, behind),
      targets: [...targets.values()],
      tags: objectTags(service),
    })
  }
  return records
}
