// The two kinds of rows an agent sends, as lists of typed columns. The wire carries them in this order, the tables use these
// names, so that a column is added in one place. Names are those of DeepFlow's tables.
// `u64` and `i64` columns hold integers that are safe in a JavaScript number (|v| < 2^53).

export type ColumnType = "u8" | "u16" | "u32" | "i32" | "u64" | "i64" | "f64" | "ip" | "str" | "strs"

export interface Column<Name extends string = string, Type extends ColumnType = ColumnType> {
  readonly name: Name
  readonly type: Type
}

const column = <const Name extends string, const Type extends ColumnType>(
  name: Name,
  type: Type,
): Column<Name, Type> => ({ name, type })

/** One request, response or merged session at one observation point: rows of `flow_log.l7_flow_log`. */
export const l7Columns = [
  /** Microseconds since 1970: first byte of the request; last known byte of the response. */
  column("start_time", "u64"),
  column("end_time", "u64"),
  /** Microseconds from the request's first byte to the response's first byte; 0 without a response. */
  column("response_duration", "u64"),
  column("type", "u8"),
  column("l7_protocol", "u8"),
  column("observation_point", "u8"),
  column("signal_source", "u16"),
  column("protocol", "u8"),
  column("is_tls", "u8"),
  column("is_async", "u8"),
  /** 255: the kernel saw connect or accept; 254: the payload says it; lower: guessed. */
  column("direction_score", "u8"),
  column("flow_id", "u64"),
  /** IPv4 as ::ffff:a.b.c.d. Side 0 is the client, side 1 the server. */
  column("ip_0", "ip"),
  column("ip_1", "ip"),
  column("client_port", "u16"),
  column("server_port", "u16"),
  /** Process ids of the two sides where they run on this host, else 0. */
  column("process_id_0", "u32"),
  column("process_id_1", "u32"),
  column("process_kname_0", "str"),
  column("process_kname_1", "str"),
  /** Names of the processes as people know them; empty: not known. */
  column("gprocess_0", "str"),
  column("gprocess_1", "str"),
  /** Containers of the processes (64 hex digits); empty: none, or not known. */
  column("container_0", "str"),
  column("container_1", "str"),
  /** Thread that made the system call (0 for packets). */
  column("syscall_thread_0", "u32"),
  column("syscall_thread_1", "u32"),
  column("req_tcp_seq", "u32"),
  column("resp_tcp_seq", "u32"),
  column("version", "str"),
  column("request_type", "str"),
  column("request_domain", "str"),
  column("request_resource", "str"),
  column("endpoint", "str"),
  /** -1: the protocol has none. */
  column("request_id", "i64"),
  column("response_status", "u8"),
  /** -32768: none. */
  column("response_code", "i32"),
  column("response_exception", "str"),
  column("response_result", "str"),
  column("http_proxy_client", "str"),
  column("x_request_id_0", "str"),
  column("x_request_id_1", "str"),
  column("trace_id", "str"),
  column("span_id", "str"),
  column("parent_span_id", "str"),
  /** -1: not known. */
  column("request_length", "i64"),
  column("response_length", "i64"),
  column("captured_request_byte", "u32"),
  column("captured_response_byte", "u32"),
  column("attribute_names", "strs"),
  column("attribute_values", "strs"),
] as const

/** RED metrics of one service, endpoint and role over one interval: rows of `flow_metrics.application.1s` and `.1m`. */
export const applicationColumns = [
  /** Start of the interval, seconds since 1970. */
  column("time", "u32"),
  /** Length of the interval in seconds: 1 or 60. */
  column("interval", "u8"),
  /** 0: seen at the client; 1: seen at the server. */
  column("role", "u8"),
  column("l7_protocol", "u8"),
  column("signal_source", "u16"),
  column("ip", "ip"),
  column("server_port", "u16"),
  column("process_id", "u32"),
  column("process_kname", "str"),
  column("gprocess", "str"),
  column("container", "str"),
  column("app_service", "str"),
  column("app_instance", "str"),
  column("endpoint", "str"),
  column("request", "u32"),
  column("response", "u32"),
  /** Microseconds. */
  column("rrt_max", "u32"),
  column("rrt_sum", "f64"),
  column("rrt_count", "u64"),
  column("client_error", "u64"),
  column("server_error", "u64"),
  column("timeout", "u64"),
] as const

/** The kinds of rows and their columns; the key is the batch's `kind` on the wire. */
export const rowKinds = {
  l7: l7Columns,
  application: applicationColumns,
} as const

export type RowKind = keyof typeof rowKinds
