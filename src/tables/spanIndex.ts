// flow_log.id_index: in which seconds spans with an id were seen, by a hash of the id. Spans of one trace find each other by trace id,
// X-Request-ID, the agent's causal id, and the place of a call in its connection; a question for one of them reads its seconds here and
// then those seconds of the request log. This stands where DeepFlow keeps a second copy of every span in the order of traces
// (span_with_trace_id, trace_tree). Filled inside the database as requests are stored.
//
// Hashes are of 32 bits: among as many as a half day has, neighbours in the table differ by little and compress to a byte; what meets
// by chance costs the reading of one more second. Times are of one second for the same reason.

import { halfDaily, keptTableSettings } from "./columnKinds.ts"
import { hasTrace, l7FlowLog } from "./l7FlowLog.ts"
import type { MaterializedView } from "./MaterializedView.ts"
import { column, type Table } from "./Table.ts"

/** What an entry stands for: `value` is an SQL expression, or several with commas between. */
const key = (kind: string, value: string): string => `toUInt32(cityHash64('${kind}', ${value}))`

/**
 * Entries by what they lead to; arguments are SQL expressions. Writing and asking must agree on them. A call is told by the sequence
 * number of its request (of its response where there is none), and where there are no numbers by the ports of its connection.
 */
export const spanKey = {
  traceId: (bytes: string): string => key("t", bytes),
  traceText: (text: string): string => key("t", text),
  xRequestId: (id: string): string => key("x", id),
  causalId: (agent: string, id: string): string => key("c", `toUInt16(${agent}), toUInt64(${id})`),
  tcpSequence: (number: string): string => key("q", `toUInt32(${number})`),
  connection: (clientPort: string, serverPort: string): string =>
    key("p", `toUInt16(${clientPort}), toUInt16(${serverPort})`),
} as const

/** Of a row; 0 stands for none. */
const keysOfRow = [
  `multiIf(_trace_id_text != '', ${spanKey.traceText("_trace_id_text")}, ${hasTrace}, ${spanKey.traceId("_trace_id")}, 0)`,
  ...["x_request_id_0", "x_request_id_1"].map((id) => `if(${id} = '', 0, ${spanKey.xRequestId(id)})`),
  ...["syscall_trace_id_request", "syscall_trace_id_response"].map(
    (id) => `if(${id} = 0, 0, ${spanKey.causalId("agent_id", id)})`,
  ),
  `multiIf(req_tcp_seq != 0, ${spanKey.tcpSequence("req_tcp_seq")}, ` +
    `resp_tcp_seq != 0, ${spanKey.tcpSequence("resp_tcp_seq")}, ` +
    `client_port != 0, ${spanKey.connection("client_port", "server_port")}, 0)`,
]

export const spanIndex: Table = {
  database: "flow_log",
  name: "id_index",
  comment: "Seconds in which spans with an id were seen",
  engine: "ReplacingMergeTree",
  partitionBy: halfDaily,
  orderBy: ["search_index", "time"],
  // With the time in it, to look a hundred entries up in the index takes three times as long.
  primaryKey: ["search_index"],
  retention: "log",
  placement: { shardBy: "search_index" },
  // An entry is 8 bytes: a granule of the usual size would have 60 kB to read for one second, and a block of the usual size the
  // granules of 16 ids to unpack for one.
  settings: {
    ...keptTableSettings,
    index_granularity: 1024,
    min_compress_block_size: 4096,
    ttl_only_drop_parts: 1,
    non_replicated_deduplication_window: 10_000,
  },
  columns: [
    column("search_index", "UInt32", "Hash of the id and of what kind of id it is.", {
      codec: "Delta, ZSTD(1)",
    }),
    column("time", "DateTime", "Second that the request is filed under.", { codec: "T64, ZSTD(1)" }),
  ],
}

export const spanIndexView: MaterializedView = {
  database: "flow_log",
  name: "id_index_mv",
  comment: "Notes the ids of requests",
  from: l7FlowLog,
  to: spanIndex,
  select: {
    search_index: `arrayJoin(arrayFilter(one -> one != 0, arrayDistinct([${keysOfRow.join(", ")}])))`,
    time: "source.time",
  },
  groupBy: ["search_index", "time"],
}
