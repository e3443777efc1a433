// GET /api/v1/processes/events: begins and ends of processes, newest first.

import * as Effect from "effect/Effect"
import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { choiceParameter, integerParameter, textParameter } from "../http/parameters.ts"
import { type TimeRange, timeRange } from "../http/timeRange.ts"
import { rangeConditions } from "../requests/requestFilter.ts"
import { QueryStore, type Statement } from "../store/QueryStore.ts"

export interface ProcessEvent {
  /** `_id` in decimal: 64 bits do not fit a JavaScript number. */
  readonly id: string
  /** Microseconds since 1970: when it happened, and when the process began, which is the same of a begin. */
  readonly timeUs: number
  readonly startUs: number
  readonly type: string
  readonly pid: number
  readonly parentPid: number
  /** Kernel's command name. */
  readonly name: string
  readonly commandLine: string
  readonly uid: number
  /** Null: it did not end by itself. */
  readonly exitCode: number | null
  /** 0: none. */
  readonly exitSignal: number
  /** "code 1", "SIGKILL"; empty: it did not end. */
  readonly outcome: string
  readonly host: string
  readonly pod: string
}

interface Filter {
  readonly range: TimeRange
  readonly type: (typeof types)[number] | undefined
  readonly pid: number | undefined
  /** Found anywhere in name or command line, in any case. */
  readonly text: string | undefined
  readonly limit: number
}

const types = ["exec", "exit", "oom_kill"] as const
const defaultLimit = 100
const maxLimit = 1_000

export const processEventsStatement = ({ limit, pid, range, text, type }: Filter): Statement => {
  const conditions = rangeConditions(range)
  const parts = [conditions.sql]
  if (type !== undefined) parts.push("event_type = {type:String}")
  if (pid !== undefined) parts.push("pid = {pid:UInt32}")
  if (text !== undefined)
    parts.push(
      "(positionCaseInsensitiveUTF8(cmdline, {text:String}) > 0 OR positionCaseInsensitiveUTF8(process_kname, {text:String}) > 0)",
    )
  return {
    sql: `SELECT
  toString(_id) AS id,
  toUnixTimestamp64Micro(end_time) AS timeUs,
  toUnixTimestamp64Micro(start_time) AS startUs,
  event_type AS type,
  pid,
  parent_pid AS parentPid,
  process_kname AS name,
  cmdline AS commandLine,
  uid,
  exit_code AS exitCode,
  exit_signal AS exitSignal,
  event_desc AS outcome,
  chost AS host,
  pod
FROM event.proc_ops_event
WHERE ${parts.join(" AND ")}
ORDER BY end_time DESC, _id DESC
LIMIT {limit:UInt32}`,
    params: {
      ...conditions.params,
      ...(type === undefined ? {} : { type }),
      ...(pid === undefined ? {} : { pid }),
      ...(text === undefined ? {} : { text }),
      limit,
    },
  }
}

const processEvent = (row: Row): ProcessEvent => ({
  id: String(row.id),
  timeUs: Number(row.timeUs),
  startUs: Number(row.startUs),
  type: String(row.type),
  pid: Number(row.pid),
  parentPid: Number(row.parentPid),
  name: String(row.name),
  commandLine: String(row.commandLine),
  uid: Number(row.uid),
  exitCode: row.exitCode === null || row.exitCode === undefined ? null : Number(row.exitCode),
  exitSignal: Number(row.exitSignal),
  outcome: String(row.outcome),
  host: String(row.host),
  pod: String(row.pod),
})

export const processEvents = Effect.fn("processEvents")(function* (query: URLSearchParams) {
  const filter: Filter = {
    range: yield* timeRange(query),
    type: yield* choiceParameter(query, "type", types),
    pid: yield* integerParameter(query, "pid", 1, 4_194_304),
    text: yield* textParameter(query, "q", 512),
    limit: (yield* integerParameter(query, "limit", 1, maxLimit)) ?? defaultLimit,
  }
  const rows = yield* (yield* QueryStore).rows(processEventsStatement(filter))
  return { events: rows.map(processEvent) }
})
