// GET /api/v1/traces/:id/events: slow calls on files by the threads and goroutines that worked for a trace, each at its span. Times are
// by the clocks that the trace is shown with.

import * as Effect from "effect/Effect"
import { notFound } from "../http/ApiError.ts"
import { requestTable } from "../requests/requestFilter.ts"
import { QueryStore, type Statement } from "../store/QueryStore.ts"
import type { Trace } from "../trace/Trace.ts"
import { traceByName } from "../trace/traceIds.ts"
import { type FileCall, fileCall, fileCallColumns } from "./requestEvents.ts"
import { spanOfCall, type WorkedSpan, workerKey } from "./spanOfCall.ts"

export interface TraceFileCall extends FileCall {
  /** Position in the trace's spans, and the number of its row: the trace may have grown since. */
  readonly span: number
  readonly spanId: string
}

export interface TraceEvents {
  readonly files: ReadonlyArray<TraceFileCall>
  /** There are more: the longest are told. */
  readonly truncated: boolean
}

const maxEvents = 500
/** Workers and rows in one question: they travel in its address. */
const maxWorkers = 500
const maxRows = 2_000
const aroundSeconds = 60
const longestSeconds = 10

interface Range {
  /** Seconds since 1970. */
  readonly from: number
  readonly to: number
}

/** The columns of the side that was observed. */
const ofSide = (name: string): string => `if(observation_point = 's-p', ${name}_1, ${name}_0)`

export const workersStatement = (ids: ReadonlyArray<string>, { from, to }: Range): Statement => ({
  sql: `SELECT
  toString(_id) AS id,
  ${ofSide("syscall_thread")} AS thread,
  toString(${ofSide("syscall_coroutine")}) AS coroutine,
  toString(if(observation_point = 's-p', syscall_trace_id_request, 0)) AS served,
  toUnixTimestamp64Micro(start_time) AS startUs,
  toUnixTimestamp64Micro(end_time) AS endUs
FROM ${requestTable}
WHERE time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32})
  AND _id IN ({ids:Array(UInt64)}) AND thread != 0`,
  params: { ids: ids.map(BigInt), from, to },
})

const numbers = (of: ReadonlyArray<string>): ReadonlyArray<bigint> => of.map(BigInt)

export const traceFilesStatement = (workers: ReadonlyArray<WorkedSpan>, { from, to }: Range): Statement => ({
  sql: `SELECT
  ${fileCallColumns},
  agent_id AS agent,
  process_id AS pid,
  toString(syscall_coroutine) AS coroutine,
  toString(syscall_trace_id) AS of_request
FROM event.file_event
WHERE time >= toDateTime({from:UInt32}) AND time <= toDateTime({to:UInt32})
  AND if(syscall_trace_id != 0,
    (agent_id, syscall_trace_id) IN (arrayZip({agents:Array(UInt16)}, {requests:Array(UInt64)})),
    (agent_id, process_id, if(syscall_coroutine = 0, syscall_thread, 0), syscall_coroutine) IN
      (arrayZip({agents:Array(UInt16)}, {pids:Array(UInt32)}, {threads:Array(UInt32)}, {coroutines:Array(UInt64)})))
ORDER BY duration DESC, _id
LIMIT ${maxEvents + 1}`,
  params: {
    agents: workers.map(({ agent }) => agent),
    requests: numbers(workers.map(({ served }) => served)),
    pids: workers.map(({ pid }) => pid),
    threads: workers.map(({ coroutine, thread }) => (coroutine === "0" ? thread : 0)),
    coroutines: numbers(workers.map(({ coroutine }) => coroutine)),
    served: "0",
    from,
    to,
  },
})

/** Of the rows, whose clocks may have been moved for the trace. */
const rowsRange = ({ startUs, endUs }: Trace): Range => ({
  from: Math.max(0, Math.floor(startUs / 1e6) - aroundSeconds),
  to: Math.ceil(endUs / 1e6) + aroundSeconds,
})

/** Of the calls: one may have begun before the span in which it ends. */
const callsRange = (spans: ReadonlyArray<WorkedSpan>): Range => ({
  from: Math.max(0, Math.floor(Math.min(...spans.map(({ startUs }) => startUs)) / 1e6) - longestSeconds),
  to: Math.ceil(Math.max(...spans.map(({ endUs }) => endUs)) / 1e6),
})

/** Only system calls have told who made them. */
const workersOf = Effect.fnUntraced(function* (trace: Trace) {
  const seen = new Map(
    trace.spans.flatMap((span, at) => (span.kind === "process" ? [[span.id, at] as const] : [])),
  )
  const ids = [...seen.keys()].slice(0, maxRows)
  if (ids.length === 0) return []
  const rows = yield* (yield* QueryStore).rows(workersStatement(ids, rowsRange(trace)))
  return rows.map((row): WorkedSpan => {
    const at = seen.get(String(row.id))!
    const span = trace.spans[at]!
    const isServer = span.role === "server"
    return {
      span: at,
      side: isServer ? "server" : "client",
      agent: span.agent,
      pid: isServer ? span.server.pid : span.client.pid,
      thread: Number(row.thread),
      coroutine: String(row.coroutine),
      served: String(row.served),
      startUs: Number(row.startUs),
      endUs: Number(row.endUs),
    }
  })
})

const noEvents: TraceEvents = { files: [], truncated: false }

export const traceEvents = Effect.fn("traceEvents")(function* (id: string) {
  const trace = yield* traceByName(id)
  if (trace === undefined)
    return yield* notFound(`trace ${id}`, "it may have been older than the tables keep; open the list again")
  const spans = yield* workersOf(trace)
  const keyOf = (one: WorkedSpan): string => `${workerKey(one)} ${one.served}`
  const workers = [...new Map(spans.map((one) => [keyOf(one), one])).values()].slice(0, maxWorkers)
  if (workers.length === 0) return noEvents
  const rows = yield* (yield* QueryStore).rows(traceFilesStatement(workers, callsRange(spans)))
  const offsets = new Map(trace.clocks.map(({ agent, offsetUs }) => [agent, offsetUs]))
  const files = rows.slice(0, maxEvents).flatMap((row): ReadonlyArray<TraceFileCall> => {
    const agent = Number(row.agent)
    const pid = Number(row.pid)
    const found = spanOfCall(spans, {
      agent,
      pid,
      thread: Number(row.thread),
      coroutine: String(row.coroutine),
      served: String(row.of_request),
      startUs: Number(row.startUs),
      endUs: Number(row.endUs),
    })
    if (found === undefined) return []
    const { isCertain, span } = found
    const call = fileCall(row, pid, span.side)
    const offset = offsets.get(agent) ?? 0
    return [
      {
        ...call,
        isCertain,
        startUs: call.startUs + offset,
        endUs: call.endUs + offset,
        span: span.span,
        spanId: trace.spans[span.span]!.id,
      },
    ]
  })
  const events: TraceEvents = { files, truncated: rows.length > maxEvents }
  return events
})
