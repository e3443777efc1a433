// flow_log.l4_flow_log: one row for each connection and minute of its life at each observation point. tx is from client to server,
// rx back. Column names are DeepFlow's. Durations are microseconds.

import {
  addresses,
  agentId,
  hourly,
  resourceId,
  rowId,
  small,
  startAndEnd,
  teamId,
  text,
  timeColumn,
  words,
  writtenTableSettings,
} from "./columnKinds.ts"
import { column, type Table, type TableColumn } from "./Table.ts"
import { bothSides } from "./tagColumns.ts"

const wide = (name: string, comment: string): TableColumn => column(name, "UInt64", comment, { codec: small })
const count = (name: string, comment: string): TableColumn =>
  column(name, "UInt32", comment, { codec: small })

/** One column for each side; `who` names the sides. */
const pair = (
  name: string,
  type: string,
  comment: string,
  who: readonly [string, string] = ["client", "server"],
  codec?: string,
): ReadonlyArray<TableColumn> =>
  [0, 1].map((side) =>
    column(
      `${name}_${side}`,
      type,
      `${comment} ${who[side as 0 | 1]}.`,
      codec === undefined ? {} : { codec },
    ),
  )

const bothWays = (
  name: string,
  what: string,
  make: (name: string, comment: string) => TableColumn = wide,
): ReadonlyArray<TableColumn> => [
  make(`${name}_tx`, `${what} from client to server.`),
  make(`${name}_rx`, `${what} from server to client.`),
]

const flow: ReadonlyArray<TableColumn> = [
  timeColumn("Second in which this part of the connection ended."),
  rowId,
  ...startAndEnd("Begin of this part.", "End of this part."),
  wide("duration", "From the connection's begin to the end of this part."),
  agentId,
  column("observation_point", text, "c, s, local, rest: packet; c-p, s-p: process."),
  column("signal_source", "UInt16", "0: packet; 3: eBPF."),
  wide("flow_id", "Connection."),
  column("aggregated_flow_ids", "String", "Connections told together in this row.", { index: words }),
  column("is_new_flow", "UInt8", "The connection began in this part."),
  column("close_type", "UInt16", "How it ended; 5: it goes on."),
  column("status", "UInt8", "0 ok, 3 server error, 4 client error, 5 unknown."),
  column("protocol", "UInt8", "Transport protocol (IANA)."),
  column("l7_protocol", "UInt8", "Application protocol by number."),
  column("direction_score", "UInt8", "How sure it is which side is the client: 255 seen at connect."),
  column("request_domain", text, "Name the client asked for (TLS)."),
  column("acl_gids", "Array(UInt16)", "Groups of policies that apply."),
  teamId,
]

const ends: ReadonlyArray<TableColumn> = [
  column("is_ipv4", "UInt8", "Which of the address columns hold."),
  ...addresses("_0", "the client"),
  ...addresses("_1", "the server"),
  column("client_port", "UInt16", "Port of the client."),
  column("server_port", "UInt16", "Port of the server.", { index: "set(300)" }),
  resourceId("_0", "the client"),
  resourceId("_1", "the server"),
  ...pair("tag_source", "UInt8", "What told who it is, as bits:"),
  ...pair("process_id", "UInt32", "Process on the agent's host, else 0:", undefined, small),
  ...pair("province", text, "Province of the Internet address of the"),
  ...pair("nat_real_ip4", "IPv4", "Address behind translation of the"),
  ...pair("nat_real_port", "UInt16", "Port behind translation of the"),
]

const dataLink: ReadonlyArray<TableColumn> = [
  ...pair("mac", "UInt64", "Hardware address of the", undefined, small),
  column("eth_type", "UInt16", "Type of Ethernet frame."),
  column("vlan", "UInt16", "VLAN."),
  ...pair("l2_end", "UInt8", "Captured on the interface (frame) of the"),
  ...pair("l3_end", "UInt8", "Captured on the interface (address) of the"),
  column("capture_network_type_id", "UInt8", "Kind of network it was captured in."),
  column("capture_nic_type", "UInt8", "Kind of the interface it was captured on."),
  column("capture_nic", "UInt32", "Interface it was captured on."),
  column("nat_source", "UInt8", "What told of address translation."),
  column("init_ipid", "UInt32", "IP id of the first packet."),
]

const outer = ["outer source", "outer destination"] as const

