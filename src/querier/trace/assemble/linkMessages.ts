// Messages that a broker hands on: what it sends to a consumer carries the ids that the producer's message had. The producer's is the
// parent, however long the message waited; of several that carry one id none is.

import type { SpanRow } from "../SpanRow.ts"
import type { Call } from "./calls.ts"
import { isDelivery, isPush } from "./deliveries.ts"
import type { Forest } from "./Forest.ts"

/** What clocks of two hosts may differ. */
const clockUs = 10_000

const key = ({ l7Protocol, spanId, traceId }: SpanRow): string => `${l7Protocol} ${traceId} ${spanId}`

const carried = (rows: ReadonlyArray<SpanRow>, call: Call): SpanRow | undefined =>
  call.rows.map((row) => rows[row]!).find(({ spanId, traceId }) => spanId !== "" && traceId !== "")

export const linkMessages = (
  rows: ReadonlyArray<SpanRow>,
  calls: ReadonlyArray<Call>,
  forest: Forest,
): void => {
  const delivered = new Set(calls.filter((call) => isDelivery(rows, call.rows)))
  if (delivered.size === 0) return
  const published = new Map<string, Array<Call>>()
  for (const call of calls) {
    const row = delivered.has(call) ? undefined : carried(rows, call)
    if (row === undefined) continue
    const known = published.get(key(row))
    if (known === undefined) published.set(key(row), [call])
    else known.push(call)
  }
  for (const call of delivered) {
    const row = carried(rows, call)
    const head = call.rows[0]!
    if (row === undefined || !forest.isRoot(head)) continue
    // Who asks may do so before there is a message.
    const { endUs, startUs } = rows[head]!
    const latestUs = (isPush(rows, call.rows) ? startUs : endUs) + clockUs
    const before = (published.get(key(row)) ?? []).filter(
      (other) => rows[other.rows[0]!]!.startUs <= latestUs,
    )
    const [only, ...more] = before
    if (only === undefined || more.length > 0) continue
    forest.link(head, only.rows.at(-1)!, {
      reason: "span_id",
      confidence: "strong",
      text: `same trace id and span id ${row.spanId} in the message that the broker hands on`,
    })
  }
}
