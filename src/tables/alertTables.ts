// event.alert_event and alert_record: alerts as they stand (read with FINAL) and each evaluation that was told. Column names are
// DeepFlow's.

import {
  daily,
  fields,
  growing,
  keptTableSettings,
  rowId,
  teamId,
  text,
  timeColumn,
  writtenTableSettings,
} from "./columnKinds.ts"
import { column, type Table, type TableColumn } from "./Table.ts"

const alert: ReadonlyArray<TableColumn> = [
  timeColumn("When it was evaluated."),
  rowId,
  column("policy_id", "UInt32", "Alert policy."),
  column("policy_type", "UInt8", "Kind of policy."),
  column("alert_policy", text, "Name of the policy."),
  column("metric_value", "Float64", "Value that was found."),
  column("metric_value_str", "String", "The same as text."),
  column("event_level", "UInt8", "0 critical, 1 error, 2 warning, 3 information."),
  column("target_tags", "String", "What it is about, as text."),
  ...fields("tag_string", "what it is about"),
  column("tag_int_names", "Array(LowCardinality(String))", "Names of numbers of what it is about."),
  column("tag_int_values", "Array(Int64)", "Numbers of what it is about, in the same order."),
  column("trigger_threshold", text, "Threshold that was passed."),
  column("metric_unit", text, "Unit of the value."),
  ...fields("custom_tag", "tags people gave the policy"),
  column("_target_uid", "String", "What it is about, as a key."),
  column("_query_region", text, "Region that was asked."),
  teamId,
  column("user_id", "UInt32", "Owner of the policy."),
  column("event_id", "String", "Alert the row belongs to."),
]

export const alertEvent: Table = {
  database: "event",
  name: "alert_event",
  comment: "Alerts, the newest row of each counts",
  engine: "ReplacingMergeTree(_id)",
  orderBy: ["policy_id", "event_id"],
  retention: "event",
  placement: { shardBy: "cityHash64(event_id)" },
  settings: { ...keptTableSettings, non_replicated_deduplication_window: 1_000 },
  columns: [
    ...alert,
    column("start_time", "DateTime", "When it began.", { codec: growing }),
    column("end_time", "DateTime", "When it ended; 0: it has not.", { codec: growing }),
    column("duration", "UInt32", "Seconds from begin to end."),
    column("state", "UInt32", "0: over; 1: it goes on."),
    column("alert_time", "UInt64", "Second in which people were told."),
  ],
}

export const alertRecord: Table = {
  database: "event",
  name: "alert_record",
  comment: "Evaluations of alert policies that found something",
  engine: "MergeTree",
  partitionBy: daily,
  orderBy: ["time", "policy_id"],
  retention: "event",
  placement: { shardBy: "cityHash64(event_id)" },
  settings: writtenTableSettings,
  columns: alert,
}
