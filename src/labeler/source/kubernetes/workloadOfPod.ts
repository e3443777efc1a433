// Which workload a pod belongs to: its owner, or the owner of that (a ReplicaSet's Deployment, a Job's CronJob).

import { listAt, textAt } from "../untrustedJson.ts"
import { type KubernetesObject, type KubernetesObjects, workloadKinds } from "./KubernetesObjects.ts"

export interface Workload {
  /** As Kubernetes calls it; kinds of extensions too. */
  readonly kind: string
  readonly name: string
  readonly namespace: string
  readonly uid: string
}

interface Owner {
  readonly kind: string
  readonly name: string
}

const ownerOf = ({ json }: KubernetesObject): Owner | undefined => {
  const owners = listAt(json, "metadata", "ownerReferences").map((one) => ({
    kind: textAt(one, "kind"),
    name: textAt(one, "name"),
    isController: textAt(one, "controller") === "true",
  }))
  const owner = owners.find((one) => one.isController) ?? owners[0]
  return owner === undefined || owner.kind === "" || owner.name === "" ? undefined : owner
}

/** Owners of owners, at most: Pod, ReplicaSet, Deployment. */
const mostSteps = 3

/** A ReplicaSet that is not told of is called after its Deployment and the hash in the pod's labels. */
const deploymentByHash = (pod: KubernetesObject, owner: Owner): Owner | undefined => {
  const hash = textAt(pod.json, "metadata", "labels", "pod-template-hash")
  const ending = `-${hash}`
  return owner.kind === "ReplicaSet" && hash !== "" && owner.name.endsWith(ending)
    ? { kind: "Deployment", name: owner.name.slice(0, -ending.length) }
    : undefined
}

/** Undefined: it stands for itself, or a node's own (static) pod. */
export const workloadOfPod = (pod: KubernetesObject, objects: KubernetesObjects): Workload | undefined => {
  const { namespace } = pod
  let owner = ownerOf(pod)
  for (let step = 0; owner !== undefined && step < mostSteps; step++) {
    const kind = workloadKinds.find((one) => one === owner!.kind)
    const object = kind && objects.get(kind, namespace, owner.name)
    const next = object === undefined ? deploymentByHash(pod, owner) : ownerOf(object)
    if (next === undefined) break
    owner = next
  }
  if (owner === undefined || owner.kind === "Node" || owner.name === "") return undefined
  return { ...owner, namespace, uid: `${namespace}/${owner.kind}/${owner.name}` }
}
