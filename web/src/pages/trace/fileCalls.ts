// Waits for files at the spans of a trace. Pure.

import type { Trace, TraceFileCall } from "../../api/traceContract.ts"

/** Calls of each span by their begin; those of spans that this trace does not have are left out. */
export const callsBySpan = (
  trace: Trace,
  calls: ReadonlyArray<TraceFileCall>,
): ReadonlyMap<number, ReadonlyArray<TraceFileCall>> => {
  const places = new Map(trace.spans.map((span, at) => [span.id, at]))
  const found = new Map<number, Array<TraceFileCall>>()
  for (const call of calls.toSorted((a, b) => a.startUs - b.startUs)) {
    const at = places.get(call.spanId)
    if (at === undefined) continue
    const own = found.get(at)
    if (own === undefined) found.set(at, [call])
    else own.push(call)
  }
  return found
}

export interface ServiceWait {
  readonly service: string
  readonly us: number
  readonly calls: number
}

/** How long each service waited for files, the longest first. */
export const waitsOfServices = (
  trace: Trace,
  calls: ReadonlyMap<number, ReadonlyArray<TraceFileCall>>,
): ReadonlyArray<ServiceWait> => {
  const waits = new Map<string, { service: string; us: number; calls: number }>()
  for (const [at, own] of calls) {
    const { service } = trace.spans[at]!
    const wait = waits.get(service) ?? { service, us: 0, calls: 0 }
    wait.calls += own.length
    wait.us += own.reduce((sum, { durationUs }) => sum + durationUs, 0)
    waits.set(service, wait)
  }
  return [...waits.values()].sort((a, b) => b.us - a.us)
}
