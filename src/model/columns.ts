// The kinds of rows an agent sends, as lists of typed columns. The wire carries them in this order, the tables use these
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
  /** Ids of the agent's own, to be compared together with agent_id: of the served request that the row is or belongs to; 0: not known. */
  column("syscall_trace_id_request", "u64"),
  column("syscall_trace_id_response", "u64"),
  /** Goroutine (its address) or Task of asyncio (its number) that made the system call of the request and of the response; 0: none is known. */
  column("syscall_coroutine_0", "u64"),
  column("syscall_coroutine_1", "u64"),
  /** Number of the request's and of the response's event in its socket; 0: not known. */
  column("syscall_cap_seq_0", "u32"),
  column("syscall_cap_seq_1", "u32"),
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
  /** -1: not told. */
  column("sql_affected_rows", "i64"),
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
  column("protocol", "u8"),
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

/** The two ends of a flow: side 0 is the client, side 1 the server. IPv4 as ::ffff:a.b.c.d. */
const flowEnds = [
  column("ip_0", "ip"),
  column("ip_1", "ip"),
  column("server_port", "u16"),
  /** Process ids of the two sides where they run on this host, else 0. */
  column("process_id_0", "u32"),
  column("process_id_1", "u32"),
  column("process_kname_0", "str"),
  column("process_kname_1", "str"),
  column("gprocess_0", "str"),
  column("gprocess_1", "str"),
  column("container_0", "str"),
  column("container_1", "str"),
] as const

/** A span that a program told of itself: rows of `flow_log.l7_flow_log` as well. What it does not tell is as in rows of requests. */
export const spanColumns = [
  /** Microseconds since 1970. */
  column("start_time", "u64"),
  column("end_time", "u64"),
  column("observation_point", "u8"),
  column("signal_source", "u16"),
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  column("span_kind", "u8"),
  column("l7_protocol", "u8"),
  column("protocol", "u8"),
  ...flowEnds,
  column("version", "str"),
  column("request_type", "str"),
  column("request_domain", "str"),
  column("request_resource", "str"),
  /** Name of the span. */
  column("endpoint", "str"),
  column("response_status", "u8"),
  column("response_code", "i32"),
  column("response_exception", "str"),
  column("request_length", "i64"),
  column("response_length", "i64"),
  column("trace_id", "str"),
  column("span_id", "str"),
  column("parent_span_id", "str"),
  /** Service and instance as the program names itself. */
  column("app_service", "str"),
  column("app_instance", "str"),
  column("attribute_names", "strs"),
  column("attribute_values", "strs"),
  /** JSON; empty: none. */
  column("events", "str"),
] as const

/** What the flow log and the metrics of the network both count; tx is from client to server, delays are microseconds. */
const flowMeters = [
  column("packet_tx", "u64"),
  column("packet_rx", "u64"),
  column("byte_tx", "u64"),
  column("byte_rx", "u64"),
  column("l3_byte_tx", "u64"),
  column("l3_byte_rx", "u64"),
  column("l4_byte_tx", "u64"),
  column("l4_byte_rx", "u64"),
  column("l7_request", "u32"),
  column("l7_response", "u32"),
  column("l7_client_error", "u32"),
  column("l7_server_error", "u32"),
  column("retrans_tx", "u32"),
  column("retrans_rx", "u32"),
  column("zero_win_tx", "u32"),
  column("zero_win_rx", "u32"),
  column("ooo_tx", "u32"),
  column("ooo_rx", "u32"),
  column("syn_count", "u32"),
  column("synack_count", "u32"),
  column("retrans_syn", "u32"),
  column("retrans_synack", "u32"),
  column("srt_sum", "u64"),
  column("art_sum", "u64"),
  column("rrt_sum", "u64"),
  column("cit_sum", "u64"),
  column("srt_count", "u32"),
  column("art_count", "u32"),
  column("rrt_count", "u32"),
  column("cit_count", "u32"),
  column("srt_max", "u32"),
  column("art_max", "u32"),
  column("rrt_max", "u32"),
  column("cit_max", "u32"),
] as const

/** A minute, or what is left at its end, of one flow at one observation point: rows of `flow_log.l4_flow_log`. */
export const l4Columns = [
  /** Microseconds since 1970: begin and end of this part. */
  column("start_time", "u64"),
  column("end_time", "u64"),
  /** Microseconds from the flow's begin to the end of this part. */
  column("duration", "u64"),
  column("observation_point", "u8"),
  column("signal_source", "u16"),
  column("flow_id", "u64"),
  column("is_new_flow", "u8"),
  /** `CloseType`; 5: it goes on. */
  column("close_type", "u16"),
  column("status", "u8"),
  column("protocol", "u8"),
  column("l7_protocol", "u8"),
  column("direction_score", "u8"),
  ...flowEnds,
  column("client_port", "u16"),
  /** Hardware addresses, 48 bits; 0: not known. */
  column("mac_0", "u64"),
  column("mac_1", "u64"),
  column("eth_type", "u16"),
  column("vlan", "u16"),
  /** Hardware address, address of this side are of this host. */
  column("l2_end_0", "u8"),
  column("l2_end_1", "u8"),
  column("l3_end_0", "u8"),
  column("l3_end_1", "u8"),
  /** Outermost tunnel around the packets from the client (tx) and back, and its ends; 0 and ::: none. */
  column("tunnel_type", "u16"),
  column("tunnel_tier", "u8"),
  column("tunnel_tx_id", "u32"),
  column("tunnel_rx_id", "u32"),
  column("tunnel_tx_ip_0", "ip"),
  column("tunnel_tx_ip_1", "ip"),
  column("tunnel_rx_ip_0", "ip"),
  column("tunnel_rx_ip_1", "ip"),
  /** Last 32 bits of the hardware addresses. */
  column("tunnel_tx_mac_0", "u32"),
  column("tunnel_tx_mac_1", "u32"),
  column("tunnel_rx_mac_0", "u32"),
  column("tunnel_rx_mac_1", "u32"),
  column("tcp_flags_bit_0", "u16"),
  column("tcp_flags_bit_1", "u16"),
  column("syn_seq", "u32"),
  column("syn_ack_seq", "u32"),
  column("last_keepalive_seq", "u32"),
  column("last_keepalive_ack", "u32"),
  ...flowMeters,
  /** Since the flow began. */
  column("total_packet_tx", "u64"),
  column("total_packet_rx", "u64"),
  column("total_byte_tx", "u64"),
  column("total_byte_rx", "u64"),
  column("l7_server_timeout", "u32"),
  /** 0: not seen in this part. */
  column("rtt", "u32"),
  column("rtt_client", "u32"),
  column("rtt_server", "u32"),
  column("fin_count", "u32"),
] as const

