// How processes end, which request waited for a file, and the longest of the calls that a sum of files is of.

import { storedTable } from "../cluster.ts"
import { fileAggEvent, fileEvent, procOpsEvent } from "../eventTables.ts"
import { addColumn } from "../Table.ts"
import type { Migration } from "./Migration.ts"

const added = [
  [fileEvent, "syscall_trace_id"],
  [fileAggEvent, "duration_max"],
  [procOpsEvent, "exit_code"],
  [procOpsEvent, "exit_signal"],
] as const

export const eventColumns: Migration = {
  version: 5,
  name: "event columns",
  stages: ({ cluster }) => [
    added.map(([table, name]) => addColumn(storedTable(table, cluster), name)),
    cluster === undefined ? [] : added.map(([table, name]) => addColumn(table, name)),
  ],
}
