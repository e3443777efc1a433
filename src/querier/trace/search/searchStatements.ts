// The questions of a search. Each asks the index for the seconds in which an id was seen and reads only these of the request log.

import { spanIndex, spanKey } from "../../../tables/spanIndex.ts"
import { qualifiedName } from "../../../tables/Table.ts"
import { resourceTable } from "../../../tables/tagTables.ts"
import { plannedQuickly, requestTable } from "../../requests/requestFilter.ts"
import type { Parameter, Statement } from "../../store/QueryStore.ts"
import { sideTagsColumns, spanDetailsColumns } from "../SpanDetails.ts"
import { spanRowColumns } from "../SpanRow.ts"
import type { Keys } from "./SearchKeys.ts"

export interface SearchRange {
  /** Seconds since 1970. */
  readonly from: number
  readonly to: number
}

interface Part {
  /** An array of entries of the index. */
  readonly entries: string
  readonly condition: string
  readonly params: Readonly<Record<string, Parameter>>
}

/** The log keeps these as bytes, as long as they are not all zero; every other id is in a column of texts. */
const binaryId = /^[0-9a-f]{32}$/

const bytesOf = (id: string): string => `toFixedString(unhex(${id}), 16)`

const byTraceId = (ids: ReadonlyArray<string>): Part => ({
  entries:
    `arrayMap(id -> ${spanKey.traceId(bytesOf("id"))}, {traceBinary:Array(String)}), ` +
    `arrayMap(id -> ${spanKey.traceText("id")}, {traceText:Array(String)})`,
  condition:
    `_trace_id IN (SELECT ${bytesOf("arrayJoin({traceBinary:Array(String)})")})` +
    " OR _trace_id_text IN ({traceText:Array(String)})",
  params: {
    traceBinary: ids.filter((id) => binaryId.test(id)),
    traceText: ids,
  },
})

const byXRequestId = (ids: ReadonlyArray<string>): Part => ({
  entries: `arrayMap(id -> ${spanKey.xRequestId("id")}, {xRequestIds:Array(String)})`,
  condition:
    "x_request_id_0 IN ({xRequestIds:Array(String)}) OR x_request_id_1 IN ({xRequestIds:Array(String)})",
  params: { xRequestIds: ids },
})

const byCausalId = (ids: Keys["causalIds"]): Part => ({
  entries: `arrayMap((agent, id) -> ${spanKey.causalId("agent", "id")}, {agents:Array(UInt16)}, {causalIds:Array(UInt64)})`,
  condition:
    "agent_id IN ({agents:Array(UInt16)}) AND (syscall_trace_id_request IN ({causalIds:Array(UInt64)})" +
    " OR syscall_trace_id_response IN ({causalIds:Array(UInt64)}))",
  params: { agents: ids.map(([agent]) => agent), causalIds: ids.map(([, id]) => BigInt(id)) },
})

const bySequence = (sequences: ReadonlyArray<number>): Part => ({
  entries: `arrayMap(seq -> ${spanKey.tcpSequence("seq")}, {sequences:Array(UInt32)})`,
  condition: "req_tcp_seq IN ({sequences:Array(UInt32)}) OR resp_tcp_seq IN ({sequences:Array(UInt32)})",
  params: { sequences },
})

const byConnection = (ports: Keys["connections"]): Part => ({
  entries: `arrayMap((client, server) -> ${spanKey.connection("client", "server")}, {clientPorts:Array(UInt16)}, {serverPorts:Array(UInt16)})`,
  condition:
    "req_tcp_seq = 0 AND resp_tcp_seq = 0 AND client_port IN ({clientPorts:Array(UInt16)}) AND server_port IN ({serverPorts:Array(UInt16)})",
  params: { clientPorts: ports.map(([client]) => client), serverPorts: ports.map(([, server]) => server) },
})

// Below, a set that leads to rows is a question of its own (`IN (SELECT arrayJoin(...))`): it is looked up in the table's order, where
// an array that a function made would be compared with every row.

