// What metrics tables sum up. Durations are microseconds. Sums of durations are whole numbers: as such they take half the space.

import { small } from "./columnKinds.ts"
import { column, type TableColumn } from "./Table.ts"

export interface Meter {
  readonly name: string
  readonly type: "UInt8" | "UInt32" | "UInt64"
  /** How the meters of two rows become one. */
  readonly merge: "sum" | "max" | "groupBitOr"
  readonly comment: string
}

export const sum = (name: string, comment: string): Meter => ({ name, type: "UInt64", merge: "sum", comment })

export const longest = (name: string, comment: string): Meter => ({
  name,
  type: "UInt32",
  merge: "max",
  comment,
})

const codecOf = (meter: Meter): { readonly codec?: string } =>
  meter.type === "UInt8" ? {} : { codec: small }

/** As a column of rows that are kept as they come. */
export const meterColumn = (meter: Meter): TableColumn =>
  column(meter.name, meter.type, meter.comment, codecOf(meter))

/** As a column of rows that the engine merges. */
export const mergedColumn = (meter: Meter): TableColumn =>
  column(meter.name, `SimpleAggregateFunction(${meter.merge}, ${meter.type})`, meter.comment, codecOf(meter))

export const directionScore: Meter = {
  name: "direction_score",
  type: "UInt8",
  merge: "max",
  comment: "How sure it is which side is the client.",
}

export const applicationMeters: ReadonlyArray<Meter> = [
  sum("request", "Requests."),
  sum("response", "Responses."),
  directionScore,
  longest("rrt_max", "Longest response time, microseconds."),
  sum("rrt_sum", "Sum of response times, microseconds."),
  sum("rrt_count", "Response times in the sum."),
  sum("client_error", "Responses that blame the client."),
  sum("server_error", "Responses that blame the server."),
  sum("timeout", "Requests that nobody answered in time."),
]

export const applicationAliases: ReadonlyArray<TableColumn> = [
  column("error", "UInt64", "Errors of client and server.", { alias: "client_error + server_error" }),
]

const delays: Readonly<Record<string, string>> = {
  rtt: "round trip at connect",
  rtt_client: "round trip between here and the client at connect",
  rtt_server: "round trip between here and the server at connect",
  srt: "time until the server's system acknowledges",
  art: "time until the server's program answers",
  rrt: "response time of requests",
  cit: "time until the client asks again",
}

/** Both directions of a count: tx from client to server. */
const bothWays = (name: string, what: string): ReadonlyArray<Meter> => [
  sum(`${name}_tx`, `${what} from client to server.`),
  sum(`${name}_rx`, `${what} from server to client.`),
]

export const trafficMeters: ReadonlyArray<Meter> = [
  ...bothWays("packet", "Packets"),
  ...bothWays("byte", "Bytes of packets"),
  ...bothWays("l3_byte", "Bytes above the network header"),
  ...bothWays("l4_byte", "Bytes above the transport header"),
]

export const trafficAliases: ReadonlyArray<TableColumn> = ["packet", "byte"].map((name) =>
  column(name, "UInt64", `\`${name}_tx\` and \`${name}_rx\`.`, { alias: `${name}_tx + ${name}_rx` }),
)

export const networkMeters: ReadonlyArray<Meter> = [
  ...trafficMeters,
  sum("new_flow", "Connections that began."),
  sum("closed_flow", "Connections that ended."),
  sum("flow_load", "Connections that were open, summed over the interval."),
  sum("l7_request", "Requests of applications."),
  sum("l7_response", "Responses of applications."),
  sum("l7_client_error", "Responses that blame the client."),
  sum("l7_server_error", "Responses that blame the server."),
  sum("l7_timeout", "Requests that nobody answered in time."),
  sum("syn_count", "SYN packets."),
  sum("synack_count", "SYN-ACK packets."),
  directionScore,
  ...Object.entries(delays).map(([name, what]) => sum(`${name}_sum`, `Sum of: ${what}; microseconds.`)),
  ...Object.entries(delays).map(([name, what]) => sum(`${name}_count`, `Values in the sum of: ${what}.`)),
  ...Object.entries(delays).map(([name, what]) => longest(`${name}_max`, `Longest ${what}, microseconds.`)),
  ...bothWays("retrans", "Retransmitted packets"),
  ...bothWays("zero_win", "Packets with a window of zero"),
  ...bothWays("ooo", "Packets out of order"),
  sum("retrans_syn", "Retransmitted SYN packets."),
  sum("retrans_synack", "Retransmitted SYN-ACK packets."),
  sum("client_rst_flow", "Connections the client reset."),
  sum("server_rst_flow", "Connections the server reset."),
  sum("server_syn_miss", "Connects that no SYN-ACK answered."),
  sum("client_ack_miss", "Connects that the client did not complete."),
  sum("client_half_close_flow", "Connections only the client closed."),
  sum("server_half_close_flow", "Connections only the server closed."),
  sum("client_source_port_reuse", "Connects refused because the client's port was in use."),
  sum("server_reset", "Connects the server reset."),
  sum("server_queue_lack", "Connects that found the server's queue full."),
  sum("client_establish_other_rst", "Connects the client reset for other reasons."),
  sum("server_establish_other_rst", "Connects the server reset for other reasons."),
  sum("tcp_timeout", "Connections that fell silent."),
  sum("client_establish_fail", "Connects that failed at the client."),
  sum("server_establish_fail", "Connects that failed at the server."),
  sum("tcp_transfer_fail", "Connections that failed while open."),
  sum("tcp_rst_fail", "Connections that a reset ended."),
]

export const networkAliases: ReadonlyArray<TableColumn> = [
  ...trafficAliases,
  ...["retrans", "zero_win", "ooo"].map((name) =>
    column(name, "UInt64", `\`${name}_tx\` and \`${name}_rx\`.`, { alias: `${name}_tx + ${name}_rx` }),
  ),
  column("tcp_establish_fail", "UInt64", "Connects that failed.", {
    alias: "client_establish_fail + server_establish_fail",
  }),
  column("l7_error", "UInt64", "Errors of client and server.", {
    alias: "l7_client_error + l7_server_error",
  }),
]
