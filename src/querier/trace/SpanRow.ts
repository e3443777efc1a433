// What the assembly of traces knows of one row of flow_log.l7_flow_log: identities, ends and times. What people want to read beside
// it (tags, texts) is in `SpanDetails` and is asked for once the spans of a trace are known.

import { RecordType } from "../../model/L7Session.ts"
import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import type { SpanKind } from "./Trace.ts"

/** Texts are empty and numbers 0 where not known; integers of 64 bits are decimal texts, empty for 0. */
export interface SpanRow {
  readonly id: string
  /** Second that the row is filed under. */
  readonly second: number
  readonly agent: number
  readonly point: string
  /** `RecordType`. */
  readonly type: number
  readonly l7Protocol: number
  /** IANA number of the transport. */
  readonly transport: number
  /** Microseconds by the clock of the agent's host. */
  readonly startUs: number
  readonly endUs: number
  readonly flowId: string
  readonly clientIp: string
  readonly serverIp: string
  readonly clientPort: number
  readonly serverPort: number
  readonly clientPid: number
  readonly serverPid: number
  readonly requestTcpSeq: number
  readonly responseTcpSeq: number
  /** Id on the wire; empty: the protocol has none. */
  readonly requestId: string
  readonly causalRequest: string
  readonly causalResponse: string
  readonly xRequestId0: string
  readonly xRequestId1: string
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer; 0: not a span of a program. */
  readonly programKind: number
  readonly appService: string
  readonly requestType: string
  readonly endpoint: string
}

/**
 * Of each column as it is stored: an expression for each of some thirty columns would take as long as finding the rows. They are named
 * `s_...`: an alias called like a column would stand for it in conditions as well.
 */
const selected: ReadonlyArray<readonly [sql: string, name: string]> = [
  ["_id", "id"],
  ["toUnixTimestamp(time)", "second"],
  ["agent_id", "agent"],
  ["observation_point", "point"],
  ["type", "type"],
  ["l7_protocol", "l7Protocol"],
  ["protocol", "transport"],
  ["toUnixTimestamp64Micro(start_time)", "startUs"],
  ["toUnixTimestamp64Micro(end_time)", "endUs"],
  ["flow_id", "flowId"],
  ["is_ipv4", "isIpv4"],
  ["ip4_0", "client4"],
  ["ip6_0", "client6"],
  ["ip4_1", "server4"],
  ["ip6_1", "server6"],
  ["client_port", "clientPort"],
  ["server_port", "serverPort"],
  ["process_id_0", "clientPid"],
  ["process_id_1", "serverPid"],
  ["req_tcp_seq", "requestTcpSeq"],
  ["resp_tcp_seq", "responseTcpSeq"],
  ["request_id", "requestId"],
  ["syscall_trace_id_request", "causalRequest"],
  ["syscall_trace_id_response", "causalResponse"],
  ["x_request_id_0", "xRequestId0"],
  ["x_request_id_1", "xRequestId1"],
  ["hex(_trace_id)", "traceHex"],
  ["_trace_id_text", "traceText"],
  ["_span_id", "spanNumber"],
  ["_span_id_text", "spanText"],
  ["_parent_span_id", "parentNumber"],
  ["_parent_span_id_text", "parentText"],
  ["span_kind", "programKind"],
  ["app_service", "appService"],
  ["request_type", "requestType"],
  ["endpoint", "endpoint"],
]

export const spanRowColumns = selected.map(([sql, name]) => `${sql} AS s_${name}`).join(",\n  ")

const idText = (value: unknown): string => (value === "0" || value === 0 ? "" : String(value))

/** As `trace_id` of the table reads. */
const traceIdText = (text: string, hex: string): string =>
  text !== "" ? text : /^0*$/.test(hex) ? "" : hex.toLowerCase()

/** As `span_id` of the table reads. */
const spanIdText = (text: string, number: string): string =>
  text !== "" ? text : number === "" ? "" : BigInt(number).toString(16).padStart(16, "0")

export const spanRow = (row: Row): SpanRow => {
  const text = (name: string): string => String(row[`s_${name}`])
  const number = (name: string): number => Number(row[`s_${name}`])
  const id = (name: string): string => idText(row[`s_${name}`])
  const version = number("isIpv4") === 1 ? "4" : "6"
  return {
    id: text("id"),
    second: number("second"),
    agent: number("agent"),
    point: text("point"),
    type: number("type"),
    l7Protocol: number("l7Protocol"),
    transport: number("transport"),
    startUs: number("startUs"),
    endUs: number("endUs"),
    flowId: id("flowId"),
    clientIp: text(`client${version}`),
    serverIp: text(`server${version}`),
    clientPort: number("clientPort"),
    serverPort: number("serverPort"),
    clientPid: number("clientPid"),
    serverPid: number("serverPid"),
    requestTcpSeq: number("requestTcpSeq"),
    responseTcpSeq: number("responseTcpSeq"),
    requestId: row.s_requestId === null ? "" : text("requestId"),
    causalRequest: id("causalRequest"),
    causalResponse: id("causalResponse"),
    xRequestId0: text("xRequestId0"),
    xRequestId1: text("xRequestId1"),
    traceId: traceIdText(text("traceText"), text("traceHex")),
    spanId: spanIdText(text("spanText"), id("spanNumber")),
    parentSpanId: spanIdText(text("parentText"), id("parentNumber")),
    programKind: number("programKind"),
    appService: text("appService"),
    requestType: text("requestType"),
    endpoint: text("endpoint"),
  }
}

export const spanKindOf = (row: SpanRow): SpanKind =>
  row.point === "app" || row.point.endsWith("-app")
    ? "application"
    : row.point === "c-p" || row.point === "s-p"
      ? "process"
      : "network"

/** The process that was observed; 0: none, or not known. */
export const observedPid = (row: SpanRow): number =>
  row.point === "c-p" ? row.clientPid : row.point === "s-p" ? row.serverPid : 0

/** A process may make calls for it: it serves the request, or it was sent this unasked. */
export const mayCause = ({ point, type }: SpanRow): boolean =>
  point === "s-p" || (point === "c-p" && type === RecordType.response)

/** Without a response its end is not known. */
export const isAnswered = (row: SpanRow): boolean => row.type !== RecordType.request

export const causalIds = (row: SpanRow): ReadonlyArray<string> =>
  row.causalRequest === row.causalResponse || row.causalResponse === ""
    ? row.causalRequest === ""
      ? []
      : [row.causalRequest]
    : row.causalRequest === ""
      ? [row.causalResponse]
      : [row.causalRequest, row.causalResponse]
