// Where on the line of time a span's bar stands, and which parts of it are the span's own and on the critical path. Pure.

import type { Trace, TraceSpan } from "../../api/traceContract.ts"

/** Microseconds after the trace's start. */
export interface Interval {
  readonly from: number
  readonly to: number
}

/** A part of the line that is shown, as ratios of its length. */
export interface Place {
  readonly left: number
  readonly width: number
}

/** The whole trace; at least 1 µs long. */
export const wholeOf = (trace: Trace): Interval => ({
  from: 0,
  to: Math.max(1, ...trace.spans.map((span) => span.endUs - trace.startUs)),
})

export const intervalOf = (trace: Trace, span: TraceSpan): Interval => ({
  from: span.startUs - trace.startUs,
  to: Math.max(span.startUs, span.endUs) - trace.startUs,
})

/** What to show of the whole so that a part of it fills most of the line; with a margin. */
export const around = ({ from, to }: Interval, whole: Interval): Interval => {
  const margin = Math.max(5, (to - from) * 0.08)
  return { from: Math.max(whole.from, from - margin), to: Math.min(whole.to, to + margin) }
}

/** Undefined: all of it is out of sight. */
export const placeOf = ({ from, to }: Interval, view: Interval): Place | undefined => {
  if (to < view.from || from > view.to) return undefined
  const length = view.to - view.from
  const left = (Math.max(from, view.from) - view.from) / length
  return { left, width: (Math.min(to, view.to) - view.from) / length - left }
}

/** The parts of an interval that none of the others cover. */
export const uncovered = (whole: Interval, others: ReadonlyArray<Interval>): ReadonlyArray<Interval> => {
  const parts: Array<Interval> = []
  let at = whole.from
  for (const { from, to } of others.toSorted((a, b) => a.from - b.from)) {
    if (from > at && at < whole.to) parts.push({ from: at, to: Math.min(from, whole.to) })
    at = Math.max(at, to)
  }
  if (at < whole.to) parts.push({ from: at, to: whole.to })
  return parts
}

/**
 * Which parts of each shown span the trace waited for, those of the spans it stands for included; parts that follow each other
 * are one.
 */
export const criticalParts = (
  trace: Trace,
  shownAs: ReadonlyArray<number>,
): ReadonlyMap<number, ReadonlyArray<Interval>> => {
  const parts = new Map<number, Array<Interval>>()
  for (const { span, startUs, endUs } of trace.criticalPath.toSorted((a, b) => a.startUs - b.startUs)) {
    const shown = shownAs[span] ?? -1
    const next = { from: startUs - trace.startUs, to: endUs - trace.startUs }
    const known = parts.get(shown) ?? []
    const last = known.at(-1)
    if (last?.to === next.from) known[known.length - 1] = { from: last.from, to: next.to }
    else known.push(next)
    parts.set(shown, known)
  }
  parts.delete(-1)
  return parts
}

export const lengthOf = (parts: ReadonlyArray<Interval>): number =>
  parts.reduce((sum, { from, to }) => sum + to - from, 0)
