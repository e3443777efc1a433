// A stored row (columns by their names in the table) as a row of the list, and the parts of it that are for reading. Pure.

import type { RequestRow, StatusName, StoredRequest } from "../../api/contract.ts"
import { knownEnd } from "../../parts/ends.ts"
import { statusText } from "../../parts/status.tsx"

const text = (row: StoredRequest, name: string): string => {
  const value = row[name]
  return value === null || value === undefined ? "" : String(value)
}

const number = (row: StoredRequest, name: string): number => Number(row[name] ?? 0)

const numberOrNull = (row: StoredRequest, name: string): number | null =>
  row[name] === null || row[name] === undefined ? null : Number(row[name])

/** "2026-01-02 03:04:05.000006" in UTC as microseconds since 1970; 0 when it is no time. */
export const usOf = (moment: string): number => {
  const found = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(?:\.(\d{1,6}))?/.exec(moment)
  if (found === null) return 0
  const ms = Date.parse(`${found[1]}T${found[2]}Z`)
  return Number.isNaN(ms) ? 0 : ms * 1_000 + Number((found[3] ?? "").padEnd(6, "0"))
}

export const rowOf = (row: StoredRequest): RequestRow => {
  const isIpv4 = number(row, "is_ipv4") === 1
  return {
    id: text(row, "_id"),
    startUs: usOf(text(row, "start_time")),
    endUs: usOf(text(row, "end_time")),
    durationUs: number(row, "response_duration"),
    protocol: text(row, "l7_protocol_name"),
    point: text(row, "observation_point"),
    client: knownEnd(text(row, "auto_service_0")),
    server: knownEnd(text(row, "auto_service_1")),
    clientIp: knownEnd(text(row, isIpv4 ? "ip4_0" : "ip6_0")),
    serverIp: knownEnd(text(row, isIpv4 ? "ip4_1" : "ip6_1")),
    clientPort: number(row, "client_port"),
    serverPort: number(row, "server_port"),
    clientPid: number(row, "process_id_0"),
    serverPid: number(row, "process_id_1"),
    type: text(row, "request_type"),
    domain: text(row, "request_domain"),
    resource: text(row, "request_resource"),
    endpoint: text(row, "endpoint"),
    status: text(row, "response_status_name") as StatusName,
    code: numberOrNull(row, "response_code"),
    exception: text(row, "response_exception"),
    traceId: text(row, "trace_id"),
    requestLength: numberOrNull(row, "request_length"),
    responseLength: numberOrNull(row, "response_length"),
  }
}

export interface Attribute {
  readonly name: string
  readonly value: string
}

const fields: ReadonlyArray<
  readonly [group: "request" | "response" | "trace", column: string, name: string]
> = [
  ["request", "request_type", "Type"],
  ["request", "request_domain", "Host"],
  ["request", "request_resource", "Resource"],
  ["request", "endpoint", "Endpoint"],
  ["request", "version", "Version"],
  ["request", "request_id", "Request id"],
  ["request", "http_proxy_client", "Client behind the proxy"],
  ["request", "request_length", "Body length"],
  ["request", "captured_request_byte", "Bytes captured"],
  ["response", "response_status_name", "Outcome"],
  ["response", "response_code", "Code"],
  ["response", "response_exception", "Exception"],
  ["response", "response_result", "Result"],
  ["response", "response_length", "Body length"],
  ["response", "captured_response_byte", "Bytes captured"],
  ["trace", "trace_id", "Trace id"],
  ["trace", "span_id", "Span id"],
  ["trace", "parent_span_id", "Parent span id"],
  ["trace", "x_request_id_0", "X-Request-ID of the request"],
  ["trace", "x_request_id_1", "X-Request-ID of the response"],
]

/** What was read from request and response, without what they did not have. */
export const fieldsOf = (
  row: StoredRequest,
  group: "request" | "response" | "trace",
): ReadonlyArray<Attribute> =>
  fields.flatMap(([of, column, name]) => {
    const value = column === "response_status_name" ? statusText(text(row, column)) : text(row, column)
    return of !== group || value === "" ? [] : [{ name, value }]
  })

/** Attributes of the protocol: parallel lists of names and values. */
export const attributesOf = (row: StoredRequest): ReadonlyArray<Attribute> => {
  const [names, values] = [row["attribute_names"], row["attribute_values"]]
  if (!Array.isArray(names) || !Array.isArray(values)) return []
  return names.map((name, i) => ({ name: String(name), value: String(values[i] ?? "") }))
}

export const everyColumn = (row: StoredRequest): ReadonlyArray<Attribute> =>
  Object.entries(row).map(([name, value]) => ({
    name,
    value: value !== null && typeof value === "object" ? JSON.stringify(value) : String(value),
  }))
