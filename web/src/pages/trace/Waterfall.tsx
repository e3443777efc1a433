// The waterfall: one line a span, only those in sight are drawn, walked by keys.

import { useVirtualizer } from "@tanstack/react-virtual"
import { useEffect, useEffectEvent, useMemo, useRef } from "react"
import type { Trace, TraceFileCall } from "../../api/traceContract.ts"
import { useShortcuts } from "../../app/shortcuts.ts"
import { marksBetween } from "../../parts/timeMarks.ts"
import { criticalParts, type Interval, wholeOf } from "./bars.ts"
import { Ruler } from "./Ruler.tsx"
import { type Row, shownAs } from "./rows.ts"
import { WaterfallRow } from "./WaterfallRow.tsx"

const rowHeight = 28
/** The head stands above the rows and stays in sight; as in the style sheet. */
const headHeight = 48
const mostMarks = 8
const none: ReadonlyArray<Interval> = []
const noCalls: ReadonlyArray<TraceFileCall> = []

interface WaterfallProps {
  readonly trace: Trace
  readonly rows: ReadonlyArray<Row>
  /** Waits for files of spans. */
  readonly calls: ReadonlyMap<number, ReadonlyArray<TraceFileCall>>
  readonly hues: ReadonlyMap<string, string>
  /** The chosen span, -1: none. */
  readonly chosen: number
  /** Spans that stand out; undefined: all alike. */
  readonly near: ReadonlySet<number> | undefined
  readonly view: Interval
  readonly onView: (view: Interval) => void
  readonly onSelect: (span: number) => void
  readonly onToggle: (span: number) => void
  readonly onToggleHop: (span: number) => void
}

export const Waterfall = (props: WaterfallProps) => {
  const { trace, rows, hues, chosen, near, view, onView, onSelect, onToggle } = props
  const scroller = useRef<HTMLDivElement>(null)
  const whole = useMemo(() => wholeOf(trace), [trace])
  const critical = useMemo(() => criticalParts(trace, shownAs(trace, rows)), [trace, rows])
  const marks = marksBetween(view.from, view.to, mostMarks)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.span ?? index,
    overscan: 12,
    scrollMargin: headHeight,
    scrollPaddingStart: headHeight,
  })
  const at = rows.findIndex((row) => row.span === chosen)
  const current = rows[at]

  const step = (by: number) => () => {
    const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))
    const row = rows[next]
    if (row !== undefined) onSelect(row.span)
  }
  const open = (): void => {
    if (current === undefined || current.children.length === 0) return
    if (current.isClosed) onToggle(current.span)
    else step(1)()
  }
  const close = (): void => {
    if (current === undefined) return
    if (current.children.length > 0 && !current.isClosed) onToggle(current.span)
    else if (current.parent >= 0) onSelect(current.parent)
  }
  useShortcuts({
    j: step(1),
    k: step(-1),
    ArrowDown: step(1),
    ArrowUp: step(-1),
    ArrowRight: open,
    ArrowLeft: close,
  })

  const show = useEffectEvent((index: number) => virtual.scrollToIndex(index))
  useEffect(() => {
    if (at < 0) return
    // At first the height of the list is not known yet.
    const frame = requestAnimationFrame(() => show(at))
    return () => cancelAnimationFrame(frame)
  }, [at])

  const hueOf = (service: string): string => hues.get(service) ?? "var(--dim)"
  return (
    <div className="waterfall" role="treegrid" aria-label="Spans" aria-rowcount={rows.length + 1}>
      {/* The scrolled part is reached by Tab, so that keys can scroll it. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div ref={scroller} className="waterfall-scroll" role="rowgroup" tabIndex={0} aria-label="Rows">
        <div className="waterfall-head" role="row" aria-rowindex={1}>
          <div role="columnheader" className="waterfall-legend">
            <span>
              <i className="legend-work" aria-hidden="true" /> works itself
            </span>
            <span>
              <i className="legend-wait" aria-hidden="true" /> waits below
            </span>
            <span>
              <i className="legend-way" aria-hidden="true" /> on the way or unseen
            </span>
            <span>
              <i className="legend-critical" aria-hidden="true" /> critical path
            </span>
            {props.calls.size === 0 ? null : (
              <span>
                <i className="legend-file" aria-hidden="true" /> file wait
              </span>
            )}
          </div>
          <div role="columnheader" className="waterfall-duration number">
            Duration
          </div>
          <div role="columnheader" className="waterfall-ruler">
            <Ruler
              trace={trace}
              rows={rows}
              hueOf={hueOf}
              whole={whole}
              view={view}
              marks={marks}
              onView={onView}
            />
          </div>
        </div>
        <div className="waterfall-rows" role="presentation" style={{ height: virtual.getTotalSize() }}>
          <div className="waterfall-lines" aria-hidden="true">
            {marks.map((us) => (
              <span key={us} style={{ left: `${((us - view.from) / (view.to - view.from)) * 100}%` }} />
            ))}
          </div>
          {virtual.getVirtualItems().map(({ index, start }) => {
            const row = rows[index]
            if (row === undefined) return null
            return (
              <WaterfallRow
                key={row.span}
                trace={trace}
                row={row}
                index={index}
                top={start - headHeight}
                hue={hueOf(trace.spans[row.span]!.service)}
                isChosen={row.span === chosen}
                isFar={near !== undefined && !near.has(row.span)}
                critical={critical.get(row.span) ?? none}
                calls={props.calls.get(row.span) ?? noCalls}
                view={view}
                onSelect={onSelect}
                onToggle={onToggle}
                onToggleHop={props.onToggleHop}
              />
            )
          })}
        </div>
      </div>
    </div>
  )
}
