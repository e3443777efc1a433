// The index of ids is looked through by ids alone, which takes a third of the time. What a key is cannot be changed: another table takes the place of
// the one before. Requests stored before are not in it: those of a trace id are found without, more slowly.

import { createDistributed, storedTable, storedView } from "../cluster.ts"
import { createView } from "../MaterializedView.ts"
import { spanIndex, spanIndexView } from "../spanIndex.ts"
import { createTable } from "../Table.ts"
import type { Migration } from "./Migration.ts"

export const indexOfIds: Migration = {
  version: 9,
  name: "index of ids",
  stages: ({ cluster, retention }) => [
    ["DROP VIEW IF EXISTS flow_log.span_index_mv"],
    ["DROP TABLE IF EXISTS flow_log.span_index", "DROP TABLE IF EXISTS flow_log.span_index_local"],
    [createTable(storedTable(spanIndex, cluster), retention)],
    [createView(storedView(spanIndexView, cluster)), createDistributed(spanIndex, cluster) ?? []].flat(),
  ],
}
