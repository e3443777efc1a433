// A tag as one statement uses it: which tag, of which side of the rows of which table. Found by name in a table.

import { maxTagNameLength, parseCustomTag } from "../../../tags/customTags.ts"
import { olderColumnNames, universalTag, type UniversalTag } from "../../../tags/universalTags.ts"
import { SqlProblem } from "../syntax/SqlProblem.ts"
import type { RowSide, TaggedTable } from "./TaggedTable.ts"

export type Tag =
  | { readonly kind: "universal"; readonly tag: UniversalTag }
  /** Set by a resource; the key is the full name. */
  | { readonly kind: "custom"; readonly key: string }
  /** A field of the row's own arrays. */
  | { readonly kind: "field"; readonly key: string; readonly names: string; readonly values: string }
  /** The row's address of a side. */
  | { readonly kind: "address" }
  /** An id that is stored as bytes or, where it is none, as text. */
  | { readonly kind: "traceId"; readonly column: string; readonly bytes: number }
  /** A column under its older name. */
  | { readonly kind: "older"; readonly column: string }

export interface TagUse {
  readonly tag: Tag
  /** Undefined: the name leaves open which side of two is meant. */
  readonly side: RowSide | undefined
  readonly table: TaggedTable
  /** How the rows' own columns are named in the statement. */
  readonly column: (name: string) => string
  /** As written, without the table. */
  readonly text: string
  readonly at: number
}

/** Bytes of each id that is stored as such under `_name`, with what is none under `_name_text`. */
const traceIds: ReadonlyMap<string, number> = new Map([
  ["trace_id", 16],
  ["span_id", 8],
  ["parent_span_id", 8],
])

const sideOf = (name: string): RowSide => (name.endsWith("_0") ? "_0" : name.endsWith("_1") ? "_1" : "")

type Found = Pick<TagUse, "tag" | "side">

const findCustom = (table: TaggedTable, name: string, at: number): Found | undefined => {
  const custom = parseCustomTag(name, table.sides.length === 2)
  if (custom === undefined) return undefined
  if (name.length > maxTagNameLength) {
    throw new SqlProblem(
      at,
      `a tag's name has at most ${maxTagNameLength} characters, this one ${name.length}`,
    )
  }
  const arrays = table.arrays.get(custom.family.prefix)
  if (arrays !== undefined) {
    const [names, values] = arrays
    return { tag: { kind: "field", key: custom.key, names, values }, side: "" }
  }
  if (custom.family.owner === "row" || table.sides.length === 0) return undefined
  return {
    tag: { kind: "custom", key: custom.key },
    side: table.sides.length === 1 ? "" : custom.side,
  }
}

const findSided = (table: TaggedTable, base: string): Tag | undefined => {
  if (base === "ip") return table.stored.has("is_ipv4") ? { kind: "address" } : undefined
  const tag = universalTag(base)
  return tag === undefined ? undefined : { kind: "universal", tag }
}

/** The tag of that name; undefined: the table has none, or a column of its own. */
export const findTag = (table: TaggedTable, name: string, at: number): Found | undefined => {
  if (table.stored.has(name)) return undefined
  const bytes = traceIds.get(name)
  if (bytes !== undefined && table.stored.has(`_${name}`) && table.stored.has(`_${name}_text`)) {
    return { tag: { kind: "traceId", column: name, bytes }, side: "" }
  }
  const older = olderColumnNames[name]
  if (older !== undefined && !table.columns.has(name) && table.columns.has(older)) {
    return { tag: { kind: "older", column: older }, side: "" }
  }
  const custom = findCustom(table, name, at)
  if (custom !== undefined || table.sides.length === 0) return custom
  const suffix = sideOf(name)
  const base = suffix === "" ? name : name.slice(0, -2)
  const tag = findSided(table, base)
  if (tag === undefined) return undefined
  if (table.sides.length === 2) return { tag, side: suffix === "" ? undefined : suffix }
  if (suffix === "") return { tag, side: "" }
  throw new SqlProblem(
    at,
    `${name}: rows of ${table.database}.${table.name} are about one side, so that tag is called ${base} there`,
  )
}

/** The side of a use, or the failure that says to name one. */
export const sideOrFail = ({ at, side, text }: TagUse): RowSide => {
  if (side !== undefined) return side
  throw new SqlProblem(
    at,
    `${text} may be that of the client or of the server: write ${text}_0 (client) or ${text}_1 (server)`,
  )
}
