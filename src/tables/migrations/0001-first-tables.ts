// The first tables, dictionaries and views. It makes them as their values are today: a later migration that adds a column finds it
// there on a new database.

import { stages } from "../statements.ts"
import type { Migration } from "./Migration.ts"

export const firstTables: Migration = { version: 1, name: "first tables", stages }
