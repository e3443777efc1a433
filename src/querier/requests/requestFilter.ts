// Which requests a question is about: the filters of the list, the histogram and the map, read from a URL and
// as SQL.

import * as Effect from "effect/Effect"
import { L7Protocol, l7ProtocolName } from "../../model/protocol.ts"
import type { Settings } from "../../runtime/clickhouse/ClickHouse.ts"
import { choiceParameter, integerParameter, textParameter } from "../http/parameters.ts"
import { type TimeRange, timeRange } from "../http/timeRange.ts"
import { type StatusName, statusNames, statusSql } from "./status.ts"

export const requestTable = "flow_log.l7_flow_log"

/** The newer analyzer looks at each of the table's computed columns, asked for or not: a third of the time that a small question takes. */
export const plannedQuickly = { enable_analyzer: 0 } satisfies Settings

export const observationPoints = ["c-p", "s-p", "c", "s", "local", "rest", "c-app", "s-app", "app"] as const

export interface RequestFilter {
  readonly range: TimeRange
  /** Either side, or as the program calls itself. */
  readonly service?: string | undefined
  readonly client?: string | undefined
  readonly server?: string | undefined
  /** Number of the protocol. */
  readonly protocol?: number | undefined
  readonly status?: StatusName | undefined
  readonly point?: string | undefined
  readonly minUs?: number | undefined
  /** Exactly this one. */
  readonly endpoint?: string | undefined
  /** A process on either side. */
  readonly pid?: number | undefined
  /** Number of the agent that saw it. */
  readonly agent?: number | undefined
  /** Found anywhere in resource, endpoint, domain, type, service names or trace id, in any case. */
  readonly text?: string | undefined
}

const maxNameLength = 512

const protocolNumbers = new Map(Object.values(L7Protocol).map((number) => [l7ProtocolName(number), number]))

export const protocolParameter = (query: URLSearchParams) =>
  choiceParameter(query, "protocol", [...protocolNumbers.keys()]).pipe(
    Effect.map((name) => (name === undefined ? undefined : protocolNumbers.get(name))),
  )

export const requestFilter = Effect.fnUntraced(function* (query: URLSearchParams) {
  return {
    range: yield* timeRange(query),
    service: yield* textParameter(query, "service", maxNameLength),
    client: yield* textParameter(query, "client", maxNameLength),
    server: yield* textParameter(query, "server", maxNameLength),
    protocol: yield* protocolParameter(query),
    status: yield* choiceParameter(query, "status", statusNames),
    point: yield* choiceParameter(query, "point", observationPoints),
    minUs: yield* integerParameter(query, "minUs", 0, Number.MAX_SAFE_INTEGER),
    endpoint: yield* textParameter(query, "endpoint", maxNameLength),
    pid: yield* integerParameter(query, "pid", 1, 4_194_304),
    agent: yield* integerParameter(query, "agent", 1, 65_535),
    text: yield* textParameter(query, "q", maxNameLength),
  } satisfies RequestFilter
})

/** Conditions joined by AND, and their parameters. */
export interface Conditions {
  readonly sql: string
  readonly params: Readonly<Record<string, string | number>>
}

const searched = [
  "request_resource",
  "endpoint",
  "request_domain",
  "request_type",
  "auto_service_0",
  "auto_service_1",
  "trace_id",
]

const lastSecond = 2 ** 32 - 1

/** No row is before 1970 or after 2106. */
const storable = (second: number): number => Math.min(lastSecond, Math.max(0, second))

/** `time` is in whole seconds and leads the table's order: the range is widened to whole seconds. */
export const rangeConditions = (range: TimeRange): Conditions => ({
  sql: "time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32})",
  params: { from: storable(Math.floor(range.fromUs / 1e6)), to: storable(Math.ceil(range.toUs / 1e6)) },
})

export const filterConditions = (filter: RequestFilter): Conditions => {
  const range = rangeConditions(filter.range)
  const parts = [range.sql]
  const params: Record<string, string | number> = { ...range.params }
  const add = (sql: string, name: string, value: string | number | undefined) => {
    if (value === undefined) return
    parts.push(sql)
    params[name] = value
  }
  add(
    "(auto_service_0 = {service:String} OR auto_service_1 = {service:String} OR app_service = {service:String})",
    "service",
    filter.service,
  )
  add("auto_service_0 = {client:String}", "client", filter.client)
  add("auto_service_1 = {server:String}", "server", filter.server)
  add("l7_protocol = {protocol:UInt8}", "protocol", filter.protocol)
  add("observation_point = {point:String}", "point", filter.point)
  add("response_duration >= {minUs:UInt64}", "minUs", filter.minUs)
  add("endpoint = {endpoint:String}", "endpoint", filter.endpoint)
  add("(process_id_0 = {pid:UInt32} OR process_id_1 = {pid:UInt32})", "pid", filter.pid)
  add("agent_id = {agent:UInt16}", "agent", filter.agent)
  if (filter.status !== undefined) parts.push(statusSql[filter.status])
  add(
    `(${searched.map((column) => `positionCaseInsensitiveUTF8(${column}, {text:String}) > 0`).join(" OR ")})`,
    "text",
    filter.text,
  )
  return { sql: parts.join(" AND "), params }
}
