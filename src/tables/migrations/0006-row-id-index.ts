// Which granules have the newest requests: without it a list reads all numbers of its time.

import { storedTable } from "../cluster.ts"
import { l7FlowLog } from "../l7FlowLog.ts"
import { addIndex } from "../Table.ts"
import type { Migration } from "./Migration.ts"

export const rowIdIndex: Migration = {
  version: 6,
  name: "row id index",
  stages: ({ cluster }) => [[addIndex(storedTable(l7FlowLog, cluster), "_id")]],
}
