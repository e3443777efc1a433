// GET /api/v1/map: who calls whom, how often, how well. Nodes are services, with what they do as servers; an
// edge that was seen from both sides counts once.

import * as Effect from "effect/Effect"
import type { Row, Settings } from "../../runtime/clickhouse/ClickHouse.ts"
import { l7ProtocolName } from "../../model/protocol.ts"
import { textParameter } from "../http/parameters.ts"
import { rangeSeconds, type TimeRange, timeRange } from "../http/timeRange.ts"
import { protocolParameter, rangeConditions, requestTable } from "../requests/requestFilter.ts"
import { errorSql } from "../requests/status.ts"
import { QueryStore, type Statement } from "../store/QueryStore.ts"
import { isAnsweredSql, isRequestSql, pointRankSql } from "./bestPoint.ts"

const maxEdges = 500
const maxNodes = 2 * maxEdges
const maxProcessesOfNode = 16
/** Pairs of services beyond these are left out: a public server may have a million clients. */
const pairLimit: Settings = { max_rows_to_group_by: "20000", group_by_overflow_mode: "any" }

export interface MapFilter {
  readonly range: TimeRange
  readonly service: string | undefined
  readonly protocol: number | undefined
}

export interface Rates {
  readonly requests: number
  readonly errors: number
  readonly ratePerSecond: number
  readonly errorRatio: number
  /** 0 where no request was answered. */
  readonly p50Us: number
  readonly p95Us: number
}

export interface MapNode extends Rates {
  readonly id: string
  readonly name: string
  /** `process`: at least one of its processes runs where an agent does. */
  readonly kind: "process" | "external"
  readonly processes: ReadonlyArray<{ readonly pid: number; readonly name: string }>
}

export interface MapEdge extends Rates {
  readonly id: string
  readonly client: string
  readonly server: string
  readonly protocols: ReadonlyArray<string>
  readonly observedAt: ReadonlyArray<string>
  readonly maxUs: number
}

export interface ServiceMap {
  readonly from: string
  readonly to: string
  readonly seconds: number
  readonly nodes: ReadonlyArray<MapNode>
  readonly edges: ReadonlyArray<MapEdge>
  /** There are more edges: those with the most requests are shown. */
  readonly truncated: boolean
}

const mapConditions = (filter: MapFilter) => {
  const range = rangeConditions(filter.range)
  const parts = [range.sql, isRequestSql]
  const params: Record<string, string | number> = { ...range.params }
  if (filter.service !== undefined) {
    parts.push("(auto_service_0 = {service:String} OR auto_service_1 = {service:String})")
    params.service = filter.service
  }
  if (filter.protocol !== undefined) {
    parts.push("l7_protocol = {protocol:UInt8}")
    params.protocol = filter.protocol
  }
  return { sql: parts.join(" AND "), params }
}

/** Rows with `isNode` 1 sum up a server, the others are edges. */
export const mapStatement = (filter: MapFilter): Statement => {
  const conditions = mapConditions(filter)
  return {
    sql: `WITH points AS (
  SELECT
    auto_service_0 AS client,
    auto_service_1 AS server,
    ${pointRankSql} AS rank,
    groupUniqArray(8)(l7_protocol) AS protocols,
    groupUniqArray(8)(observation_point) AS seenAt,
    count() AS requests,
    countIf(${errorSql}) AS errors,
    maxIf(response_duration, ${isAnsweredSql}) AS maxUs,
    quantilesTDigestStateIf(0.5, 0.95)(response_duration, ${isAnsweredSql}) AS durations
  FROM ${requestTable}
  WHERE ${conditions.sql}
  GROUP BY client, server, rank
), edges AS (
  SELECT
    client,
    server,
    groupUniqArrayArray(seenAt) AS allSeenAt,
    argMin(protocols, rank) AS bestProtocols,
    argMin(requests, rank) AS bestRequests,
    argMin(errors, rank) AS bestErrors,
    argMin(maxUs, rank) AS bestMaxUs,
    argMin(durations, rank) AS bestDurations
  FROM points
  GROUP BY client, server
)
SELECT
  grouping(client) AS isNode,
  client,
  server,
  arraySort(groupUniqArrayArray(bestProtocols)) AS protocols,
  arraySort(groupUniqArrayArray(allSeenAt)) AS observedAt,
  sum(bestRequests) AS requests,
  sum(bestErrors) AS errors,
  max(bestMaxUs) AS maxUs,
  quantilesTDigestMerge(0.5, 0.95)(bestDurations) AS quantiles
FROM edges
GROUP BY GROUPING SETS ((client, server), (server))
ORDER BY isNode, requests DESC, client, server
LIMIT ${maxEdges + 1} BY isNode`,
    params: conditions.params,
    settings: pairLimit,
  }
}

