// The bar of one span: solid where it works itself, pale while others do, hatched on the way; a line beneath where the trace
// waited for it.

import type { Trace, TraceFileCall, TraceSpan } from "../../api/traceContract.ts"
import { formatDuration } from "../../parts/format.ts"
import { callText } from "../request/fileWaits.ts"
import { type Interval, intervalOf, placeOf, type Place, uncovered } from "./bars.ts"

const percent = (ratio: number): string => `${ratio * 100}%`

const styleOf = ({ left, width }: Place) => ({ left: percent(left), width: percent(width) })

interface BarProps {
  readonly trace: Trace
  readonly span: TraceSpan
  /** What is shown directly below it. */
  readonly below: ReadonlyArray<TraceSpan>
  readonly critical: ReadonlyArray<Interval>
  readonly calls: ReadonlyArray<TraceFileCall>
  readonly view: Interval
}

export const SpanBar = ({ trace, span, below, critical, calls, view }: BarProps) => {
  const whole = intervalOf(trace, span)
  const place = placeOf(whole, view)
  if (place === undefined) {
    const isBefore = whole.to < view.from
    return (
      <span className={`bar-away ${isBefore ? "is-before" : "is-after"} faint`}>{isBefore ? "←" : "→"}</span>
    )
  }
  const own = uncovered(
    whole,
    below.map((child) => intervalOf(trace, child)),
  )
  return (
    <>
      <span
        className={`bar bar-${span.kind} bar-role-${span.role}${span.isAnswered ? "" : " is-unanswered"}`}
        style={styleOf(place)}
      />
      {own.map((part) => {
        const at = placeOf(part, view)
        return at === undefined ? null : (
          <span
            key={part.from}
            className={`bar-own own-${span.kind} own-role-${span.role}`}
            style={styleOf(at)}
          />
        )
      })}
      {critical.map((part) => {
        const at = placeOf(part, view)
        return at === undefined ? null : <span key={part.from} className="bar-critical" style={styleOf(at)} />
      })}
      {calls.map((call) => {
        const at = placeOf({ from: call.startUs - trace.startUs, to: call.endUs - trace.startUs }, view)
        return at === undefined ? null : (
          <span
            key={call.id}
            className="bar-file-wait"
            style={styleOf(at)}
            title={`${callText(call)}: ${formatDuration(call.durationUs)}`}
          />
        )
      })}
    </>
  )
}
