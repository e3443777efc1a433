// flow_tag: what the integers of rows mean. `record` is the labeler's memory, `resource` and `custom_tag` are the immutable values
// behind resource ids. Rows of a newer revision (or a later use) replace older ones. Invariant: who writes rows with a resource id
// renews its `used`, and that of its set of custom tags, each day, else they expire before what refers to them.

import { vectorColumns } from "../tags/TagVector.ts"
import { keptTableSettings as settings } from "./columnKinds.ts"
import type { Dictionary } from "./Dictionary.ts"
import { column, type Table } from "./Table.ts"

const used = column("used", "DateTime", "Day on which rows last carried it.", { default: "now()" })

export const recordTable: Table = {
  database: "flow_tag",
  name: "record",
  comment: "Every resource the labeler knows or knew, the newest revision of each",
  engine: "ReplacingMergeTree(revision)",
  orderBy: ["kind", "id"],
  retention: "always",
  placement: "everywhere",
  settings,
  columns: [
    column("kind", "LowCardinality(String)", "Kind of resource."),
    column("id", "UInt32", "Number within the kind; never given out twice."),
    column("domain", "LowCardinality(String)", "Realm of the source that tells of it."),
    column("uid", "String", "Stable name within the domain."),
    column("name", "String", "Name for people."),
    column("parent_kinds", "Array(LowCardinality(String))", "Kinds of what it belongs to."),
    column("parent_ids", "Array(UInt32)", "Numbers of what it belongs to, in the same order."),
    column("ips", "Array(String)", "Addresses."),
    column("macs", "Array(String)", "Hardware addresses."),
    column("cidrs", "Array(String)", "Ranges of addresses of a subnet."),
    column("containers", "Array(String)", "Containers of a pod."),
    column("agents", "Array(String)", "Agents that run on it."),
    column("ports", "Array(String)", "Where a service is served: `6/8080`; 0 stands for any."),
    column("target_kinds", "Array(LowCardinality(String))", "Kinds of what a service consists of."),
    column("target_ids", "Array(UInt32)", "Numbers of what a service consists of, in the same order."),
    column("subtype", "UInt8", "Kind of a workload; else 0."),
    column("tag_names", "Array(LowCardinality(String))", "Names of custom tags."),
    column("tag_values", "Array(String)", "Values of custom tags, in the same order."),
    column("is_deleted", "UInt8", "1: it is gone; its number still has a name."),
    column("changed", "DateTime64(3)", "When this revision was made."),
    column("revision", "UInt64", "Grows with every change of any record."),
  ],
}

export const resourceTable: Table = {
  database: "flow_tag",
  name: "resource",
  comment: "What resource ids of rows mean: one immutable row of tags each",
  engine: "ReplacingMergeTree(used)",
  orderBy: ["id"],
  retention: "tags",
  ageColumn: "used",
  placement: "everywhere",
  settings,
  columns: [
    column("id", "UInt32", "The id that rows carry; 0 is nothing."),
    column(
      "hash",
      "FixedString(16)",
      "Hash of all tags and of the custom tags, by which a known one is recognised.",
    ),
    ...vectorColumns.map(({ comment, name, type }) => column(name, type, comment)),
    used,
  ],
}

export const customTagTable: Table = {
  database: "flow_tag",
  name: "custom_tag",
  comment: "Sets of custom tags that resources have: each set is immutable",
  engine: "ReplacingMergeTree(used)",
  orderBy: ["key", "value", "id"],
  retention: "tags",
  ageColumn: "used",
  placement: "everywhere",
  settings,
  columns: [
    column("id", "UInt32", "The set (`tag_set_id` of a resource)."),
    column("key", "LowCardinality(String)", "Full name of the tag: `k8s.label.app`."),
    column("value", "String", "Its value."),
    column("hash", "FixedString(16)", "Hash of the whole set, by which a known one is recognised."),
    used,
  ],
}

export const resourceDictionary: Dictionary = {
  database: "flow_tag",
  name: "resource_map",
  comment: "Tags by resource id",
  layout: "FLAT",
  keys: [{ name: "id", type: "UInt64" }],
  attributes: vectorColumns.map(({ name, type }) => ({ name, type })),
  source: resourceTable,
}

export const customTagDictionary: Dictionary = {
  database: "flow_tag",
  name: "custom_tag_map",
  comment: "Values of custom tags by set and name",
  layout: "COMPLEX_KEY_HASHED",
  keys: [
    { name: "id", type: "UInt64" },
    { name: "key", type: "String" },
  ],
  attributes: [{ name: "value", type: "String" }],
  source: customTagTable,
}