const statement = (parts: ReadonlyArray<Part>, limit: number, range: SearchRange | undefined): Statement => {
  const inRange =
    range === undefined ? "" : "time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32}) AND "
  return {
    sql: `SELECT
  ${spanRowColumns}
FROM ${requestTable}
WHERE ${inRange}time GLOBAL IN (
    SELECT time FROM ${qualifiedName(spanIndex)}
    WHERE ${inRange}search_index IN (SELECT arrayJoin(arrayConcat(${parts.map(({ entries }) => entries).join(", ")})))
  ) AND (${parts.map(({ condition }) => `(${condition})`).join(" OR ")})
ORDER BY time, _id
LIMIT {limit:UInt32}`,
    params: {
      ...Object.fromEntries(parts.flatMap(({ params }) => Object.entries(params))),
      ...range,
      limit,
    },
    settings: plannedQuickly,
  }
}

/** By ids that a whole trace shares. Undefined: nothing to ask. */
export const sharedIdStatement = (keys: Keys, limit: number, range?: SearchRange): Statement | undefined => {
  const parts = [
    ...(keys.traceIds.length === 0 ? [] : [byTraceId(keys.traceIds)]),
    ...(keys.xRequestIds.length === 0 ? [] : [byXRequestId(keys.xRequestIds)]),
  ]
  return parts.length === 0 ? undefined : statement(parts, limit, range)
}

/** By what only the two ends of a call, or the calls of one request in a process, share. */
export const neighbourStatement = (keys: Keys, limit: number, range: SearchRange): Statement | undefined => {
  const parts = [
    ...(keys.causalIds.length === 0 ? [] : [byCausalId(keys.causalIds)]),
    ...(keys.sequences.length === 0 ? [] : [bySequence(keys.sequences)]),
    ...(keys.connections.length === 0 ? [] : [byConnection(keys.connections)]),
  ]
  return parts.length === 0 ? undefined : statement(parts, limit, range)
}

/**
 * Whatever was under way between two times, those of a trace among it: what would take a round for each of its hops is found at once. It
 * does not have to find all, so that rows which began long before are left to the rounds.
 */
export const meanwhileStatement = (startUs: number, endUs: number, limit: number): Statement => ({
  sql: `SELECT
  ${spanRowColumns}
FROM ${requestTable}
WHERE time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32})
  AND start_time <= fromUnixTimestamp64Micro({end:Int64}) AND end_time >= fromUnixTimestamp64Micro({start:Int64})
LIMIT {limit:UInt32}`,
  params: {
    from: Math.max(0, Math.floor(startUs / 1e6) - 1),
    to: Math.min(2 ** 32 - 1, Math.floor(endUs / 1e6)),
    start: startUs,
    end: endUs,
    limit,
  },
  settings: plannedQuickly,
})

/** Without the index, for rows that it does not know: the log has a filter of trace ids for each of its granules. */
export const unindexedTraceStatement = (traceId: string, limit: number): Statement => {
  const { condition, params } = byTraceId([traceId])
  return {
    sql: `SELECT
  ${spanRowColumns}
FROM ${requestTable}
WHERE ${condition}
ORDER BY time, _id
LIMIT {limit:UInt32}`,
    params: { ...params, limit },
  }
}

/** Of rows that were found before: `seconds` are those in which they began. */
export const detailsStatement = (ids: ReadonlyArray<string>, seconds: ReadonlyArray<number>): Statement => ({
  sql: `SELECT
  ${spanDetailsColumns}
FROM ${requestTable}
WHERE time IN (SELECT toDateTime(arrayJoin({seconds:Array(UInt32)}))) AND _id IN ({ids:Array(UInt64)})`,
  params: { ids: ids.map(BigInt), seconds },
  settings: plannedQuickly,
})

/** Tags behind numbers: read of the table in its order, which for a few is faster than a dictionary for each tag. */
export const sideTagsStatement = (ids: ReadonlyArray<number>): Statement => ({
  sql: `SELECT ${sideTagsColumns}
FROM ${qualifiedName(resourceTable)}
WHERE id IN (SELECT arrayJoin({ids:Array(UInt32)}))
LIMIT 1 BY id`,
  params: { ids },
})