const tunnel: ReadonlyArray<TableColumn> = [
  column("tunnel_type", "UInt16", "Tunnel around the packets."),
  column("tunnel_tier", "UInt8", "Tunnels within each other."),
  column("tunnel_is_ipv4", "UInt8", "Which of the tunnel's address columns hold."),
  ...["tx", "rx"].flatMap((way) => [
    column(`tunnel_${way}_id`, "UInt32", `Id of the tunnel, ${way}.`),
    ...pair(`tunnel_${way}_ip4`, "IPv4", `Tunnel (${way}),`, outer),
    ...pair(`tunnel_${way}_ip6`, "IPv6", `Tunnel (${way}),`, outer),
    ...pair(`tunnel_${way}_mac`, "UInt32", `Tunnel (${way}), last digits of the hardware address,`, outer),
  ]),
]

const tcp: ReadonlyArray<TableColumn> = [
  ...pair("tcp_flags_bit", "UInt16", "All TCP flags seen of the"),
  column("syn_seq", "UInt32", "Sequence number of the SYN."),
  column("syn_ack_seq", "UInt32", "Sequence number of the SYN-ACK."),
  column("last_keepalive_seq", "UInt32", "Sequence number of the last keep-alive."),
  column("last_keepalive_ack", "UInt32", "Acknowledgement of the last keep-alive."),
]

const delays: Readonly<Record<string, string>> = {
  srt: "time until the server's system acknowledges",
  art: "time until the server's program answers",
  rrt: "response time of requests",
  cit: "time until the client asks again",
}

const traffic: ReadonlyArray<TableColumn> = [
  ...bothWays("packet", "Packets"),
  ...bothWays("byte", "Bytes of packets"),
  ...bothWays("l3_byte", "Bytes above the network header"),
  ...bothWays("l4_byte", "Bytes above the transport header"),
  ...bothWays("total_packet", "Packets since the connection began,"),
  ...bothWays("total_byte", "Bytes since the connection began,"),
  count("l7_request", "Requests of the application."),
  count("l7_response", "Responses of the application."),
  count("l7_client_error", "Responses that blame the client."),
  count("l7_server_error", "Responses that blame the server."),
  count("l7_server_timeout", "Requests that nobody answered in time."),
  count("l7_parse_failed", "Messages that could not be read."),
]

const performance: ReadonlyArray<TableColumn> = [
  count("rtt", "Round trip at connect; 0: not seen."),
  count("rtt_client", "Round trip between here and the client at connect."),
  count("rtt_server", "Round trip between here and the server at connect."),
  count("tls_rtt", "Time of the TLS handshake."),
  ...Object.entries(delays).map(([name, what]) => wide(`${name}_sum`, `Sum of: ${what}.`)),
  ...Object.entries(delays).map(([name, what]) => wide(`${name}_count`, `Values in the sum of: ${what}.`)),
  ...Object.entries(delays).map(([name, what]) => count(`${name}_max`, `Longest ${what}.`)),
  ...bothWays("retrans", "Retransmitted packets", count),
  ...bothWays("zero_win", "Packets with a window of zero", count),
  ...bothWays("ooo", "Packets out of order", count),
  count("syn_count", "SYN packets."),
  count("synack_count", "SYN-ACK packets."),
  count("fin_count", "FIN packets."),
  count("retrans_syn", "Retransmitted SYN packets."),
  count("retrans_synack", "Retransmitted SYN-ACK packets."),
]

const totals: ReadonlyArray<TableColumn> = [
  ...["packet", "byte", "retrans", "zero_win", "ooo"].map((name) =>
    column(name, "UInt64", `\`${name}_tx\` and \`${name}_rx\`.`, { alias: `${name}_tx + ${name}_rx` }),
  ),
  column("l7_error", "UInt64", "Errors of client and server.", {
    alias: "l7_client_error + l7_server_error",
  }),
]

export const l4FlowLog: Table = {
  database: "flow_log",
  name: "l4_flow_log",
  comment: "Connections",
  engine: "MergeTree",
  partitionBy: hourly,
  orderBy: ["time", "resource_id_1", "server_port"],
  retention: "log",
  placement: { shardBy: "cityHash64(flow_id)" },
  settings: writtenTableSettings,
  columns: [
    ...flow,
    ...ends,
    ...dataLink,
    ...tunnel,
    ...tcp,
    ...traffic,
    ...performance,
    ...totals,
    ...bothSides,
  ],
}
