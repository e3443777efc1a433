// Tags that people and platforms make up: their names begin with a family, and what follows is free. Also how such a name, with
// the side it ends in, is read. Which tags exist is not known here.

export interface CustomTagFamily {
  /** What names begin with, without the dot. */
  readonly prefix: string
  readonly displayName: string
  readonly description: string
  /**
   * `resource`: set by what the side of a flow belongs to, one value a side, in `flow_tag.custom_tag` by full name.
   * `row`: the row's own fields, in two arrays of the row; the same for both sides.
   */
  readonly owner: "resource" | "row"
  /** Of a row's fields: the columns with names and values. */
  readonly arrays?: readonly [names: string, values: string]
}

const family = (prefix: string, displayName: string, description: string): CustomTagFamily => ({
  prefix,
  displayName,
  description,
  owner: "resource",
})

export const customTagFamilies: ReadonlyArray<CustomTagFamily> = [
  family("k8s.label", "Kubernetes label", "Labels of the pod or of its service."),
  family("k8s.annotation", "Kubernetes annotation", "Annotations of the pod or of its service."),
  family("k8s.env", "Kubernetes environment", "Environment variables in the pod's template."),
  family("cloud.tag", "Cloud tag", "Tags of the cloud host or of the namespace."),
  family("os.app", "Application", "Tags of the process."),
  family(
    "biz_service",
    "Business service",
    "What is said of a service that people defined: `biz_service.group`.",
  ),
  family("biz", "Business attribute", "Attributes that people gave to a resource."),
  {
    prefix: "attribute",
    displayName: "Attribute",
    description: "Further fields of the row.",
    owner: "row",
    arrays: ["attribute_names", "attribute_values"],
  },
  {
    prefix: "tag",
    displayName: "Tag",
    description: "Labels that came with the row.",
    owner: "row",
    arrays: ["tag_names", "tag_values"],
  },
]

export type Side = "_0" | "_1"

export interface CustomTagName {
  readonly family: CustomTagFamily
  /** As it is stored: the full name of a resource's tag (`k8s.label.app`), the field's own of a row's (`http.user_agent`). */
  readonly key: string
  /** Undefined where the name says none. */
  readonly side: Side | undefined
}

/** Longer ones are refused: no platform has such. */
export const maxTagNameLength = 1024

/**
 * Reads a name such as `k8s.label.app_0`. In a table with two sides an ending `_0` or `_1` always is the side: the label `tier_1`
 * of the client is `k8s.label.tier_1_0`. In other tables, and in names of a row's own fields, such an ending belongs to the name.
 */
export const parseCustomTag = (name: string, hasSides: boolean): CustomTagName | undefined => {
  const found = customTagFamilies.find(
    ({ prefix }) => name.startsWith(`${prefix}.`) && name.length > prefix.length + 1,
  )
  if (found === undefined) return undefined
  if (found.owner === "row")
    return { family: found, key: name.slice(found.prefix.length + 1), side: undefined }
  const side = name.endsWith("_0") ? "_0" : name.endsWith("_1") ? "_1" : undefined
  if (!hasSides || side === undefined) return { family: found, key: name, side: undefined }
  const key = name.slice(0, -2)
  return key.length > found.prefix.length + 1 ? { family: found, key, side } : undefined
}
