// Above the waterfall: find spans, show the network, fold and unfold, go from error to error.

import { useMemo } from "react"
import type { Trace } from "../../api/traceContract.ts"
import { useShortcuts } from "../../app/shortcuts.ts"
import { formatExact } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { SearchField } from "../../parts/SearchField.tsx"
import { nextFound } from "./findSpans.ts"
import type { Row } from "./rows.ts"

interface ToolsProps {
  readonly trace: Trace
  readonly rows: ReadonlyArray<Row>
  /** Spans of the network that can be folded. */
  readonly foldable: number
  readonly isNetworkShown: boolean
  readonly search: string
  readonly near: ReadonlySet<number> | undefined
  readonly chosen: number
  /** Only a part of the time is shown. */
  readonly isPart: boolean
  readonly onSearch: (text: string) => void
  readonly onNetwork: (isShown: boolean) => void
  readonly onFold: (closed: ReadonlySet<number>) => void
  readonly onZoom: () => void
  readonly onWhole: () => void
  readonly onSelect: (span: number) => void
}

/** Rows this deep and deeper are put away by "fold". */
const keptDepth = 3

export const TraceTools = (props: ToolsProps) => {
  const { trace, rows, near, chosen, isNetworkShown, foldable } = props
  const errors = useMemo(
    () =>
      new Set(trace.spans.flatMap(({ status }, at) => (status === "ok" || status === "unknown" ? [] : [at]))),
    [trace],
  )
  const isFolded = rows.some((row) => row.isClosed)
  const goTo = (found: ReadonlySet<number> | undefined): void => {
    const next = found === undefined ? undefined : nextFound(found, chosen)
    if (next !== undefined) props.onSelect(next)
  }
  const fold = (): void =>
    props.onFold(
      isFolded
        ? new Set()
        : new Set(
            rows.flatMap((row) => (row.depth >= keptDepth && row.children.length > 0 ? [row.span] : [])),
          ),
    )
  useShortcuts({
    n: () => goTo(near ?? new Set()),
    e: () => goTo(errors),
    z: props.onZoom,
    0: props.onWhole,
    w: () => props.onNetwork(!isNetworkShown),
  })
  return (
    <div className="toolbar trace-tools">
      <SearchField name="Find spans in this trace" value={props.search} onChange={props.onSearch} />
      {near === undefined ? null : (
        <button
          type="button"
          className="button"
          title="Next one found (n)"
          disabled={near.size === 0}
          onClick={() => goTo(near)}
        >
          {near.size === 0 ? "None found" : `Next of ${formatExact(near.size)}`}
        </button>
      )}
      {foldable === 0 ? null : (
        <label className="check" title="w">
          <input
            type="checkbox"
            checked={isNetworkShown}
            onChange={(event) => props.onNetwork(event.target.checked)}
          />
          Show network
        </label>
      )}
      {rows.length < 8 && !isFolded ? null : (
        <button type="button" className="button" onClick={fold}>
          {isFolded ? "Unfold all" : "Fold deep spans"}
        </button>
      )}
      {errors.size === 0 ? null : (
        <button type="button" className="button" title="Next error (e)" onClick={() => goTo(errors)}>
          <Icon name="warning" /> Next error
        </button>
      )}
      {chosen < 0 ? null : (
        <button
          type="button"
          className="button"
          title="Only the time of this span (z)"
          onClick={props.onZoom}
        >
          <Icon name="search" /> Zoom to span
        </button>
      )}
      {props.isPart ? (
        <button type="button" className="button" title="All of the trace's time (0)" onClick={props.onWhole}>
          <Icon name="fit" /> Whole time
        </button>
      ) : null}
      <span className="rest">
        {rows.length === trace.spans.length
          ? `${formatExact(rows.length)} ${rows.length === 1 ? "span" : "spans"}`
          : `${formatExact(rows.length)} of ${formatExact(trace.spans.length)} spans shown`}
      </span>
    </div>
  )
}
