// GET /api/v1/requests/:id: everything stored of one request, and the same request as other observation
// points saw it.

import * as Effect from "effect/Effect"
import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { l7ProtocolName } from "../../model/protocol.ts"
import { notFound } from "../http/ApiError.ts"
import { parseUint64 } from "../http/parameters.ts"
import { QueryStore, type Statement } from "../store/QueryStore.ts"
import { requestTable } from "./requestFilter.ts"
import { type RequestRow, requestRow, requestRowColumns } from "./requestRow.ts"
import { rowById } from "./rowById.ts"
import { statusName } from "./status.ts"

/** What the row's numbers mean; `*` has only what is stored. */
const sides = ["_0", "_1"]
const sideNames = [
  "auto_service",
  "auto_instance",
  "gprocess",
  "process_kname",
  "chost",
  "region",
  "az",
  "vpc",
]
const podNames = ["pod", "pod_group", "pod_service", "pod_ns", "pod_node", "pod_cluster"]
const namesOfRequest = [
  ...[...sideNames, ...podNames].flatMap((name) => sides.map((side) => name + side)),
  "trace_id",
  "span_id",
  "parent_span_id",
]

/** Every column of the row by its name in the table, and what its numbers mean. */
export type StoredRequest = Readonly<Record<string, unknown>>

export interface RequestDetail {
  readonly request: StoredRequest
  readonly sides: ReadonlyArray<RequestRow>
}

/** Everything stored of one request. */
export const wholeRequest = Effect.fnUntraced(function* (id: string) {
  const { rows } = yield* QueryStore
  const request = yield* rowById(id, `*, ${namesOfRequest.join(", ")}`, rows)
  if (request !== undefined) return request
  return yield* notFound(`request ${id}`, "it may have been older than the tables keep; open the list again")
})

const maxSides = 20

/**
 * Two records are of one request when connection and sequence number agree; without numbers, times and
 * resource must.
 */
export const requestSidesStatement = (request: Row): Statement => ({
  sql: `SELECT
  ${requestRowColumns}
FROM ${requestTable}
WHERE time >= {time:DateTime} - 60 AND time <= {time:DateTime} + 60
  AND _id != {id:UInt64}
  AND ip4_0 = toIPv4({ip4_0:String}) AND ip4_1 = toIPv4({ip4_1:String})
  AND ip6_0 = toIPv6({ip6_0:String}) AND ip6_1 = toIPv6({ip6_1:String})
  AND client_port = {clientPort:UInt16} AND server_port = {serverPort:UInt16}
  AND l7_protocol = {protocol:UInt8}
  AND if(
    req_tcp_seq != 0 AND {sequence:UInt32} != 0,
    req_tcp_seq = {sequence:UInt32},
    start_time <= {end:DateTime64(6)} AND end_time >= {start:DateTime64(6)} AND request_resource = {resource:String}
  )
ORDER BY start_time, _id
LIMIT ${maxSides}`,
  params: {
    id: String(request._id),
    time: String(request.time),
    ip4_0: String(request.ip4_0),
    ip4_1: String(request.ip4_1),
    ip6_0: String(request.ip6_0),
    ip6_1: String(request.ip6_1),
    clientPort: Number(request.client_port),
    serverPort: Number(request.server_port),
    protocol: Number(request.l7_protocol),
    sequence: Number(request.req_tcp_seq),
    start: String(request.start_time),
    end: String(request.end_time),
    resource: String(request.request_resource),
  },
})

const withNames = (row: Row): Row => ({
  ...row,
  l7_protocol_name: l7ProtocolName(Number(row.l7_protocol)),
  response_status_name: statusName(Number(row.response_status)),
})

export const requestDetail = Effect.fn("requestDetail")(function* (idText: string) {
  const id = yield* parseUint64("id", idText)
  const store = yield* QueryStore
  const request = yield* wholeRequest(id)
  const sides = yield* store.rows(requestSidesStatement(request))
  const detail: RequestDetail = { request: withNames(request), sides: sides.map(requestRow) }
  return detail
})