/**
 * Traffic, delays and failures between two sides over one interval: rows of `flow_metrics.network_map` and, of each side that was
 * observed, of `flow_metrics.network`.
 */
export const networkColumns = [
  /** Start of the interval, seconds since 1970. */
  column("time", "u32"),
  /** Length of the interval in seconds: 1 or 60. */
  column("interval", "u8"),
  column("observation_point", "u8"),
  column("signal_source", "u16"),
  column("protocol", "u8"),
  ...flowEnds,
  column("direction_score", "u8"),
  column("new_flow", "u32"),
  column("closed_flow", "u32"),
  column("flow_load", "u32"),
  ...flowMeters,
  column("l7_timeout", "u32"),
  column("rtt_sum", "u64"),
  column("rtt_client_sum", "u64"),
  column("rtt_server_sum", "u64"),
  column("rtt_count", "u32"),
  column("rtt_client_count", "u32"),
  column("rtt_server_count", "u32"),
  column("rtt_max", "u32"),
  column("rtt_client_max", "u32"),
  column("rtt_server_max", "u32"),
  column("client_rst_flow", "u32"),
  column("server_rst_flow", "u32"),
  column("server_syn_miss", "u32"),
  column("client_ack_miss", "u32"),
  column("client_half_close_flow", "u32"),
  column("server_half_close_flow", "u32"),
  column("client_source_port_reuse", "u32"),
  column("server_reset", "u32"),
  column("server_queue_lack", "u32"),
  column("client_establish_other_rst", "u32"),
  column("server_establish_other_rst", "u32"),
  column("tcp_timeout", "u32"),
] as const

/** The process that a row is about, where nothing but a process is. */
const processSide = [
  column("process_id", "u32"),
  column("process_kname", "str"),
  column("gprocess", "str"),
  column("container", "str"),
] as const

/**
 * A call on a file that had to wait for it (rows of `event.file_event`), or the sum of those of one process, file and operation over
 * an interval (rows of `event.file_agg_event`).
 */
export const fileColumns = [
  /** Microseconds since 1970: begin of the wait, end of the call; of sums those of the interval. */
  column("start_time", "u64"),
  column("end_time", "u64"),
  /** Length of the interval in seconds; 0: a single call. */
  column("interval", "u8"),
  /** `FileOperation`. */
  column("operation", "u8"),
  ...processSide,
  /** Thread, goroutine or Task, and served request (its `syscall_trace_id_request`) that it was for; 0: not known, and in sums. */
  column("syscall_thread", "u32"),
  column("syscall_coroutine", "u64"),
  column("syscall_trace_id", "u64"),
  column("bytes", "u64"),
  /** Where in the file; 0 in sums. */
  column("offset", "u64"),
  /** Microseconds; of sums all together, and the longest. */
  column("duration", "u64"),
  column("duration_max", "u64"),
  /** Calls in the sum; 1 of a single one. */
  column("event_count", "u32"),
  /** Errno of a call that failed. */
  column("error", "u16"),
  /** Directory and name as the process sees them; empty: not known. */
  column("file_dir", "str"),
  column("file_name", "str"),
  /** 1: of this host; 2: made up by the kernel; 3: of another host. */
  column("file_type", "u8"),
  /** What is mounted, and where. */
  column("mount_source", "str"),
  column("mount_point", "str"),
  /** Mode bits of the file. */
  column("access_permission", "u32"),
] as const

/** A process began a program, ended, or is killed for memory: rows of `event.proc_ops_event`. */
export const processColumns = [
  /** Microseconds since 1970: of an end the begin of the process, of everything else the moment. */
  column("start_time", "u64"),
  column("end_time", "u64"),
  /** `ProcessChange`. */
  column("change", "u8"),
  ...processSide,
  column("parent_pid", "u32"),
  column("uid", "u32"),
  column("gid", "u32"),
  column("cmdline", "str"),
  column("exec_path", "str"),
  /** -1: it did not end, or by a signal. */
  column("exit_code", "i32"),
  /** 0: none. */
  column("exit_signal", "u8"),
] as const

/** The kinds of rows and their columns; the key is the batch's `kind` on the wire. */
export const rowKinds = {
  l7: l7Columns,
  application: applicationColumns,
  l4: l4Columns,
  network: networkColumns,
  file: fileColumns,
  process: processColumns,
  span: spanColumns,
} as const

export type RowKind = keyof typeof rowKinds
