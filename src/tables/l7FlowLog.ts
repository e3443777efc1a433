// flow_log.l7_flow_log: one row for each request, response or session at each observation point. Side 0 is the client, side 1 the
// server. Column names are DeepFlow's; time comes first in the key because ids that repeat nearby in time then compress. Trace
// and span ids are numbers, which halves them; what is no hexadecimal id is kept as text beside.

import {
  addresses,
  agentId,
  bloom,
  fields,
  hourly,
  resourceId,
  rowId,
  small,
  startAndEnd,
  teamId,
  text,
  timeColumn,
  writtenTableSettings,
} from "./columnKinds.ts"
import { column, notYet, type Table, type TableColumn } from "./Table.ts"
import { bothSides } from "./tagColumns.ts"

const where: ReadonlyArray<TableColumn> = [
  timeColumn("Second in which the request began."),
  // Lists have the newest rows first, however long the time is that they are of.
  { ...rowId, index: "minmax" },
  ...startAndEnd("First byte of the request.", "Last known byte of the response."),
  agentId,
  column(
    "observation_point",
    text,
    "c-p, s-p: system call of client or server process; c, s, local, rest: packet; c-app, s-app, app: span of the program.",
  ),
  column("signal_source", "UInt16", "0: packet; 3: eBPF; 4: OpenTelemetry."),
  column("type", "UInt8", "0: request only; 1: response only; 2: both."),
  column("l7_protocol", "UInt8", "Application protocol by number."),
  column("protocol", "UInt8", "Transport protocol (IANA)."),
  column("version", text, "Version of the application protocol."),
  column("biz_protocol", text, "Application protocol by a name of its own."),
  column("is_tls", "UInt8", "The bytes were encrypted on the wire."),
  column("is_async", "UInt8", "Nobody answers such a message."),
  column("is_reversed", "UInt8", "Client and server were exchanged after more was known."),
  column(
    "direction_score",
    "UInt8",
    "How sure it is which side is the client: 255 seen at connect or accept.",
  ),
]

const flow: ReadonlyArray<TableColumn> = [
  column("flow_id", "UInt64", "Connection.", { codec: small }),
  column("is_ipv4", "UInt8", "Which of the address columns hold."),
  ...addresses("_0", "the client"),
  ...addresses("_1", "the server"),
  column("client_port", "UInt16", "Port of the client."),
  column("server_port", "UInt16", "Port of the server.", { index: "set(300)" }),
  resourceId("_0", "the client"),
  resourceId("_1", "the server"),
  column(
    "tag_source_0",
    "UInt8",
    "What told who the client is, as bits: 1 process, 2 pod, 4 MAC, 8 IP, 16 peer ...",
  ),
  column("tag_source_1", "UInt8", "What told who the server is."),
  column("capture_network_type_id", "UInt8", "Kind of network it was captured in."),
  column("nat_source", "UInt8", "What told of address translation."),
  column("capture_nic_type", "UInt8", "Kind of the interface it was captured on."),
  column("capture_nic", "UInt32", "Interface it was captured on."),
  column("tunnel_type", "UInt8", "Tunnel around the packet."),
  teamId,
]

const calls: ReadonlyArray<TableColumn> = [
  column("process_id_0", "UInt32", "Client process when it runs on the agent's host, else 0.", {
    codec: small,
  }),
  column("process_id_1", "UInt32", "Server process when it runs on the agent's host, else 0.", {
    codec: small,
  }),
  column(
    "syscall_trace_id_request",
    "UInt64",
    "Within an agent: the served request that this row is, or that this call was made for; 0: not known.",
    {
      codec: small,
      index: "minmax",
    },
  ),
  column(
    "syscall_trace_id_response",
    "UInt64",
    "The same of the row's response; 0: there is none, or not known.",
    {
      codec: small,
      index: "minmax",
    },
  ),
  column("syscall_thread_0", "UInt32", "Thread of the system call that carried the request.", {
    codec: small,
  }),
  column("syscall_thread_1", "UInt32", "Thread of the system call that carried the response.", {
    codec: small,
  }),
  column(
    "syscall_coroutine_0",
    "UInt64",
    "Goroutine (its address) or Task of asyncio (its number) that sent or took the request; 0: none is known.",
    { codec: small },
  ),
  column(
    "syscall_coroutine_1",
    "UInt64",
    "Goroutine or Task that sent or took the response; 0: none is known.",
    { codec: small },
  ),
  column("syscall_cap_seq_0", "UInt32", "Number of the request's system call in its socket.", {
    codec: small,
  }),
  column("syscall_cap_seq_1", "UInt32", "Number of the response's system call in its socket.", {
    codec: small,
  }),
  column("req_tcp_seq", "UInt32", "TCP sequence number of the request's first byte."),
  column("resp_tcp_seq", "UInt32", "TCP sequence number of the response's first byte."),
]

