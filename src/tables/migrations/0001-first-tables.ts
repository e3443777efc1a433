// The first tables. It makes them as their values are today: a later migration that adds a column finds it there on a new database.

import { allTables, databases } from "../databases.ts"
import { createDatabase, createTable } from "../Table.ts"
import type { Migration } from "./Migration.ts"

export const firstTables: Migration = {
  version: 1,
  name: "first tables",
  statements: (retention) => [
    ...databases.map((database) => createDatabase(database.name)),
    ...allTables.map((table) => createTable(table, retention)),
  ],
}
