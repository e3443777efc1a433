// All migrations in order. A release only ever appends.

import { firstTables } from "./0001-first-tables.ts"
import type { Migration } from "./Migration.ts"

export const migrations: ReadonlyArray<Migration> = [firstTables]
