// What a table offers to a question that names tags: derived from the table's value, so that a new column or a moved one is seen
// here by itself.

import { customTagFamilies } from "../../../tags/customTags.ts"
import type { Table } from "../../../tables/Table.ts"

/** Empty in a table whose rows are about one side. */
export type RowSide = "_0" | "_1" | ""

export interface TaggedTable {
  readonly database: string
  readonly name: string
  /** All columns, also those that are computed when read. */
  readonly columns: ReadonlySet<string>
  /** A column that is stored under a tag's name is that column and no tag. */
  readonly stored: ReadonlySet<string>
  /** Sides with a resource id. */
  readonly sides: ReadonlyArray<RowSide>
  /** Families of tags that are arrays of the row, by prefix. */
  readonly arrays: ReadonlyMap<string, readonly [names: string, values: string]>
}

export const taggedTable = (table: Table): TaggedTable => {
  const columns = new Set(table.columns.map(({ name }) => name))
  const stored = new Set(table.columns.filter(({ alias }) => alias === undefined).map(({ name }) => name))
  const hasSides = stored.has("resource_id_0") && stored.has("resource_id_1")
  const arrays = customTagFamilies.flatMap(({ arrays, prefix }) =>
    arrays !== undefined && stored.has(arrays[0]) && stored.has(arrays[1]) ? [[prefix, arrays] as const] : [],
  )
  return {
    database: table.database,
    name: table.name,
    columns,
    stored,
    sides: hasSides ? ["_0", "_1"] : stored.has("resource_id") ? [""] : [],
    arrays: new Map(arrays),
  }
}

export const hasTags = (table: TaggedTable): boolean => table.sides.length > 0 || table.arrays.size > 0
