// flow_metrics.`application.1s` and `.1m`: requests, errors and durations of one service, endpoint and role over one interval.
// 1s rows are kept as they come and read by time; 1m rows of the same key are summed by the engine, so that the parts of a
// minute that an agent sends before and after a restart make one row. Column names are DeepFlow's.

import { addresses, growing, halfDaily, hourly, small, text, writtenTableSettings } from "./columnKinds.ts"
import { column, type Table, type TableColumn } from "./Table.ts"

const tags: ReadonlyArray<TableColumn> = [
  column("time", "DateTime", "Start of the interval.", { codec: growing }),
  column("role", "UInt8", "0: seen at the client; 1: seen at the server."),
  column("l7_protocol", "UInt8", "Application protocol by number."),
  column("signal_source", "UInt16", "0: packet; 3: eBPF."),
  column("agent_id", "UInt16", "Agent that saw it."),
  column("is_ipv4", "UInt8", "Which of the address columns holds."),
  ...addresses("", "the side of `role`"),
  column("server_port", "UInt16", "Port of the server.", { index: "set(300)" }),
  column("process_id", "UInt32", "Process of the side of `role`, 0 when unknown.", { codec: small }),
  column("auto_service", text, "Service: the process' name, else the address."),
  column("app_service", text, "Service as the application names itself."),
  column("app_instance", text, "Instance as the application names itself."),
  column("endpoint", text, "Resource without its variable parts."),
]

interface Meter {
  readonly name: string
  readonly type: string
  readonly merge: "sum" | "max"
  readonly comment: string
}

const meters: ReadonlyArray<Meter> = [
  { name: "request", type: "UInt64", merge: "sum", comment: "Requests." },
  { name: "response", type: "UInt64", merge: "sum", comment: "Responses." },
  { name: "rrt_max", type: "UInt32", merge: "max", comment: "Longest response time, microseconds." },
  { name: "rrt_sum", type: "Float64", merge: "sum", comment: "Sum of response times, microseconds." },
  { name: "rrt_count", type: "UInt64", merge: "sum", comment: "Response times in the sum." },
  { name: "client_error", type: "UInt64", merge: "sum", comment: "Responses that blame the client." },
  { name: "server_error", type: "UInt64", merge: "sum", comment: "Responses that blame the server." },
  { name: "timeout", type: "UInt64", merge: "sum", comment: "Requests that nobody answered in time." },
]

const codecOf = (type: string): { readonly codec?: string } => (type === "Float64" ? {} : { codec: small })

const error = column("error", "UInt64", "Errors of client and server.", {
  alias: "client_error + server_error",
})

export const application1s: Table = {
  database: "flow_metrics",
  name: "application.1s",
  comment: "Requests, errors, durations by service and endpoint; one second",
  engine: "MergeTree",
  partitionBy: hourly,
  orderBy: ["time", "auto_service", "server_port"],
  retention: "seconds",
  settings: writtenTableSettings,
  columns: [
    ...tags,
    ...meters.map((meter) => column(meter.name, meter.type, meter.comment, codecOf(meter.type))),
    error,
  ],
}

const firstTags = new Set(["auto_service", "server_port", "time"])
const otherTags = tags.map((tag) => tag.name).filter((name) => !firstTags.has(name))

export const application1m: Table = {
  database: "flow_metrics",
  name: "application.1m",
  comment: "Requests, errors, durations by service and endpoint; one minute",
  engine: "AggregatingMergeTree",
  partitionBy: halfDaily,
  /** Every tag is in the key: rows that differ in one are never summed. Resources first: 9 times smaller than time first. */
  orderBy: ["auto_service", "server_port", "time", ...otherTags],
  retention: "minutes",
  settings: writtenTableSettings,
  columns: [
    ...tags,
    ...meters.map((meter) =>
      column(
        meter.name,
        `SimpleAggregateFunction(${meter.merge}, ${meter.type})`,
        meter.comment,
        codecOf(meter.type),
      ),
    ),
    error,
  ],
}
