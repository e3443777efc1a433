// Every table there is, by database, in the order they are made.

import { application1m, application1s } from "./applicationMetrics.ts"
import { l7FlowLog } from "./l7FlowLog.ts"
import { deadLetterTable, migrationsTable } from "./sondeTables.ts"
import type { Table } from "./Table.ts"

export interface Database {
  readonly name: string
  readonly comment: string
  readonly tables: ReadonlyArray<Table>
}

export const databases: ReadonlyArray<Database> = [
  { name: "sonde", comment: "What Sonde keeps for itself.", tables: [migrationsTable, deadLetterTable] },
  { name: "flow_log", comment: "Single requests.", tables: [l7FlowLog] },
  { name: "flow_metrics", comment: "Counts over time.", tables: [application1s, application1m] },
]

export const allTables: ReadonlyArray<Table> = databases.flatMap((database) => database.tables)
