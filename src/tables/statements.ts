// All statements that make the databases as they are today, in stages: those of one stage may run at the same time, those of the next
// need them. Columns computed by dictionaries need the dictionaries, and these need their tables. A table with the columns of another
// is made like it, which saves the server half of the work.

import { type Cluster, createDistributed, storedTable, storedView } from "./cluster.ts"
import { allDictionaries, allTables, allViews, databases } from "./databases.ts"
import { createDictionary, type DictionaryAccess } from "./Dictionary.ts"
import { createView } from "./MaterializedView.ts"
import type { Retention } from "./retention.ts"
import { columnDefinition, createDatabase, createTable, createTableLike, type Table } from "./Table.ts"

/** What is decided about a database outside the code. */
export interface Shape {
  /** Classes that are not named have their default. */
  readonly retention: Partial<Retention>
  /** Undefined: one server. */
  readonly cluster?: Cluster
  readonly access?: DictionaryAccess
}

const readsDictionaries = (table: Table): boolean =>
  table.columns.some(({ alias }) => alias?.includes("dictGet") === true)

const columnsText = (table: Table): string =>
  table.columns.map((one) => `${columnDefinition(one)} ${one.index}`).join("\n")

export const stages = ({ access, cluster, retention }: Shape): ReadonlyArray<ReadonlyArray<string>> => {
  const tables = allTables.map((table) => storedTable(table, cluster))
  const first = new Map<string, Table>()
  const own: Array<Table> = []
  const like: Array<readonly [table: Table, other: Table]> = []
  for (const table of tables) {
    const text = columnsText(table)
    const other = first.get(text)
    if (other === undefined) {
      first.set(text, table)
      own.push(table)
    } else {
      like.push([table, other])
    }
  }
  const create = (table: Table) => createTable(table, retention)
  return [
    databases.map(({ name }) => createDatabase(name)),
    own.filter((table) => !readsDictionaries(table)).map(create),
    allDictionaries.map((dictionary) => createDictionary(dictionary, access)),
    own.filter(readsDictionaries).map(create),
    like.map(([table, other]) => createTableLike(table, other, retention)),
    allViews.map((view) => createView(storedView(view, cluster))),
    allTables.flatMap((table) => createDistributed(table, cluster) ?? []),
  ].filter((stage) => stage.length > 0)
}