const message: ReadonlyArray<TableColumn> = [
  column("request_type", text, "Method or command."),
  column("request_domain", text, "Host asked for."),
  column("request_resource", "String", "Path, key, statement.", { index: bloom }),
  column("endpoint", text, "Resource without its variable parts."),
  column("request_id", "Nullable(UInt64)", "Id on the wire that pairs request and response."),
  column(
    "response_status",
    "UInt8",
    "0 ok, 2 timeout, 3 server error, 4 client error, 5 unknown, 6 not parsed.",
  ),
  column("response_code", "Nullable(Int32)", "Status code of the protocol."),
  column("response_exception", "String", "What the response says of the error."),
  column("response_result", "String", "What the response says otherwise."),
  column("response_duration", "UInt64", "Microseconds from the request's to the response's first byte.", {
    codec: small,
  }),
  column("request_length", "Nullable(Int64)", "Bytes of the request's body.", { codec: small }),
  column("response_length", "Nullable(Int64)", "Bytes of the response's body.", { codec: small }),
  column("sql_affected_rows", "Nullable(UInt64)", "Rows a statement changed.", {
    default: "NULL",
    codec: small,
  }),
  column("captured_request_byte", "UInt32", "Bytes of the request that were seen.", { codec: small }),
  column("captured_response_byte", "UInt32", "Bytes of the response that were seen.", { codec: small }),
  column("http_proxy_client", text, "Client as proxies on the way tell it."),
]

/** The id is in its binary form; that is empty as well where there is none. */
export const hasTrace = "_trace_id != toFixedString('', 16)"

/** Conditions and values of `multiIf`. */
const traceHash = `_trace_id_text != '', cityHash64(_trace_id_text), ${hasTrace}, cityHash64(_trace_id)`

const spanText = (name: string): string =>
  `if(${name}_text != '', ${name}_text, if(${name} = 0, '', leftPad(lower(hex(${name})), 16, '0')))`

const trace: ReadonlyArray<TableColumn> = [
  column("x_request_id_0", "String", "X-Request-ID of the request.", { index: bloom }),
  column("x_request_id_1", "String", "X-Request-ID of the response.", { index: bloom }),
  column(
    "_trace_id",
    "FixedString(16)",
    "Trace, when its id is 32 lower-case hexadecimal digits; else zeros.",
    {
      index: bloom,
    },
  ),
  column("_trace_id_text", "String", "Trace, when its id has another form; else empty.", { index: bloom }),
  column("_trace_id_2", "String", "A second trace the request belongs to.", { index: bloom }),
  column("_span_id", "UInt64", "Span, when its id is 16 lower-case hexadecimal digits; else 0."),
  column("_span_id_text", "String", "Span, when its id has another form; else empty."),
  column("_parent_span_id", "UInt64", "Parent span, as `_span_id`."),
  column("_parent_span_id_text", "String", "Parent span, as `_span_id_text`."),
  column(
    "span_kind",
    "Nullable(UInt8)",
    "Kind of the program's span: 1 internal, 2 server, 3 client, 4 producer, 5 consumer.",
  ),
  column("trace_id", "String", "Trace in the request's headers.", {
    alias: `if(_trace_id_text != '', _trace_id_text, if(${hasTrace}, lower(hex(_trace_id)), ''))`,
  }),
  column("span_id", "String", "Span in the request's headers.", { alias: spanText("_span_id") }),
  column("parent_span_id", "String", "Parent span in the request's headers.", {
    alias: spanText("_parent_span_id"),
  }),
  column("trace_id_index", "UInt64", "Hash of the trace's id; 0: none.", {
    alias: `multiIf(${traceHash}, 0)`,
  }),
]

const rest: ReadonlyArray<TableColumn> = [
  column("app_service", text, "Service as the application names itself."),
  column("app_instance", text, "Instance as the application names itself."),
  column("biz_type", "UInt8", "Kind of business."),
  column("biz_code", "String", "Business code."),
  column("biz_scenario", "String", "Business scenario."),
  column("biz_response_code", "String", "Code of the answer in terms of business."),
  ...fields("attribute", "further fields"),
  ...fields("metrics", "further numbers", "Array(Float64)"),
  column("events", "String", "Events of the program's span, as JSON."),
]

/** Nobody tells these yet. */
const unfilled = new Set([
  "biz_protocol",
  "is_reversed",
  "capture_network_type_id",
  "nat_source",
  "capture_nic_type",
  "capture_nic",
  "tunnel_type",
  "biz_type",
  "biz_code",
  "biz_scenario",
  "biz_response_code",
  "_trace_id_2",
  "team_id",
  "metrics_names",
  "metrics_values",
])

export const l7FlowLog: Table = {
  database: "flow_log",
  name: "l7_flow_log",
  comment: "Requests and responses of application protocols",
  engine: "MergeTree",
  partitionBy: hourly,
  orderBy: ["time", "l7_protocol", "resource_id_1", "server_port"],
  retention: "log",
  // A trace is then on one server; rows without one are spread by connection.
  placement: { shardBy: `multiIf(${traceHash}, cityHash64(flow_id))` },
  settings: writtenTableSettings,
  columns: [
    ...[...where, ...flow, ...calls, ...message, ...trace, ...rest].map((one) =>
      unfilled.has(one.name) ? notYet(one) : one,
    ),
    ...bothSides,
  ],
}
