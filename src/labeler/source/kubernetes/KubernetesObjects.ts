// Objects of the Kubernetes API as the API server gives them in JSON, sorted by kind. Reads lists (`kubectl get -o json`, `PodList`)
// and single objects; everything in them is untrusted.

import { asList, asObject, at, type Json, textAt } from "../untrustedJson.ts"

export const workloadKinds = [
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "ReplicaSet",
  "ReplicationController",
  "CloneSet",
  "Job",
  "CronJob",
] as const

export const objectKinds = ["Node", "Namespace", "Pod", "Service", "Ingress", ...workloadKinds] as const
export type ObjectKind = (typeof objectKinds)[number]

export const isObjectKind = (kind: string): kind is ObjectKind =>
  (objectKinds as ReadonlyArray<string>).includes(kind)

export interface KubernetesObject {
  readonly kind: ObjectKind
  readonly name: string
  /** Empty: it belongs to the cluster. */
  readonly namespace: string
  readonly json: Json
}

/** By kind and then by `namespace/name`; the same object told twice counts once, the last time. */
export class KubernetesObjects {
  readonly #byKind = new Map<ObjectKind, Map<string, KubernetesObject>>()

  set(object: KubernetesObject): void {
    let objects = this.#byKind.get(object.kind)
    if (objects === undefined) this.#byKind.set(object.kind, (objects = new Map()))
    objects.set(`${object.namespace}/${object.name}`, object)
  }

  delete({ kind, name, namespace }: Omit<KubernetesObject, "json">): void {
    this.#byKind.get(kind)?.delete(`${namespace}/${name}`)
  }

  get(kind: ObjectKind, namespace: string, name: string): KubernetesObject | undefined {
    return this.#byKind.get(kind)?.get(`${namespace}/${name}`)
  }

  all(kind: ObjectKind): Iterable<KubernetesObject> {
    return this.#byKind.get(kind)?.values() ?? []
  }

  /** Adds what a list or an object holds; kinds that are not of interest are passed over. Returns what is wrong, if anything. */
  addJson(json: unknown): string | undefined {
    const kind = textAt(json, "kind")
    if (!kind.endsWith("List")) return this.#addObject(json, kind, "the object")
    const items = at(json, "items")
    if (!Array.isArray(items)) return `${kind} has no items`
    // Items of a PodList do not say that they are pods.
    const itemKind = kind.slice(0, -"List".length)
    for (const [index, item] of asList(items).entries()) {
      const problem = this.#addObject(item, textAt(item, "kind") || itemKind, `items[${index}]`)
      if (problem !== undefined) return problem
    }
    return undefined
  }

  #addObject(json: unknown, kind: string, where: string): string | undefined {
    if (kind === "") return `${where} has no kind; expected an object or list of the Kubernetes API`
    if (!isObjectKind(kind)) return undefined
    const name = textAt(json, "metadata", "name")
    if (name === "") return `${where} (${kind}) has no metadata.name`
    this.set({ kind, name, namespace: textAt(json, "metadata", "namespace"), json: asObject(json) })
    return undefined
  }
}
