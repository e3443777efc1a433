// Names of a container, from what container runtimes keep of it on this host: Docker its configuration, containerd and CRI-O (those of
// Kubernetes) the bundle from which it was started. Read once for each container; none are known where these may not be read.

import { readFileSync } from "node:fs"

/** The id is put in place of `ID`. */
const places = [
  "/var/lib/docker/containers/ID/config.v2.json",
  "/run/containerd/io.containerd.runtime.v2.task/k8s.io/ID/config.json",
  "/run/containerd/io.containerd.runtime.v2.task/moby/ID/config.json",
  "/run/containers/storage/overlay-containers/ID/userdata/config.json",
]

/** Annotations by which containerd's and CRI-O's Kubernetes side name container, pod and namespace. */
const annotationNames = [
  ["io.kubernetes.cri.container-name", "io.kubernetes.container.name"],
  ["io.kubernetes.cri.sandbox-name", "io.kubernetes.pod.name"],
  ["io.kubernetes.cri.sandbox-namespace", "io.kubernetes.pod.namespace"],
] as const

const maxContainers = 4_096
const known = new Map<string, ReadonlyArray<string>>()

const text = (value: unknown): string => (typeof value === "string" ? value : "")
const recordOf = (value: unknown): Record<string, unknown> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {}

/** "web"; of Kubernetes "nginx", and for the whole of it "shop/cart-0/nginx". */
const namesIn = (json: string): ReadonlyArray<string> => {
  const document = recordOf(JSON.parse(json))
  const docker = text(document["Name"]).replace(/^\//, "")
  if (docker !== "") return [docker]
  const annotations = recordOf(document["annotations"])
  const [container, pod, namespace] = annotationNames.map((names) =>
    text(names.map((name) => annotations[name]).find((value) => text(value) !== "")),
  )
  if (container === "" || container === undefined) return []
  return [container, `${namespace}/${pod}/${container}`]
}

/** `root` is put in front of every path, for tests. */
export const readContainerNames = (id: string, root = ""): ReadonlyArray<string> => {
  for (const place of places) {
    try {
      const names = namesIn(readFileSync(root + place.replace("ID", id), "utf8"))
      if (names.length > 0) return names
    } catch {
      // Another runtime keeps it, or it may not be read.
    }
  }
  return []
}

export const containerNames = (id: string): ReadonlyArray<string> => {
  const names = known.get(id)
  if (names !== undefined) return names
  const read = readContainerNames(id)
  if (known.size >= maxContainers) known.delete(known.keys().next().value!)
  known.set(id, read)
  return read
}
