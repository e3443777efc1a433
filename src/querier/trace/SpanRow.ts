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

const address = (side: string): string => `if(is_ipv4 = 1, toString(ip4_${side}), toString(ip6_${side}))`

const selected: ReadonlyArray<readonly [sql: string, name: keyof SpanRow]> = [
  ["toString(_id)", "id"],
  ["toUnixTimestamp(time)", "second"],
  ["agent_id", "agent"],
  ["observation_point", "point"],
  ["type", "type"],
  ["l7_protocol", "l7Protocol"],
  ["protocol", "transport"],
  ["toUnixTimestamp64Micro(start_time)", "startUs"],
  ["toUnixTimestamp64Micro(end_time)", "endUs"],
  ["toString(flow_id)", "flowId"],
  [address("0"), "clientIp"],
  [address("1"), "serverIp"],
  ["client_port", "clientPort"],
  ["server_port", "serverPort"],
  ["process_id_0", "clientPid"],
  ["process_id_1", "serverPid"],
  ["req_tcp_seq", "requestTcpSeq"],
  ["resp_tcp_seq", "responseTcpSeq"],
  ["if(isNull(request_id), '', toString(request_id))", "requestId"],
  ["toString(syscall_trace_id_request)", "causalRequest"],
  ["toString(syscall_trace_id_response)", "causalResponse"],
  ["x_request_id_0", "xRequestId0"],
  ["x_request_id_1", "xRequestId1"],
  ["trace_id", "traceId"],
  ["span_id", "spanId"],
  ["parent_span_id", "parentSpanId"],
  ["ifNull(span_kind, 0)", "programKind"],
  ["app_service", "appService"],
  ["request_type", "requestType"],
  ["endpoint", "endpoint"],
]

/** The columns are named `s_...`: an alias called like a column would stand for it in conditions as well. */
export const spanRowColumns = selected.map(([sql, name]) => `${sql} AS s_${name}`).join(",\n  ")

const idText = (value: unknown): string => (value === "0" || value === 0 ? "" : String(value))

export const spanRow = (row: Row): SpanRow => {
  const text = (name: keyof SpanRow): string => String(row[`s_${name}`])
  const number = (name: keyof SpanRow): number => Number(row[`s_${name}`])
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
    flowId: idText(row.s_flowId),
    clientIp: text("clientIp"),
    serverIp: text("serverIp"),
    clientPort: number("clientPort"),
    serverPort: number("serverPort"),
    clientPid: number("clientPid"),
    serverPid: number("serverPid"),
    requestTcpSeq: number("requestTcpSeq"),
    responseTcpSeq: number("responseTcpSeq"),
    requestId: text("requestId"),
    causalRequest: idText(row.s_causalRequest),
    causalResponse: idText(row.s_causalResponse),
    xRequestId0: text("xRequestId0"),
    xRequestId1: text("xRequestId1"),
    traceId: text("traceId"),
    spanId: text("spanId"),
    parentSpanId: text("parentSpanId"),
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
