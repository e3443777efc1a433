// All migrations in order. A release only ever appends.

import { firstTables } from "./0001-first-tables.ts"
import { packageParts } from "./0002-package-parts.ts"
import { affectedRows } from "./0003-affected-rows.ts"
import { spanIndexMigration } from "./0004-span-index.ts"
import { eventColumns } from "./0005-event-columns.ts"
import { rowIdIndex } from "./0006-row-id-index.ts"
import { programSpans } from "./0007-program-spans.ts"
import { smallIndexBlocks } from "./0008-small-index-blocks.ts"
import { indexOfIds } from "./0009-index-of-ids.ts"
import type { Migration } from "./Migration.ts"

export const migrations: ReadonlyArray<Migration> = [
  firstTables,
  packageParts,
  affectedRows,
  spanIndexMigration,
  eventColumns,
  rowIdIndex,
  programSpans,
  smallIndexBlocks,
  indexOfIds,
]