/** The processes behind each name, on either side of a request. */
export const mapProcessesStatement = (filter: MapFilter): Statement => {
  const conditions = mapConditions(filter)
  return {
    sql: `SELECT side.1 AS name, groupUniqArray(${maxProcessesOfNode})((side.2, side.3)) AS processes
FROM ${requestTable}
ARRAY JOIN [
  (toString(auto_service_0), process_id_0, process_kname_0),
  (toString(auto_service_1), process_id_1, process_kname_1)
] AS side
WHERE ${conditions.sql} AND side.2 != 0
GROUP BY name
LIMIT ${maxNodes}`,
    params: conditions.params,
    settings: pairLimit,
  }
}

/** ClickHouse's NaN comes as null. */
const quantile = (value: unknown): number => Math.round(Number(value ?? 0))

const noRates: Rates = { requests: 0, errors: 0, ratePerSecond: 0, errorRatio: 0, p50Us: 0, p95Us: 0 }

const ratesOf = (row: Row, seconds: number): Rates => {
  const requests = Number(row.requests)
  const errors = Number(row.errors)
  const quantiles = row.quantiles as ReadonlyArray<unknown>
  return {
    requests,
    errors,
    ratePerSecond: requests / seconds,
    errorRatio: requests === 0 ? 0 : errors / requests,
    p50Us: quantile(quantiles[0]),
    p95Us: quantile(quantiles[1]),
  }
}

const edgeOf = (row: Row, seconds: number): MapEdge => {
  const client = String(row.client)
  const server = String(row.server)
  return {
    id: `${encodeURIComponent(client)}>${encodeURIComponent(server)}`,
    client,
    server,
    protocols: (row.protocols as ReadonlyArray<number>).map((number) => l7ProtocolName(Number(number))),
    observedAt: row.observedAt as ReadonlyArray<string>,
    ...ratesOf(row, seconds),
    maxUs: Number(row.maxUs),
  }
}

const nodesOf = (
  edges: ReadonlyArray<MapEdge>,
  servers: ReadonlyArray<Row>,
  processRows: ReadonlyArray<Row>,
  seconds: number,
): ReadonlyArray<MapNode> => {
  const ratesByName = new Map(servers.map((row) => [String(row.server), ratesOf(row, seconds)]))
  const processesByName = new Map(
    processRows.map((row) => [String(row.name), row.processes as ReadonlyArray<readonly [number, string]>]),
  )
  const names = new Set(edges.flatMap((edge) => [edge.client, edge.server]))
  return [...names].map((name) => {
    // A process may change the name the kernel has for it.
    const names = new Map((processesByName.get(name) ?? []).map(([pid, comm]) => [Number(pid), comm]))
    const processes = [...names].map(([pid, comm]) => ({ pid, name: comm }))
    return {
      id: name,
      name,
      kind: processes.length > 0 ? "process" : "external",
      processes: processes.toSorted((a, b) => a.pid - b.pid),
      ...(ratesByName.get(name) ?? noRates),
    }
  })
}

export const serviceMap = Effect.fn("serviceMap")(function* (query: URLSearchParams) {
  const filter: MapFilter = {
    range: yield* timeRange(query),
    service: yield* textParameter(query, "service", 512),
    protocol: yield* protocolParameter(query),
  }
  const store = yield* QueryStore
  const [rows, processRows] = yield* Effect.all(
    [store.rows(mapStatement(filter)), store.rows(mapProcessesStatement(filter))],
    { concurrency: 2 },
  )
  const seconds = rangeSeconds(filter.range)
  const edgeRows = rows.filter((row) => Number(row.isNode) === 0)
  const edges = edgeRows.slice(0, maxEdges).map((row) => edgeOf(row, seconds))
  const servers = rows.filter((row) => Number(row.isNode) === 1)
  return {
    from: String(filter.range.fromUs),
    to: String(filter.range.toUs),
    seconds,
    nodes: nodesOf(edges, servers, processRows, seconds),
    edges,
    truncated: edgeRows.length > maxEdges,
  } satisfies ServiceMap
})
