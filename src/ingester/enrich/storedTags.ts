// What new tags look like in flow_tag: blocks of `resource`, `custom_tag` and, for process groups, `record`; and how they are
// read back when a server starts.

import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { encodeNative, type NativeColumn } from "../../runtime/clickhouse/native.ts"
import { customTagTable, recordTable, resourceTable } from "../../tables/tagTables.ts"
import type { ResourceRecord } from "../../tags/ResourceRecord.ts"
import { recordColumns } from "../../tags/recordRows.ts"
import { vectorColumns } from "../../tags/TagVector.ts"
import type { TableBlock } from "../write/tableBlocks.ts"
import { type NewResource, type ProcessGroupEntry, type TagSetEntry, withGroup } from "./TagInterner.ts"

/** Realm of process groups in `flow_tag.record`. */
export const processDomain = "processes"

export const storedResourcesSql = `SELECT id, lower(hex(any(hash))) AS hash, any(auto_service != '') AS named,
  intDiv(toUnixTimestamp(max(used)), 86400) AS day FROM flow_tag.resource GROUP BY id`

export const storedTagSetsSql = "SELECT DISTINCT id, lower(hex(hash)) AS hash FROM flow_tag.custom_tag"

export const storedProcessGroupsSql = `SELECT id, uid, name FROM flow_tag.record FINAL WHERE kind = 'gprocess' AND domain = '${processDomain}'`

export const changedRecordsSql =
  "SELECT * FROM flow_tag.record WHERE revision > {revision:UInt64} ORDER BY revision LIMIT 50000"

/** Sets before resources: what a resource refers to lives as long. */
export const renewalsSql: ReadonlyArray<string> = [
  `INSERT INTO flow_tag.custom_tag SELECT * REPLACE (now() AS used) FROM flow_tag.custom_tag FINAL
   WHERE id IN (SELECT tag_set_id FROM flow_tag.resource WHERE id IN ({ids:Array(UInt32)}) AND tag_set_id != 0)`,
  `INSERT INTO flow_tag.resource SELECT * REPLACE (now() AS used) FROM flow_tag.resource FINAL
   WHERE id IN ({ids:Array(UInt32)})`,
]

const hashes = (entries: ReadonlyArray<string>): Uint8Array => Buffer.from(entries.join(""), "hex")

const blockOf = (
  table: TableBlock["table"],
  rows: number,
  columns: ReadonlyArray<NativeColumn>,
): TableBlock => ({
  table,
  rows,
  columns: columns.map(({ name }) => name),
  block: encodeNative(rows, columns),
})

export const resourceBlock = (resources: ReadonlyArray<NewResource>, nowSecond: number): TableBlock => {
  const rows = resources.length
  const vectors = resources.map(withGroup)
  return blockOf(resourceTable, rows, [
    { name: "id", type: "UInt32", data: resources.map(({ entry }) => entry.id) },
    { name: "hash", type: "FixedString(16)", data: hashes(resources.map(({ entry }) => entry.hash)) },
    ...vectorColumns.map(({ name, type }): NativeColumn => {
      const values = vectors.map((vector) => vector[name as keyof typeof vector])
      return type === "String"
        ? { name, type, data: values as ReadonlyArray<string> }
        : { name, type, data: values as ReadonlyArray<number> }
    }),
    { name: "used", type: "DateTime", data: new Uint32Array(rows).fill(nowSecond) },
  ])
}

export const tagSetBlock = (sets: ReadonlyArray<TagSetEntry>, nowSecond: number): TableBlock => {
  const tags = sets.flatMap((set) => [...set.tags].map(([key, value]) => ({ set, key, value })))
  return blockOf(customTagTable, tags.length, [
    { name: "id", type: "UInt32", data: tags.map(({ set }) => set.id) },
    { name: "key", type: "String", data: tags.map(({ key }) => key) },
    { name: "value", type: "String", data: tags.map(({ value }) => value) },
    { name: "hash", type: "FixedString(16)", data: hashes(tags.map(({ set }) => set.hash)) },
    { name: "used", type: "DateTime", data: new Uint32Array(tags.length).fill(nowSecond) },
  ])
}

const processGroupRecord = ({ id, name, owner, uid }: ProcessGroupEntry, nowMs: number): ResourceRecord => ({
  kind: "gprocess",
  id,
  domain: processDomain,
  uid,
  name,
  parents: owner === undefined ? [] : [{ kind: owner.kind, id: owner.id }],
  ips: [],
  macs: [],
  cidrs: [],
  containers: [],
  agents: [],
  ports: [],
  targets: [],
  subtype: 0,
  tags: {},
  isDeleted: false,
  changedMs: nowMs,
  // Not one of the labeler's changes.
  revision: 0,
})

export const processGroupBlock = (groups: ReadonlyArray<ProcessGroupEntry>, nowMs: number): TableBlock =>
  blockOf(recordTable, groups.length, recordColumns(groups.map((group) => processGroupRecord(group, nowMs))))

export const storedId = (row: Row): number => Number(row["id"])
