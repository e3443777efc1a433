// `sql_affected_rows` of requests was always empty and computed; agents tell it now.

import { storedTable } from "../cluster.ts"
import { l7FlowLog } from "../l7FlowLog.ts"
import { modifyColumn } from "../Table.ts"
import type { Migration } from "./Migration.ts"

export const affectedRows: Migration = {
  version: 3,
  name: "affected rows",
  stages: ({ cluster }) => [
    [modifyColumn(storedTable(l7FlowLog, cluster), "sql_affected_rows")],
    cluster === undefined ? [] : [modifyColumn(l7FlowLog, "sql_affected_rows", { hasCodecs: false })],
  ],
}
