// Causal ids and what goes with them were always empty and computed; agents tell them now. The index by trace id becomes one by all ids that tie
// spans together. Requests stored before are not in it: those of a trace id are found without, more slowly.

import { createDistributed, storedTable, storedView } from "../cluster.ts"
import { l7FlowLog } from "../l7FlowLog.ts"
import { createView } from "../MaterializedView.ts"
import { spanIndex, spanIndexView } from "../spanIndex.ts"
import { createTable, modifyColumn } from "../Table.ts"
import type { Migration } from "./Migration.ts"

const causal = [
  "trace_id_request",
  "trace_id_response",
  "coroutine_0",
  "coroutine_1",
  "cap_seq_0",
  "cap_seq_1",
].map((name) => `syscall_${name}`)

export const spanIndexMigration: Migration = {
  version: 4,
  name: "span index",
  stages: ({ cluster, retention }) => [
    causal.map((name) => modifyColumn(storedTable(l7FlowLog, cluster), name)),
    cluster === undefined ? [] : causal.map((name) => modifyColumn(l7FlowLog, name, { hasCodecs: false })),
    ["DROP VIEW IF EXISTS flow_log.trace_index_mv"],
    ["DROP TABLE IF EXISTS flow_log.trace_index", "DROP TABLE IF EXISTS flow_log.trace_index_local"],
    [createTable(storedTable(spanIndex, cluster), retention)],
    [createView(storedView(spanIndexView, cluster)), createDistributed(spanIndex, cluster) ?? []].flat(),
  ],
}
