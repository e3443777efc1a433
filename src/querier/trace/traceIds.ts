// Names of a trace: its trace id, or the number of any of its rows. Where only ids of 32 hexadecimal digits are understood (Tempo, Jaeger,
// OTLP), a trace without one is called by a row: 16 zeros, then the row's number.

import * as Effect from "effect/Effect"
import type { Asked } from "./assemble/assembleTrace.ts"
import { type TraceLimits, traceLimits } from "./limits.ts"
import { traceOf } from "./traceOf.ts"

const decimal = /^[0-9]{1,20}$/
const maxUInt64 = 18446744073709551615n
const hexadecimal = /^[0-9a-f]{1,32}$/i

export const isTraceId = (id: string): boolean => /^[0-9a-f]{32}$/.test(id) && !/^0+$/.test(id)

export const nameOfRow = (rowId: string): string => BigInt(rowId).toString(16).padStart(32, "0")

/** How a trace with this trace id and this row is called where only 32 hexadecimal digits are understood. */
export const hexName = (traceId: string, rowId: string): string =>
  isTraceId(traceId) ? traceId : isTraceId(traceId.toLowerCase()) ? traceId.toLowerCase() : nameOfRow(rowId)

/** What a name may stand for, in the order in which it is tried. */
export const meaningsOf = (name: string): ReadonlyArray<Asked> => {
  if (decimal.test(name) && name.length >= 17 && BigInt(name) <= maxUInt64)
    return [{ rowId: name }, { traceId: name }]
  const meanings: Array<Asked> = [{ traceId: name }]
  if (!hexadecimal.test(name)) return meanings
  const padded = name.toLowerCase().padStart(32, "0")
  if (padded !== name) meanings.push({ traceId: padded })
  if (/^0{16}/.test(padded) && !/^0+$/.test(padded)) meanings.push({ rowId: String(BigInt(`0x${padded}`)) })
  return meanings
}

/** Undefined: there is no such trace. */
export const traceByName = Effect.fnUntraced(function* (name: string, limits: TraceLimits = traceLimits) {
  for (const asked of meaningsOf(name)) {
    const trace = yield* traceOf(asked, limits)
    if (trace !== undefined) return trace
  }
  return undefined
})
