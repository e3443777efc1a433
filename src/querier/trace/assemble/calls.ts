// Rows that saw the same call, in the order of its way from client to server; of what a server sends unasked, from server to client. A place is in a call at most once, so that the next
// request of a keep-alive connection, a retransmission or a wrapped sequence number begins another call.

import { type SpanRow, spanKindOf } from "../SpanRow.ts"
import { isPush } from "./deliveries.ts"
import { observationRank } from "./observationOrder.ts"
import { sameCall, type Sameness } from "./sameCall.ts"

export interface Call {
  /** Positions in the given rows, in the order of its way. */
  readonly rows: ReadonlyArray<number>
  /** How each of them is known to be the same as the one before; of the first: undefined. */
  readonly sameness: ReadonlyArray<Sameness | undefined>
}

interface OpenCall {
  readonly rows: Array<number>
  readonly places: Set<string>
}

const place = (row: SpanRow): string =>
  row.point === "c-p" || row.point === "s-p" ? row.point : `${row.point} ${row.agent} ${row.flowId}`

const ends = (row: SpanRow): string =>
  `${row.transport} ${row.clientIp} ${row.clientPort} ${row.serverIp} ${row.serverPort}`

/** Rows with no common key are not of one call; rows with one may be. */
export const callKeys = (row: SpanRow): ReadonlyArray<string> => {
  const { requestId, requestTcpSeq, responseTcpSeq } = row
  if (requestTcpSeq === 0 && responseTcpSeq === 0)
    return [requestId === "" ? `c ${ends(row)}` : `i ${ends(row)} ${requestId}`]
  return [
    ...(requestTcpSeq === 0 ? [] : [`q ${ends(row)} ${requestTcpSeq}`]),
    ...(responseTcpSeq === 0 ? [] : [`r ${ends(row)} ${responseTcpSeq}`]),
    ...(requestTcpSeq === 0 || responseTcpSeq === 0 ? [] : [`t ${requestTcpSeq} ${responseTcpSeq}`]),
  ]
}

/** Calls of one connection that are compared with a row before it is left alone: what is older is another request. */
const mostCompared = 64

const strength: Readonly<Record<Sameness, number>> = { ends: 0, translated: 1, id: 2, connection: 3 }

interface Match {
  readonly call: OpenCall
  readonly sameness: Sameness
  readonly apartUs: number
}

/** How all rows of a call agree with one more: the weakest; undefined: one of them does not. */
const agrees = (rows: ReadonlyArray<SpanRow>, call: OpenCall, row: SpanRow): Match | undefined => {
  let sameness: Sameness | undefined
  let apartUs = 0
  for (const each of call.rows) {
    const found = sameCall(rows[each]!, row)
    if (found === undefined) return undefined
    if (sameness === undefined || strength[found] > strength[sameness]) sameness = found
    apartUs = Math.max(apartUs, Math.abs(rows[each]!.startUs - row.startUs))
  }
  return sameness === undefined ? undefined : { call, sameness, apartUs }
}

const isBetter = (a: Match, b: Match): boolean =>
  strength[a.sameness] < strength[b.sameness] || (a.sameness === b.sameness && a.apartUs < b.apartUs)

const inOrder = (rows: ReadonlyArray<SpanRow>, call: OpenCall): Call => {
  const way = isPush(rows, call.rows) ? -1 : 1
  const ordered = call.rows.toSorted((a, b) => {
    const [one, other] = [rows[a]!, rows[b]!]
    return (
      way * (observationRank(one.point) - observationRank(other.point)) ||
      one.startUs - other.startUs ||
      other.endUs - one.endUs ||
      a - b
    )
  })
  return {
    rows: ordered,
    sameness: ordered.map((row, at) =>
      at === 0 ? undefined : sameCall(rows[ordered[at - 1]!]!, rows[row]!),
    ),
  }
}

/** Two calls that fit a row equally well, where nothing but time tells: neither is taken. */
const isAmbiguous = (best: Match, others: ReadonlyArray<Match>): boolean =>
  (best.sameness === "connection" || best.sameness === "translated") &&
  others.some((other) => other.call !== best.call && other.sameness === best.sameness)

/** Spans of programs are of no call. Each other row is in exactly one. */
export const callsOf = (rows: ReadonlyArray<SpanRow>): ReadonlyArray<Call> => {
  const open = new Map<string, Array<OpenCall>>()
  const calls: Array<OpenCall> = []
  const order = rows
    .map((_, at) => at)
    .filter((at) => spanKindOf(rows[at]!) !== "application")
    .toSorted((a, b) => rows[a]!.startUs - rows[b]!.startUs || a - b)
  for (const at of order) {
    const row = rows[at]!
    const keys = callKeys(row)
    const candidates = new Set(keys.flatMap((key) => (open.get(key) ?? []).slice(-mostCompared)))
    const matches: Array<Match> = []
    for (const call of candidates) {
      if (call.places.has(place(row))) continue
      const match = agrees(rows, call, row)
      if (match !== undefined) matches.push(match)
    }
    let best: Match | undefined
    for (const match of matches) if (best === undefined || isBetter(match, best)) best = match
    const isNew = best === undefined || isAmbiguous(best, matches)
    const call: OpenCall = isNew || best === undefined ? { rows: [], places: new Set() } : best.call
    if (call.rows.length === 0) calls.push(call)
    call.rows.push(at)
    call.places.add(place(row))
    for (const key of keys) {
      const known = open.get(key)
      if (known === undefined) open.set(key, [call])
      else if (known.at(-1) !== call) known.push(call)
    }
  }
  return calls.map((call) => inOrder(rows, call))
}
