// Calls through a proxy that no agent looked into: the request that reached it and the one that it sent on carry the same ids. The
// weakest evidence there is: taken only where times agree, and where exactly one call fits.

import { isAnswered, type SpanRow } from "../SpanRow.ts"
import type { LinkReason } from "../Trace.ts"
import type { Call } from "./calls.ts"
import type { Forest } from "./Forest.ts"

/** What clocks of two hosts may differ. */
const clockUs = 10_000

const ids = (row: SpanRow): ReadonlyArray<readonly [key: string, reason: LinkReason, text: string]> => [
  ...[...new Set([row.xRequestId0, row.xRequestId1])]
    .filter((id) => id !== "")
    .map((id) => [`x ${id}`, "x_request_id", "same X-Request-ID"] as const),
  ...(row.traceId === "" || row.spanId === ""
    ? []
    : [[`s ${row.traceId} ${row.spanId}`, "span_id", `same trace id and span id ${row.spanId}`] as const]),
]

const isWithin = (inner: SpanRow, outer: SpanRow): boolean => {
  const slackUs = inner.agent === outer.agent ? 0 : clockUs
  if (inner.startUs < outer.startUs - slackUs) return false
  return !isAnswered(outer) || inner.endUs <= outer.endUs + slackUs
}

/** The call goes on at the address where the other one arrived, and in the same process where both are known. */
const isNextHop = (arrived: SpanRow, sent: SpanRow): boolean =>
  arrived.serverIp === sent.clientIp &&
  (arrived.agent !== sent.agent ||
    arrived.serverPid === 0 ||
    sent.clientPid === 0 ||
    arrived.serverPid === sent.clientPid)

export const linkProxies = (
  rows: ReadonlyArray<SpanRow>,
  calls: ReadonlyArray<Call>,
  forest: Forest,
): void => {
  const arriving = new Map<string, Array<number>>()
  for (const call of calls) {
    const tail = call.rows.at(-1)!
    for (const [key] of ids(rows[tail]!)) {
      const known = arriving.get(key)
      if (known === undefined) arriving.set(key, [tail])
      else known.push(tail)
    }
  }
  for (const call of calls) {
    const head = call.rows[0]!
    const row = rows[head]!
    if (!forest.isRoot(head)) continue
    for (const [key, reason, text] of ids(row)) {
      const fitting = (arriving.get(key) ?? []).filter((tail) => {
        const arrived = rows[tail]!
        return !call.rows.includes(tail) && isNextHop(arrived, row) && isWithin(row, arrived)
      })
      const [only, ...more] = fitting
      if (only === undefined || more.length > 0) continue
      if (
        forest.link(head, only, {
          reason,
          confidence: "likely",
          text: `${text} before and after ${row.clientIp}`,
        })
      )
        break
    }
  }
}
