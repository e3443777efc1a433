// Resources as rows of `flow_tag.record` and back. The labeler writes them, ingesters read them: `parseRecordRow` after
// `recordRow` gives the same record.

import type { NativeColumn } from "../runtime/clickhouse/native.ts"
import { isResourceKind } from "./ResourceKind.ts"
import type { ResourceRecord, ResourceRef, ServicePort } from "./ResourceRecord.ts"

/** One row by column name; `changed` in milliseconds since 1970. */
export interface RecordRow {
  readonly kind: string
  readonly id: number
  readonly domain: string
  readonly uid: string
  readonly name: string
  readonly parent_kinds: ReadonlyArray<string>
  readonly parent_ids: ReadonlyArray<number>
  readonly ips: ReadonlyArray<string>
  readonly macs: ReadonlyArray<string>
  readonly cidrs: ReadonlyArray<string>
  readonly containers: ReadonlyArray<string>
  readonly agents: ReadonlyArray<string>
  readonly ports: ReadonlyArray<string>
  readonly target_kinds: ReadonlyArray<string>
  readonly target_ids: ReadonlyArray<number>
  readonly subtype: number
  readonly tag_names: ReadonlyArray<string>
  readonly tag_values: ReadonlyArray<string>
  readonly is_deleted: number
  readonly changed: number
  readonly revision: number
}

const textLists = ["ips", "macs", "cidrs", "containers", "agents", "ports"] as const
type TextList = (typeof textLists)[number] | "parent_kinds" | "target_kinds" | "tag_names" | "tag_values"

export const recordRow = (record: ResourceRecord): RecordRow => ({
  kind: record.kind,
  id: record.id,
  domain: record.domain,
  uid: record.uid,
  name: record.name,
  parent_kinds: record.parents.map(({ kind }) => kind),
  parent_ids: record.parents.map(({ id }) => id),
  ips: record.ips,
  macs: record.macs,
  cidrs: record.cidrs,
  containers: record.containers,
  agents: record.agents,
  ports: record.ports.map(({ protocol, port }) => `${protocol}/${port}`),
  target_kinds: record.targets.map(({ kind }) => kind),
  target_ids: record.targets.map(({ id }) => id),
  subtype: record.subtype,
  tag_names: Object.keys(record.tags),
  tag_values: Object.values(record.tags),
  is_deleted: record.isDeleted ? 1 : 0,
  changed: record.changedMs,
  revision: record.revision,
})

const numbersAsText = (numbers: ReadonlyArray<number>): ReadonlyArray<string> => numbers.map(String)

/** For a Native block. Lists of numbers travel as text, which the server converts. */
export const recordColumns = (records: ReadonlyArray<ResourceRecord>): ReadonlyArray<NativeColumn> => {
  const rows = records.map(recordRow)
  const texts = (name: "kind" | "domain" | "uid" | "name"): NativeColumn => ({
    name,
    type: "String",
    data: rows.map((row) => row[name]),
  })
  const numbers = (
    name: "id" | "subtype" | "is_deleted" | "revision",
    type: "UInt8" | "UInt32" | "UInt64",
  ): NativeColumn => ({ name, type, data: rows.map((row) => row[name]) })
  const lists = (name: TextList): NativeColumn => ({
    name,
    type: "Array(String)",
    data: rows.map((row) => row[name]),
  })
  const ids = (name: "parent_ids" | "target_ids"): NativeColumn => ({
    name,
    type: "Array(String)",
    data: rows.map((row) => numbersAsText(row[name])),
  })
  return [
    texts("kind"),
    numbers("id", "UInt32"),
    texts("domain"),
    texts("uid"),
    texts("name"),
    lists("parent_kinds"),
    ids("parent_ids"),
    ...textLists.map(lists),
    lists("target_kinds"),
    ids("target_ids"),
    numbers("subtype", "UInt8"),
    lists("tag_names"),
    lists("tag_values"),
    numbers("is_deleted", "UInt8"),
    { name: "changed", type: "DateTime64(6)", data: rows.map(({ changed }) => changed * 1_000) },
    numbers("revision", "UInt64"),
  ]
}

type Untrusted = Readonly<Record<string, unknown>>

const text = (value: unknown): string => (typeof value === "string" ? value : "")

/** 64-bit numbers come as decimal text. */
const integer = (value: unknown): number => {
  const number = typeof value === "string" ? Number(value) : value
  return typeof number === "number" && Number.isSafeInteger(number) && number >= 0 ? number : 0
}

/** Milliseconds; a time as ClickHouse prints it is UTC. */
const milliseconds = (value: unknown): number => {
  if (typeof value !== "string" || /^\d+$/.test(value)) return integer(value)
  const parsed = Date.parse(`${value.replace(" ", "T")}Z`)
  return Number.isNaN(parsed) ? 0 : Math.max(0, parsed)
}

const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])
const texts = (value: unknown): ReadonlyArray<string> => list(value).map(text)

const refs = (kinds: unknown, ids: unknown): ReadonlyArray<ResourceRef> => {
  const numbers = list(ids)
  return texts(kinds).flatMap((kind, at) => {
    const id = integer(numbers[at])
    return isResourceKind(kind) && id > 0 ? [{ kind, id }] : []
  })
}

const ports = (value: unknown): ReadonlyArray<ServicePort> =>
  texts(value).flatMap((one) => {
    const match = /^(\d{1,3})\/(\d{1,5})$/.exec(one)
    return match === null ? [] : [{ protocol: Number(match[1]), port: Number(match[2]) }]
  })

/**
 * Of a row as JSON, `SELECT *` from the table. Undefined for a row that is no resource this version knows. Parts of it that
 * make no sense are left out.
 */
export const parseRecordRow = (row: Untrusted): ResourceRecord | undefined => {
  const kind = text(row["kind"])
  const id = integer(row["id"])
  if (!isResourceKind(kind) || id === 0) return undefined
  const values = texts(row["tag_values"])
  return {
    kind,
    id,
    domain: text(row["domain"]),
    uid: text(row["uid"]),
    name: text(row["name"]),
    parents: refs(row["parent_kinds"], row["parent_ids"]),
    ips: texts(row["ips"]),
    macs: texts(row["macs"]),
    cidrs: texts(row["cidrs"]),
    containers: texts(row["containers"]),
    agents: texts(row["agents"]),
    ports: ports(row["ports"]),
    targets: refs(row["target_kinds"], row["target_ids"]),
    subtype: integer(row["subtype"]),
    tags: Object.fromEntries(texts(row["tag_names"]).map((name, at) => [name, values[at] ?? ""])),
    isDeleted: integer(row["is_deleted"]) !== 0,
    changedMs: milliseconds(row["changed"]),
    revision: integer(row["revision"]),
  }
}
