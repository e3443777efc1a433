// Above the waterfall: all of the trace in small, and round marks of the part that is shown; a drag over it shows that part alone.

import { type PointerEvent, useState } from "react"
import type { Trace } from "../../api/traceContract.ts"
import { formatDuration } from "../../parts/format.ts"
import { type Interval, intervalOf, placeOf } from "./bars.ts"
import type { Row } from "./rows.ts"

interface RulerProps {
  readonly trace: Trace
  readonly rows: ReadonlyArray<Row>
  readonly hueOf: (service: string) => string
  readonly whole: Interval
  readonly view: Interval
  readonly marks: ReadonlyArray<number>
  readonly onView: (view: Interval) => void
}

/** A drag shorter than this, as a ratio, is a click. */
const leastDrag = 0.005

const ratioAt = (event: PointerEvent<HTMLElement>): number => {
  const box = event.currentTarget.getBoundingClientRect()
  return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))
}

/** One path a colour: thousands of spans are as cheap as ten. */
const Overview = ({ trace, rows, hueOf, whole }: Pick<RulerProps, "trace" | "rows" | "hueOf" | "whole">) => {
  const paths = new Map<string, string>()
  for (const [index, { span: at }] of rows.entries()) {
    const span = trace.spans[at]!
    const place = placeOf(intervalOf(trace, span), whole)
    if (place === undefined) continue
    const y = (((index + 0.5) / rows.length) * 100).toFixed(2)
    const x = place.left * 1_000
    const line = `M${x.toFixed(1)} ${y}H${Math.max(x + 1, (place.left + place.width) * 1_000).toFixed(1)}`
    const hue = hueOf(span.service)
    paths.set(hue, (paths.get(hue) ?? "") + line)
  }
  return (
    <svg className="overview" viewBox="0 0 1000 100" preserveAspectRatio="none" aria-hidden="true">
      {[...paths].map(([hue, path]) => (
        <path
          key={hue}
          d={path}
          style={{ stroke: hue }}
          strokeWidth={Math.min(3, Math.max(1, 26 / rows.length))}
        />
      ))}
    </svg>
  )
}

export const Ruler = ({ whole, view, marks, onView, ...drawn }: RulerProps) => {
  const [brush, setBrush] = useState<{ readonly from: number; readonly to: number }>()
  const length = whole.to - whole.from
  const shown = brush ?? {
    from: (view.from - whole.from) / length,
    to: (view.to - whole.from) / length,
  }
  const [left, right] = [Math.min(shown.from, shown.to), Math.max(shown.from, shown.to)]
  const isWhole = left <= 0 && right >= 1
  return (
    <>
      <div
        className="overview-track"
        role="img"
        aria-label={`The whole trace, ${formatDuration(length)}; shown is ${
          isWhole ? "all of it" : `${formatDuration(view.from)} to ${formatDuration(view.to)}`
        }`}
        title="Drag to show a part of the time, click for all of it"
        onPointerDown={(event) => {
          if (event.button !== 0) return
          event.currentTarget.setPointerCapture(event.pointerId)
          setBrush({ from: ratioAt(event), to: ratioAt(event) })
        }}
        onPointerMove={(event) => {
          if (brush !== undefined) setBrush({ ...brush, to: ratioAt(event) })
        }}
        onPointerUp={() => {
          if (brush === undefined) return
          const isDrag = right - left > leastDrag
          onView(isDrag ? { from: whole.from + left * length, to: whole.from + right * length } : whole)
          setBrush(undefined)
        }}
        onPointerCancel={() => setBrush(undefined)}
      >
        <Overview {...drawn} whole={whole} />
        {isWhole ? null : (
          <>
            <span className="overview-off" style={{ left: 0, width: `${left * 100}%` }} />
            <span className="overview-off" style={{ left: `${right * 100}%`, right: 0 }} />
          </>
        )}
      </div>
      <div className="ruler-marks faint" aria-hidden="true">
        {marks.map((us) => (
          <span key={us} style={{ left: `${((us - view.from) / (view.to - view.from)) * 100}%` }}>
            {formatDuration(us)}
          </span>
        ))}
      </div>
    </>
  )
}
