// DeepFlow's dictionaries of custom tags by resource, over the arrays of the labeler's records: one tag at a time
// (`pod_k8s_label_map`) and all of a resource in one text (`pod_k8s_labels_map`).

import type { ResourceKind } from "../tags/ResourceKind.ts"
import type { Dictionary, DictionaryAttribute } from "./Dictionary.ts"
import { idKey, integer, ofKind, recordAttributes, string } from "./recordDictionaries.ts"
import { literal } from "./Table.ts"
import { recordTable } from "./tagTables.ts"

interface Labels {
  /** "pod_k8s_label": the dictionaries are `<name>_map` and `<name>s_map`. */
  readonly name: string
  readonly kind: ResourceKind
  /** How their full names begin: "k8s.label." */
  readonly prefix: string
  /** Attribute of the text with all of them. */
  readonly all: string
  readonly attributes: ReadonlyArray<DictionaryAttribute>
}

const within = [integer("l3_epc_id"), integer("pod_ns_id")]

const labels: ReadonlyArray<Labels> = [
  ...(["pod", "pod_service"] as const).flatMap((kind) => [
    { name: `${kind}_k8s_label`, kind, prefix: "k8s.label.", all: "labels", attributes: within },
    {
      name: `${kind}_k8s_annotation`,
      kind,
      prefix: "k8s.annotation.",
      all: "annotations",
      attributes: within,
    },
  ]),
  { name: "pod_k8s_env", kind: "pod", prefix: "k8s.env.", all: "envs", attributes: within },
  { name: "chost_cloud_tag", kind: "chost", prefix: "cloud.tag.", all: "cloud_tags", attributes: [] },
  { name: "pod_ns_cloud_tag", kind: "pod_ns", prefix: "cloud.tag.", all: "cloud_tags", attributes: [] },
  { name: "os_app_tag", kind: "gprocess", prefix: "os.app.", all: "os_app_tags", attributes: [] },
]

const oneByOne = ({ attributes, kind, name, prefix }: Labels): Dictionary => ({
  database: "flow_tag",
  name: `${name}_map`,
  comment: `Values of \`${prefix}*\` by ${kind} and name`,
  layout: "COMPLEX_KEY_HASHED",
  keys: [...idKey, string("key")],
  attributes: [string("value"), ...attributes],
  source: recordTable,
  where: ofKind(kind),
  arrayJoin: { tag_name: "tag_names", tag_value: "tag_values" },
  arrayWhere: `startsWith(tag_name, ${literal(prefix)})`,
  from: { ...recordAttributes, key: `substring(tag_name, ${prefix.length + 1})`, value: "tag_value" },
})

const allInOne = ({ all, attributes, kind, name, prefix }: Labels): Dictionary => ({
  database: "flow_tag",
  name: `${name}s_map`,
  comment: `All \`${prefix}*\` of a ${kind}: \`name: value, name: value\``,
  layout: "FLAT",
  keys: idKey,
  attributes: [string(all), ...attributes],
  source: recordTable,
  where: ofKind(kind),
  from: {
    ...recordAttributes,
    [all]:
      `arrayStringConcat(arrayMap(tag -> concat(substring(tag.1, ${prefix.length + 1}), ': ', tag.2), ` +
      `arrayFilter(tag -> startsWith(tag.1, ${literal(prefix)}), arrayZip(tag_names, tag_values))), ', ')`,
  },
})

export const labelDictionaries: ReadonlyArray<Dictionary> = labels.flatMap((one) => [
  oneByOne(one),
  allInOne(one),
])
