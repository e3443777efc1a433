// One row of the request list: the columns asked of ClickHouse and the object the console gets.

import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { l7ProtocolName } from "../../model/protocol.ts"
import { knownEnd } from "../../model/ends.ts"
import { type StatusName, statusName } from "./status.ts"

export interface RequestRow {
  /** `_id` in decimal: 64 bits do not fit a JavaScript number. */
  readonly id: string
  readonly startUs: number
  readonly endUs: number
  readonly durationUs: number
  readonly protocol: string
  readonly point: string
  readonly client: string
  readonly server: string
  readonly clientIp: string
  readonly serverIp: string
  readonly clientPort: number
  readonly serverPort: number
  readonly clientPid: number
  readonly serverPid: number
  readonly type: string
  readonly domain: string
  readonly resource: string
  readonly endpoint: string
  readonly status: StatusName
  readonly code: number | null
  readonly exception: string
  readonly traceId: string
  readonly requestLength: number | null
  readonly responseLength: number | null
}

const selected: ReadonlyArray<readonly [sql: string, name: keyof RequestRow]> = [
  ["toString(_id)", "id"],
  ["toUnixTimestamp64Micro(start_time)", "startUs"],
  ["toUnixTimestamp64Micro(end_time)", "endUs"],
  ["response_duration", "durationUs"],
  ["l7_protocol", "protocol"],
  ["observation_point", "point"],
  ["auto_service_0", "client"],
  ["auto_service_1", "server"],
  ["if(is_ipv4 = 1, toString(ip4_0), toString(ip6_0))", "clientIp"],
  ["if(is_ipv4 = 1, toString(ip4_1), toString(ip6_1))", "serverIp"],
  ["client_port", "clientPort"],
  ["server_port", "serverPort"],
  ["process_id_0", "clientPid"],
  ["process_id_1", "serverPid"],
  ["request_type", "type"],
  ["request_domain", "domain"],
  ["request_resource", "resource"],
  ["endpoint", "endpoint"],
  ["response_status", "status"],
  ["response_code", "code"],
  ["response_exception", "exception"],
  ["trace_id", "traceId"],
  ["request_length", "requestLength"],
  ["response_length", "responseLength"],
]

export const requestRowColumns = selected
  .map(([sql, name]) => (sql === name ? name : `${sql} AS ${name}`))
  .join(",\n  ")

const numberOrNull = (value: unknown): number | null =>
  value === null || value === undefined ? null : Number(value)

export const requestRow = (row: Row): RequestRow => ({
  id: String(row.id),
  startUs: Number(row.startUs),
  endUs: Number(row.endUs),
  durationUs: Number(row.durationUs),
  protocol: l7ProtocolName(Number(row.protocol)),
  point: String(row.point),
  client: knownEnd(String(row.client)),
  server: knownEnd(String(row.server)),
  clientIp: knownEnd(String(row.clientIp)),
  serverIp: knownEnd(String(row.serverIp)),
  clientPort: Number(row.clientPort),
  serverPort: Number(row.serverPort),
  clientPid: Number(row.clientPid),
  serverPid: Number(row.serverPid),
  type: String(row.type),
  domain: String(row.domain),
  resource: String(row.resource),
  endpoint: String(row.endpoint),
  status: statusName(Number(row.status)),
  code: numberOrNull(row.code),
  exception: String(row.exception),
  traceId: String(row.traceId),
  requestLength: numberOrNull(row.requestLength),
  responseLength: numberOrNull(row.responseLength),
})
