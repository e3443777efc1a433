// How processes end and what they are called, which request waited for a file, and the longest of the calls that a sum of files is of.

import { storedTable } from "../cluster.ts"
import { fileAggEvent, fileEvent, procOpsEvent } from "../eventTables.ts"
import { addColumn, modifyColumn } from "../Table.ts"
import type { Migration } from "./Migration.ts"

const added = [
  [fileEvent, "syscall_trace_id"],
  [fileAggEvent, "duration_max"],
  [procOpsEvent, "exit_code"],
  [procOpsEvent, "exit_signal"],
] as const

/** It was computed from the tags. */
const kname = "process_kname"

export const eventColumns: Migration = {
  version: 5,
  name: "event columns",
  stages: ({ cluster }) => [
    [
      ...added.map(([table, name]) => addColumn(storedTable(table, cluster), name)),
      modifyColumn(storedTable(procOpsEvent, cluster), kname),
    ],
    cluster === undefined
      ? []
      : [
          ...added.map(([table, name]) => addColumn(table, name)),
          modifyColumn(procOpsEvent, kname, { hasCodecs: false }),
        ],
  ],
}
