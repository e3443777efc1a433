// GET /api/v1/requests/:id/events: slow calls on files by the thread (in Go the goroutine) that made or served a request, while it was
// under way. Calls that the agent knows to be for another request are left out; what else was under way there is told with them: in
// an event loop a wait is that of all.

import * as Effect from "effect/Effect"
import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { parseUint64 } from "../http/parameters.ts"
import { wholeRequest } from "../requests/requestDetail.ts"
import { requestTable } from "../requests/requestFilter.ts"
import { QueryStore, type Statement } from "../store/QueryStore.ts"

export interface FileCall {
  /** `_id` in decimal: 64 bits do not fit a JavaScript number. */
  readonly id: string
  readonly side: "client" | "server"
  readonly startUs: number
  readonly endUs: number
  /** From its first wait to its end. */
  readonly durationUs: number
  /** read, write, sync, open */
  readonly type: string
  readonly bytes: number
  readonly offset: number
  readonly path: string
  readonly mountSource: string
  readonly mountPoint: string
  /** Name of the error; empty: none. */
  readonly error: string
  readonly pid: number
  readonly thread: number
  /** The thread served nothing but this request; else it was only made meanwhile. */
  readonly isCertain: boolean
}

export interface ThreadOfRequest {
  readonly side: "client" | "server"
  readonly pid: number
  readonly thread: number
  /** Requests that the thread had under way meanwhile, beside this one. */
  readonly otherRequests: number
}

/** What happened in the threads of a request while it was under way. */
export interface RequestEvents {
  readonly threads: ReadonlyArray<ThreadOfRequest>
  readonly files: ReadonlyArray<FileCall>
  /** There are more calls on files. */
  readonly truncated: boolean
}

const maxEvents = 200
/** A call that began within the request may end after it. */
const longestSeconds = 60

interface Window {
  readonly agent: number
  readonly pid: number
  readonly thread: number
  /** 64-bit numbers in decimal; "0": none is known. */
  readonly coroutine: string
  readonly served: string
  /** DateTime64(6) as text. */
  readonly start: string
  readonly end: string
}

const windowParams = ({ agent, coroutine, end, pid, start, thread }: Window): Statement["params"] => ({
  agent,
  pid,
  start,
  end,
  ...(coroutine === "0" ? { thread } : { coroutine }),
})

/** Goroutines change threads: of these the thread tells nothing. */
const whoSql = ({ coroutine }: Window, suffix: "" | "_0" | "_1"): string =>
  coroutine === "0"
    ? `syscall_thread${suffix} = {thread:UInt32} AND syscall_coroutine${suffix} = 0`
    : `syscall_coroutine${suffix} = {coroutine:UInt64}`

const overlaps = "start_time <= {end:DateTime64(6)} AND end_time >= {start:DateTime64(6)}"

/** What `fileCall` reads. */
export const fileCallColumns = `toString(_id) AS id,
  toUnixTimestamp64Micro(start_time) AS startUs,
  toUnixTimestamp64Micro(end_time) AS endUs,
  duration AS durationUs,
  event_type AS type,
  bytes,
  offset,
  concat(file_dir, if(endsWith(file_dir, '/'), '', '/'), file_name) AS path,
  mount_source AS mountSource,
  mount_point AS mountPoint,
  event_desc AS error,
  syscall_thread AS thread,
  syscall_trace_id = {served:UInt64} AND {served:UInt64} != 0 AS isCertain`

export const fileCallsStatement = (window: Window): Statement => ({
  sql: `SELECT
  ${fileCallColumns}
FROM event.file_event
WHERE time >= toDateTime({start:DateTime64(6)}) AND time <= toDateTime({end:DateTime64(6)}) + ${longestSeconds}
  AND agent_id = {agent:UInt16} AND process_id = {pid:UInt32} AND ${whoSql(window, "")}
  AND (syscall_trace_id = 0 OR {served:UInt64} = 0 OR syscall_trace_id = {served:UInt64})
  AND ${overlaps}
ORDER BY start_time, _id
LIMIT ${maxEvents + 1}`,
  params: { ...windowParams(window), served: window.served },
})

/** `side`: 0 client, 1 server. */
export const otherRequestsStatement = (id: string, side: 0 | 1, window: Window): Statement => ({
  sql: `SELECT count() AS others
FROM ${requestTable}
WHERE time >= toDateTime({start:DateTime64(6)}) - ${longestSeconds} AND time <= toDateTime({end:DateTime64(6)})
  AND agent_id = {agent:UInt16} AND process_id_${side} = {pid:UInt32} AND ${whoSql(window, side === 0 ? "_0" : "_1")}
  AND observation_point = '${side === 0 ? "c-p" : "s-p"}' AND _id != {id:UInt64}
  AND ${overlaps}`,
  params: { ...windowParams(window), id },
})

const sides = [
  [0, "client", "c-p"],
  [1, "server", "s-p"],
] as const

export const fileCall = (row: Row, pid: number, side: FileCall["side"]): FileCall => ({
  id: String(row.id),
  side,
  startUs: Number(row.startUs),
  endUs: Number(row.endUs),
  durationUs: Number(row.durationUs),
  type: String(row.type),
  bytes: Number(row.bytes),
  offset: Number(row.offset),
  path: String(row.path),
  mountSource: String(row.mountSource),
  mountPoint: String(row.mountPoint),
  error: String(row.error),
  pid,
  thread: Number(row.thread),
  isCertain: Boolean(row.isCertain),
})

export const requestEvents = Effect.fn("requestEvents")(function* (idText: string) {
  const id = yield* parseUint64("id", idText)
  const store = yield* QueryStore
  const request = yield* wholeRequest(id)
  const threads: Array<ThreadOfRequest> = []
  const files: Array<FileCall> = []
  for (const [index, side, point] of sides) {
    const pid = Number(request[`process_id_${index}`])
    const thread = Number(request[`syscall_thread_${index}`])
    // Only the side that was observed has told its thread.
    if (pid === 0 || thread === 0 || request.observation_point !== point) continue
    const window: Window = {
      agent: Number(request.agent_id),
      pid,
      thread,
      coroutine: String(request[`syscall_coroutine_${index}`] ?? "0"),
      // Of a call as a client it is the request that the call is made for.
      served: side === "server" ? String(request.syscall_trace_id_request ?? "0") : "0",
      start: String(request.start_time),
      end: String(request.end_time),
    }
    const [calls, others] = yield* Effect.all(
      [store.rows(fileCallsStatement(window)), store.rows(otherRequestsStatement(id, index, window))],
      { concurrency: 2 },
    )
    threads.push({ side, pid, thread, otherRequests: Number(others[0]?.others ?? 0) })
    files.push(...calls.map((row) => fileCall(row, pid, side)))
  }
  const events: RequestEvents = {
    threads,
    files: files.slice(0, maxEvents),
    truncated: files.length > maxEvents,
  }
  return events
})
