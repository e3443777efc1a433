// Tables that hold many small ones, told apart by `virtual_table_name`: metrics that other programs send (ext_metrics) and those of
// Sonde itself, by server (deepflow_admin) and by agent (deepflow_tenant). Names are DeepFlow's.

import {
  addresses,
  agentId,
  daily,
  fields,
  resourceId,
  teamId,
  text,
  timeColumn,
  writtenTableSettings,
} from "./columnKinds.ts"
import { column, type Table, type TableColumn } from "./Table.ts"
import { tagColumns } from "./tagColumns.ts"

const values: ReadonlyArray<TableColumn> = [
  column("virtual_table_name", text, "The small table."),
  ...fields("tag", "tags", "Array(LowCardinality(String))"),
  ...fields("metrics_float", "metrics", "Array(Float64)"),
  teamId,
]

const virtualTable = (
  database: string,
  name: string,
  comment: string,
  columns: ReadonlyArray<TableColumn>,
  orderBy: ReadonlyArray<string>,
): Table => ({
  database,
  name,
  comment,
  engine: "MergeTree",
  partitionBy: daily,
  orderBy,
  retention: "metric",
  placement: { shardBy: "rand()" },
  settings: writtenTableSettings,
  columns: [timeColumn("When."), ...columns],
})

export const extMetrics = virtualTable(
  "ext_metrics",
  "metrics",
  "Metrics of other programs",
  [
    ...values,
    resourceId("", "what they are of"),
    agentId,
    column("is_ipv4", "UInt8", "Which of the address columns holds."),
    ...addresses("", "what they are of"),
    ...tagColumns({ suffix: "", who: "what they are of", address: { withPort: false } }),
  ],
  ["virtual_table_name", "resource_id", "time"],
)

const own = ["virtual_table_name", "time"]

export const serverMetrics = virtualTable(
  "deepflow_admin",
  "deepflow_server",
  "Metrics of Sonde's servers",
  values,
  own,
)

export const agentMetrics = virtualTable(
  "deepflow_tenant",
  "deepflow_collector",
  "Metrics of Sonde's agents",
  values,
  own,
)
