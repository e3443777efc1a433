// flow_tag.<database>_custom_field, _custom_field_value and _app_service: which free fields (attributes, tags, metrics), which of their
// values and which services the rows of a database have had, so that they can be offered without reading the rows.

import { keptTableSettings, small, teamId, text } from "./columnKinds.ts"
import { column, type Table, type TableColumn } from "./Table.ts"

/** Databases whose rows have free fields. */
export const fieldDatabases = [
  "flow_log",
  "event",
  "profile",
  "prometheus",
  "ext_metrics",
  "deepflow_admin",
  "deepflow_tenant",
  "application_log",
] as const

/** Databases whose rows have services that applications name. */
export const serviceDatabases = ["flow_log", "flow_metrics", "profile", "application_log"] as const

const seen = column("time", "SimpleAggregateFunction(max, DateTime)", "When it was last seen.")
const table = column("table", text, "Table of the rows.")

const field: ReadonlyArray<TableColumn> = [
  table,
  column("vpc_id", "UInt32", "VPC of the rows."),
  column("pod_ns_id", "UInt32", "Kubernetes namespace of the rows."),
  column("field_type", text, "tag, metrics or custom_tag."),
  column("field_name", text, "Name of the field: `attribute.x`."),
  column("field_value_type", text, "string, float or int."),
  teamId,
]

const mergedTable = (
  name: string,
  comment: string,
  columns: ReadonlyArray<TableColumn>,
  key: ReadonlyArray<string>,
): Table => ({
  database: "flow_tag",
  name,
  comment,
  engine: "AggregatingMergeTree",
  orderBy: key,
  retention: "tags",
  placement: "everywhere",
  settings: { ...keptTableSettings, non_replicated_deduplication_window: 10_000 },
  columns: [seen, ...columns],
})

const fieldKey = field.map(({ name }) => name)

export const customFieldTable = (database: (typeof fieldDatabases)[number]): Table =>
  mergedTable(`${database}_custom_field`, `Free fields in the rows of ${database}`, field, fieldKey)

export const customFieldValueTable = (database: (typeof fieldDatabases)[number]): Table =>
  mergedTable(
    `${database}_custom_field_value`,
    `Values of free fields in the rows of ${database}`,
    [
      ...field,
      column("field_value", "String", "The value."),
      column("count", "SimpleAggregateFunction(sum, UInt64)", "Rows that have it.", { codec: small }),
    ],
    [...fieldKey, "field_value"],
  )

export const appServiceTable = (database: (typeof serviceDatabases)[number]): Table =>
  mergedTable(
    `${database}_app_service`,
    `Services that applications name in the rows of ${database}`,
    [table, column("app_service", text, "Service."), column("app_instance", text, "Instance of it."), teamId],
    ["table", "app_service", "app_instance", "team_id"],
  )

export const fieldTables: ReadonlyArray<Table> = [
  ...fieldDatabases.flatMap((database) => [customFieldTable(database), customFieldValueTable(database)]),
  ...serviceDatabases.map(appServiceTable),
]
