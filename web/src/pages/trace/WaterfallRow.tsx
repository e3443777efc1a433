// One line of the waterfall: whose span it is and what it did, its marks, its bar.

import { type CSSProperties, memo } from "react"
import type { Trace, TraceFileCall, TraceSpan } from "../../api/traceContract.ts"
import { endName } from "../../parts/ends.ts"
import { formatDuration } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { pointOf } from "../../parts/points.ts"
import { StatusMark, statusText } from "../../parts/status.tsx"
import type { Interval } from "./bars.ts"
import type { Row } from "./rows.ts"
import { SpanBar } from "./SpanBar.tsx"

/** Deeper ones stand no further to the right. */
const maxIndent = 14

interface RowProps {
  readonly trace: Trace
  readonly row: Row
  readonly index: number
  readonly top: number
  readonly hue: string
  readonly isChosen: boolean
  readonly isFar: boolean
  readonly critical: ReadonlyArray<Interval>
  readonly calls: ReadonlyArray<TraceFileCall>
  readonly view: Interval
  readonly onSelect: (span: number) => void
  readonly onToggle: (span: number) => void
  readonly onToggleHop: (span: number) => void
}

const isError = (status: string): boolean => status !== "ok" && status !== "unknown"

/** Shorter than the mark of a request: a line has little room. */
const ErrorMark = ({ span }: { readonly span: TraceSpan }) =>
  span.code === null ? (
    <span className={`status status-${span.status}`} title={statusText(span.status)}>
      {span.status === "timeout" ? "no answer" : "error"}
    </span>
  ) : (
    <StatusMark status={span.status} code={span.code} />
  )

export const WaterfallRow = memo((props: RowProps) => {
  const { trace, row, hue, isChosen, critical, calls, view } = props
  const span = trace.spans[row.span]!
  const isFirstRoot = trace.roots[0] === row.span
  const service = endName(span.service || span.server.ip)
  return (
    // Keys reach a row through j, k, the arrows and Enter.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      role="row"
      tabIndex={-1}
      aria-rowindex={props.index + 2}
      aria-level={row.depth + 1}
      aria-selected={isChosen}
      aria-expanded={row.children.length === 0 ? undefined : !row.isClosed}
      className={`span-row${isChosen ? " is-chosen" : ""}${props.isFar ? " is-far" : ""}${
        critical.length > 0 ? " is-critical" : ""
      }`}
      style={{ transform: `translateY(${props.top}px)`, "--hue": hue } as CSSProperties}
      onClick={() => props.onSelect(row.span)}
    >
      <div role="gridcell" className="span-name">
        <span
          className="span-indent"
          style={{ "--depth": Math.min(row.depth, maxIndent) } as CSSProperties}
          aria-hidden="true"
        />
        {row.children.length === 0 ? (
          <span className="span-toggle" />
        ) : (
          <button
            type="button"
            tabIndex={-1}
            className="span-toggle"
            aria-label={row.isClosed ? `Show ${row.hidden} spans below` : "Put the spans below away"}
            onClick={(event) => {
              event.stopPropagation()
              props.onToggle(row.span)
            }}
          >
            <Icon name={row.isClosed ? "right" : "down"} />
          </button>
        )}
        <i className={`service-dot dot-${span.kind} dot-role-${span.role}`} aria-hidden="true" />
        <span
          className="cut span-text"
          title={`${service}: ${span.resource || span.name} (${pointOf(span.point).text})`}
        >
          <b>{service}</b> {span.name}
        </span>
        {isError(span.status) ? <ErrorMark span={span} /> : null}
        {row.isClosed ? <span className="span-chip">+{row.hidden}</span> : null}
        {row.parent < 0 && !isFirstRoot ? <span className="span-chip chip-warn">no parent found</span> : null}
        {calls.length === 0 ? null : (
          <span className="span-chip chip-file">
            {calls.length} {calls.length === 1 ? "file wait" : "file waits"}
          </span>
        )}
        {row.foldedNetwork > 0 || row.isHopOpen ? (
          <button
            type="button"
            tabIndex={-1}
            className="span-chip chip-network"
            title={row.isHopOpen ? "Fold the network of this call" : "Show the network of this call"}
            onClick={(event) => {
              event.stopPropagation()
              props.onToggleHop(row.span)
            }}
          >
            {row.isHopOpen ? "fold network" : `${row.foldedNetwork} network`}
          </button>
        ) : null}
        <span className="span-point faint">{pointOf(span.point).short}</span>
      </div>
      <div role="gridcell" className="span-duration number">
        {span.isAnswered ? formatDuration(span.durationUs) : <span className="soft">no answer</span>}
      </div>
      <div role="gridcell" className="span-track">
        <SpanBar
          trace={trace}
          span={span}
          critical={critical}
          calls={calls}
          view={view}
          below={row.isClosed ? [] : row.children.map((at) => trace.spans[at]!)}
        />
      </div>
    </div>
  )
})
