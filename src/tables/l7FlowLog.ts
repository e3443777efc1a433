// flow_log.l7_flow_log: one row for each request, response or session at each observation point. Side 0 is the client, side 1 the
// server. Column names are DeepFlow's; time comes first in the key because ids that repeat nearby in time then compress.

import { addresses, bloom, growing, hourly, small, text, writtenTableSettings } from "./columnKinds.ts"
import { column, type Table } from "./Table.ts"

export const l7FlowLog: Table = {
  database: "flow_log",
  name: "l7_flow_log",
  comment: "Requests and responses of application protocols",
  engine: "MergeTree",
  partitionBy: hourly,
  orderBy: ["time", "l7_protocol", "ip4_1", "ip6_1", "server_port"],
  retention: "log",
  settings: writtenTableSettings,
  columns: [
    column("time", "DateTime", "Second in which the request began.", { codec: growing }),
    column(
      "_id",
      "UInt64",
      "Identity of the row; grows with insertion, its upper 32 bits are the second of storing.",
      {
        codec: "DoubleDelta, ZSTD(1)",
      },
    ),
    column("start_time", "DateTime64(6)", "First byte of the request.", { codec: growing }),
    column("end_time", "DateTime64(6)", "Last known byte of the response.", { codec: growing }),
    column("agent_id", "UInt16", "Agent that saw it."),
    column(
      "observation_point",
      text,
      "c-p, s-p: system call of client or server process; c, s, local, rest: packet.",
    ),
    column("signal_source", "UInt16", "0: packet; 3: eBPF."),
    column("type", "UInt8", "0: request only; 1: response only; 2: both."),
    column("l7_protocol", "UInt8", "Application protocol by number."),
    column("protocol", "UInt8", "Transport protocol (IANA)."),
    column("version", text, "Version of the application protocol."),
    column("is_tls", "UInt8", "The bytes were encrypted on the wire."),
    column("is_async", "UInt8", "Nobody answers such a message."),
    column(
      "direction_score",
      "UInt8",
      "How sure it is which side is the client: 255 seen at connect or accept.",
    ),
    column("flow_id", "UInt64", "Connection.", { codec: small }),
    column("is_ipv4", "UInt8", "Which of the address columns hold."),
    ...addresses("_0", "the client"),
    ...addresses("_1", "the server"),
    column("client_port", "UInt16", "Port of the client."),
    column("server_port", "UInt16", "Port of the server.", { index: "set(300)" }),
    column("process_id_0", "UInt32", "Client process when it runs on the agent's host, else 0.", {
      codec: small,
    }),
    column("process_id_1", "UInt32", "Server process when it runs on the agent's host, else 0.", {
      codec: small,
    }),
    column("process_kname_0", text, "Kernel's name of the client process."),
    column("process_kname_1", text, "Kernel's name of the server process."),
    column("auto_service_0", text, "Service of the client: its process' name, else its address."),
    column("auto_service_1", text, "Service of the server: its process' name, else its address."),
    column("syscall_thread_0", "UInt32", "Thread of the system call that carried the request.", {
      codec: small,
    }),
    column("syscall_thread_1", "UInt32", "Thread of the system call that carried the response.", {
      codec: small,
    }),
    column("req_tcp_seq", "UInt32", "TCP sequence number of the request's first byte."),
    column("resp_tcp_seq", "UInt32", "TCP sequence number of the response's first byte."),
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
    column("captured_request_byte", "UInt32", "Bytes of the request that were seen.", { codec: small }),
    column("captured_response_byte", "UInt32", "Bytes of the response that were seen.", { codec: small }),
    column("http_proxy_client", text, "Client as proxies on the way tell it."),
    column("x_request_id_0", "String", "X-Request-ID of the request.", { index: bloom }),
    column("x_request_id_1", "String", "X-Request-ID of the response.", { index: bloom }),
    column("trace_id", "String", "Trace in the request's headers.", { index: bloom }),
    column("span_id", "String", "Span in the request's headers."),
    column("parent_span_id", "String", "Parent span in the request's headers."),
    column("attribute_names", "Array(LowCardinality(String))", "Names of further fields."),
    column("attribute_values", "Array(String)", "Values of further fields, in the same order."),
  ],
}
