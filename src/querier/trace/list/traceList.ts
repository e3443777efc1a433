// GET /api/v1/traces: newest first in pages, as the list of requests, or the slowest. A request stands for its trace; of those with one
// trace id, and of both ends of a call, the newest row does.

import * as Effect from "effect/Effect"
import { l7ProtocolName } from "../../../model/protocol.ts"
import type { Row } from "../../../runtime/clickhouse/ClickHouse.ts"
import { choiceParameter, integerParameter, uint64Parameter } from "../../http/parameters.ts"
import { knownEnd } from "../../../model/ends.ts"
import { type NewestPage, newestRows } from "../../requests/newestRows.ts"
import { requestTable } from "../../requests/requestFilter.ts"
import { statusName } from "../../requests/status.ts"
import { QueryStore, type Statement } from "../../store/QueryStore.ts"
import { spanName } from "../spanName.ts"
import type { TraceList, TraceSummary } from "../Trace.ts"
import { durationUsSql, traceConditions, type TraceFilter, traceFilter } from "./traceFilter.ts"

const defaultLimit = 200
const maxLimit = 1000

/** Cursors are of the newest only. */
export interface TracePage extends NewestPage {
  readonly order: "newest" | "slowest"
}

const selected: ReadonlyArray<readonly [sql: string, name: string]> = [
  ["toString(_id)", "id"],
  ["trace_id", "traceId"],
  ["observation_point", "point"],
  ["app_service", "appService"],
  ["auto_service_0", "client"],
  ["auto_service_1", "server"],
  ["toUnixTimestamp64Micro(start_time)", "startUs"],
  [durationUsSql, "durationUs"],
  ["l7_protocol", "protocol"],
  ["request_type", "type"],
  ["endpoint", "endpoint"],
  ["request_resource", "resource"],
  ["response_status", "status"],
  ["response_code", "code"],
]

const oneOfTrace =
  "multiIf(_trace_id_text != '', _trace_id_text, _trace_id != toFixedString('', 16), toString(_trace_id)," +
  " req_tcp_seq != 0, toString((client_port, server_port, req_tcp_seq)), toString(_id))"

/** One row more than asked for tells whether there are more. */
export const traceListStatement = (filter: TraceFilter, page: TracePage): Statement => {
  const conditions = traceConditions(filter)
  const isNewest = page.order === "newest"
  const before = isNewest ? page.before : undefined
  const after = isNewest ? page.after : undefined
  const parts = [
    conditions.sql,
    ...(before === undefined ? [] : ["_id < {before:UInt64}"]),
    ...(after === undefined ? [] : ["_id > {after:UInt64}"]),
  ]
  return {
    sql: `SELECT
  ${selected.map(([sql, name]) => `${sql} AS t_${name}`).join(",\n  ")}
FROM ${requestTable}
WHERE ${parts.join(" AND ")}
ORDER BY ${isNewest ? "" : `${durationUsSql} DESC, `}_id DESC
LIMIT 1 BY ${oneOfTrace}
LIMIT {limit:UInt32}`,
    params: {
      ...conditions.params,
      ...(before === undefined ? {} : { before }),
      ...(after === undefined ? {} : { after }),
      limit: page.limit + 1,
    },
  }
}

const traceSummary = (row: Row): TraceSummary => {
  const text = (name: string): string => String(row[`t_${name}`])
  const protocol = Number(row.t_protocol) === 0 ? "" : l7ProtocolName(Number(row.t_protocol))
  const appService = text("appService")
  const point = text("point")
  const isProgram = point.endsWith("app")
  const server = knownEnd(text("server"))
  const client = knownEnd(text("client"))
  return {
    id: text("id"),
    traceId: text("traceId"),
    service: isProgram && appService !== "" ? appService : point === "c-app" ? client : server,
    client: isProgram ? "" : client,
    name: spanName(text("type"), text("endpoint"), text("resource"), protocol),
    protocol,
    startUs: Number(row.t_startUs),
    durationUs: Number(row.t_durationUs),
    status: statusName(Number(row.t_status)),
    code: row.t_code === null || row.t_code === undefined ? null : Number(row.t_code),
  }
}

export const tracesOf = Effect.fnUntraced(function* (filter: TraceFilter, page: TracePage) {
  const store = yield* QueryStore
  const ask = (after: string | undefined) => store.rows(traceListStatement(filter, { ...page, after }))
  const found = yield* page.order === "newest" ? newestRows(filter.request.range, page, ask) : ask(page.after)
  const traces = found.slice(0, page.limit).map(traceSummary)
  const hasMore = found.length > page.limit && page.order === "newest"
  const list: TraceList = { traces, next: hasMore ? traces.at(-1)!.id : null }
  return list
})

export const traceList = Effect.fn("traceList")(function* (query: URLSearchParams) {
  const filter = yield* traceFilter(query)
  return yield* tracesOf(filter, {
    limit: (yield* integerParameter(query, "limit", 1, maxLimit)) ?? defaultLimit,
    order: (yield* choiceParameter(query, "order", ["newest", "slowest"])) ?? "newest",
    before: yield* uint64Parameter(query, "before"),
    after: yield* uint64Parameter(query, "after"),
  })
})
