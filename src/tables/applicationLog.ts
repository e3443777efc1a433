// application_log.log: lines that programs have logged. Column names are DeepFlow's.

import {
  addresses,
  agentId,
  bloom,
  daily,
  fields,
  growing,
  resourceId,
  rowId,
  teamId,
  text,
  timeColumn,
  words,
  writtenTableSettings,
} from "./columnKinds.ts"
import { column, type Table } from "./Table.ts"
import { tagColumns } from "./tagColumns.ts"

export const applicationLog: Table = {
  database: "application_log",
  name: "log",
  comment: "Log lines of programs",
  engine: "MergeTree",
  partitionBy: daily,
  orderBy: ["app_service", "time", "timestamp"],
  retention: "applicationLog",
  placement: { shardBy: "cityHash64(resource_id)" },
  settings: writtenTableSettings,
  columns: [
    timeColumn("Second of the line."),
    column("timestamp", "DateTime64(6)", "When it was logged.", { codec: growing }),
    rowId,
    column("_type", text, "user: of programs."),
    column("trace_id", "String", "Trace that was worked on.", { index: bloom }),
    column("span_id", "String", "Span that was worked on.", { index: bloom }),
    column("trace_flags", "UInt32", "Flags of the trace."),
    column(
      "severity_number",
      "UInt8",
      "OpenTelemetry's number: 1-4 trace, 5 debug, 9 info, 13 warning, 17 error, 21 fatal.",
    ),
    column("body", "String", "The line.", { index: words }),
    column("app_service", text, "Service as the application names itself."),
    resourceId("", "the program"),
    agentId,
    column("is_ipv4", "UInt8", "Which of the address columns holds."),
    ...addresses("", "the program's host"),
    teamId,
    column("user_id", "UInt32", "User the line belongs to; 0: none."),
    ...fields("attribute", "further fields"),
    ...fields("metrics", "further numbers", "Array(Float64)"),
    ...tagColumns({ suffix: "", who: "the program", address: { withPort: false } }),
  ],
}
