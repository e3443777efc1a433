// Labels and annotations as tags: `k8s.label.app`, `k8s.annotation.team`.

import { at, prefixedTags } from "../untrustedJson.ts"
import type { KubernetesObject } from "./KubernetesObjects.ts"

/** The whole object as text, which is no tag. */
const bulkyAnnotations = ["kubectl.kubernetes.io/last-applied-configuration"]

export const objectTags = ({ json }: KubernetesObject): Record<string, string> => {
  const tags = {
    ...prefixedTags("k8s.label.", at(json, "metadata", "labels")),
    ...prefixedTags("k8s.annotation.", at(json, "metadata", "annotations")),
  }
  for (const name of bulkyAnnotations) delete tags[`k8s.annotation.${name}`]
  return tags
}
