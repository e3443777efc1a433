// Calls that a process makes, under the request, or the message of a broker, that it makes them for. Evidence in order: the parent that the request names, the
// causal id that the agent followed, the X-Request-ID that is handed on, the trace id where only one request of the process fits.
// What merely happens at the same time is no evidence.

import { causalIds, isAnswered, mayCause, observedPid, type SpanRow, spanKindOf } from "../SpanRow.ts"
import type { Confidence, LinkReason } from "../Trace.ts"
import type { Call } from "./calls.ts"
import type { Forest } from "./Forest.ts"

type ProcessName = (row: SpanRow) => string

interface Found {
  readonly server: number
  readonly reason: LinkReason
  readonly confidence: Confidence
  readonly text: string
}

const process = (row: SpanRow): string => `${row.agent} ${observedPid(row)}`

/** An id in a process of an agent: none of the three means anything alone. */
const inProcess = (row: SpanRow, id: string): string => `${process(row)} ${id}`

class Servers {
  readonly byCausalId = new Map<string, Array<number>>()
  readonly bySpan = new Map<string, Array<number>>()
  readonly byXRequestId = new Map<string, Array<number>>()
  readonly byTrace = new Map<string, Array<number>>()

  constructor(rows: ReadonlyArray<SpanRow>) {
    rows.forEach((row, at) => {
      if (!mayCause(row) || observedPid(row) === 0) return
      for (const id of causalIds(row)) this.#add(this.byCausalId, inProcess(row, id), at)
      if (row.point !== "s-p") return
      for (const id of new Set([row.xRequestId0, row.xRequestId1]))
        if (id !== "") this.#add(this.byXRequestId, inProcess(row, id), at)
      if (row.traceId === "") return
      this.#add(this.byTrace, inProcess(row, row.traceId), at)
      if (row.spanId !== "") this.#add(this.bySpan, inProcess(row, `${row.traceId} ${row.spanId}`), at)
    })
  }

  #add(map: Map<string, Array<number>>, key: string, at: number): void {
    const known = map.get(key)
    if (known === undefined) map.set(key, [at])
    else known.push(at)
  }
}

const none: ReadonlyArray<number> = []

/** One clock: a call begins when the request that it is made for has begun. */
const begunBefore = (rows: ReadonlyArray<SpanRow>, servers: ReadonlyArray<number>, client: SpanRow) =>
  servers.filter((server) => rows[server]!.startUs <= client.startUs)

const goingOn = (rows: ReadonlyArray<SpanRow>, servers: ReadonlyArray<number>, client: SpanRow) =>
  begunBefore(rows, servers, client).filter(
    (server) => !isAnswered(rows[server]!) || rows[server]!.endUs >= client.startUs,
  )

const latest = (rows: ReadonlyArray<SpanRow>, servers: ReadonlyArray<number>): number | undefined =>
  servers.toSorted((a, b) => rows[b]!.startUs - rows[a]!.startUs || a - b).at(0)

/**
 * The process hands trace ids on, and this call belongs to another trace than the request: what the agent followed was not this
 * request's work.
 */
const isOfAnotherTrace = (servers: Servers, server: SpanRow, client: SpanRow): boolean =>
  client.traceId !== "" &&
  server.traceId !== "" &&
  client.traceId !== server.traceId &&
  servers.byTrace.has(inProcess(client, client.traceId))

const find = (
  rows: ReadonlyArray<SpanRow>,
  servers: Servers,
  client: SpanRow,
  nameOf: ProcessName,
): Found | undefined => {
  const name = `in process ${nameOf(client)}`
  const parents = servers.bySpan.get(inProcess(client, `${client.traceId} ${client.parentSpanId}`)) ?? none
  const parent = client.parentSpanId === "" ? undefined : latest(rows, begunBefore(rows, parents, client))
  if (parent !== undefined) {
    const text = `same trace id, and parent span id ${client.parentSpanId} ${name}`
    return { server: parent, reason: "parent_span_id", confidence: "certain", text }
  }

  // What a broker sends has an id of its own.
  for (const id of mayCause(client) ? [] : causalIds(client)) {
    const same = servers.byCausalId.get(inProcess(client, id)) ?? none
    const server = latest(rows, begunBefore(rows, same, client))
    if (server === undefined || isOfAnotherTrace(servers, rows[server]!, client)) continue
    return {
      server,
      reason: "causal_id",
      confidence: "strong",
      text: `same causal id ${id} ${name}`,
    }
  }

  for (const id of new Set([client.xRequestId0, client.xRequestId1])) {
    if (id === "") continue
    const same = goingOn(rows, servers.byXRequestId.get(inProcess(client, id)) ?? none, client)
    const server = latest(rows, same)
    if (server === undefined) continue
    return {
      server,
      reason: "x_request_id",
      confidence: same.length === 1 ? "strong" : "likely",
      text: `same X-Request-ID ${name}`,
    }
  }

  if (client.traceId === "") return undefined
  const same = goingOn(rows, servers.byTrace.get(inProcess(client, client.traceId)) ?? none, client)
  const [only, ...more] = same
  if (only === undefined || more.length > 0) return undefined
  return {
    server: only,
    reason: "trace_id",
    confidence: "likely",
    text: `the only request with this trace id ${name} at that time`,
  }
}

/** The innermost span of the program below the request in which the call lies; the request itself where several might be it. */
const innermost = (
  rows: ReadonlyArray<SpanRow>,
  children: ReadonlyArray<ReadonlyArray<number>>,
  server: number,
  client: SpanRow,
): number => {
  let at = server
  for (;;) {
    const around = children[at]!.filter((child) => {
      const row = rows[child]!
      return (
        spanKindOf(row) === "application" &&
        row.agent === client.agent &&
        row.startUs <= client.startUs &&
        row.endUs >= client.endUs
      )
    })
    if (around.length !== 1) return at
    at = around[0]!
  }
}

/** `nameOf`: what people call the observed process of a row. */
export const linkProcesses = (
  rows: ReadonlyArray<SpanRow>,
  calls: ReadonlyArray<Call>,
  forest: Forest,
  nameOf: ProcessName,
): void => {
  const servers = new Servers(rows)
  const children = forest.children()
  for (const call of calls) {
    const head = call.rows[0]!
    const client = rows[head]!
    if (client.point !== "c-p" || client.clientPid === 0 || !forest.isRoot(head)) continue
    const found = find(rows, servers, client, nameOf)
    if (found === undefined) continue
    const { server, ...link } = found
    const parent = innermost(rows, children, server, client)
    const within = parent === server ? "" : `, within span ${rows[parent]!.endpoint}`
    forest.link(head, parent, { ...link, text: link.text + within })
  }
}
