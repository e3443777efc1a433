// One trace: where its time went, the waterfall of its spans, and why each of them hangs where it hangs.

import { useCallback, useMemo, useState } from "react"
import { ApiFailure } from "../../api/client.ts"
import type { Trace, TraceFileCall } from "../../api/traceContract.ts"
import { useTrace, useTraceEvents } from "../../api/traceQueries.ts"
import { pageAddress, setParams, usePlace } from "../../app/location.ts"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { ErrorNote, StaleNote } from "../../parts/ErrorNote.tsx"
import { Link } from "../../parts/Link.tsx"
import { Loading } from "../../parts/Loading.tsx"
import { around, type Interval, intervalOf, wholeOf } from "./bars.ts"
import { callsBySpan, waitsOfServices } from "./fileCalls.ts"
import { findSpans } from "./findSpans.ts"
import { foldableSpans, hopsOf } from "./hops.ts"
import { type Folding, nothingFolded, revealed, rowsOf } from "./rows.ts"
import { serviceGraph } from "./serviceGraph.ts"
import { serviceHues } from "./serviceHues.ts"
import { SpanPanel } from "./SpanPanel.tsx"
import { TimeSummary } from "./TimeSummary.tsx"
import { TraceHead, TraceNotes } from "./TraceHead.tsx"
import { TraceMap } from "./TraceMap.tsx"
import { TraceTools } from "./TraceTools.tsx"
import { Waterfall } from "./Waterfall.tsx"
import { whereTimeWent } from "./whereTimeWent.ts"
import "./trace.css"
import "./waterfall.css"

const change = (key: string) => (value: string) => setParams({ [key]: value }, { replace: true })

const toggled = (set: ReadonlySet<number>, item: number): ReadonlySet<number> => {
  const next = new Set(set)
  if (!next.delete(item)) next.add(item)
  return next
}

/** In the order in which they come; a service that nobody looks into is only an end of calls. */
const servicesOf = (trace: Trace): ReadonlyArray<string> =>
  trace.spans
    .flatMap(({ client, service, server }) => [
      client.service || client.ip,
      service,
      server.service || server.ip,
    ])
    .filter((name) => name !== "")

/** What follows from the trace alone. */
const useShape = (trace: Trace) =>
  useMemo(() => {
    const hops = hopsOf(trace)
    return {
      hops,
      foldable: foldableSpans(trace, hops),
      shares: whereTimeWent(trace, hops),
      graph: serviceGraph(trace, hops),
      hues: serviceHues(servicesOf(trace)),
      whole: wholeOf(trace),
    }
  }, [trace])

interface ViewProps {
  readonly trace: Trace
  readonly files: ReadonlyArray<TraceFileCall>
  readonly params: URLSearchParams
  readonly onAgain: () => void
}

const noFiles: ReadonlyArray<TraceFileCall> = []

const TraceView = ({ trace, files, params, onAgain }: ViewProps) => {
  const shape = useShape(trace)
  const { hops, foldable, hues, whole } = shape
  const [folds, setFolds] = useState<Pick<Folding, "openHops" | "closed">>(nothingFolded)
  const [view, setView] = useState<Interval>()
  const isNetworkShown = params.get("net") === "1"
  const search = params.get("q") ?? ""
  const service = params.get("service") ?? ""
  const folding = useMemo(() => ({ ...folds, isNetworkShown }), [folds, isNetworkShown])
  const chosen = trace.spans.findIndex(({ id }) => id === params.get("span"))
  const shown = useMemo(
    () => (chosen < 0 ? folding : revealed(trace, hops, foldable, folding, chosen)),
    [trace, hops, foldable, folding, chosen],
  )
  const rows = useMemo(() => rowsOf(trace, hops, foldable, shown), [trace, hops, foldable, shown])
  const calls = useMemo(() => callsBySpan(trace, files), [trace, files])
  const near = useMemo(() => findSpans(trace, { text: search, service }), [trace, search, service])

  const select = useCallback((at: number) => change("span")(trace.spans[at]?.id ?? ""), [trace])
  const toggle = useCallback((at: number) => {
    setFolds((before) => ({ ...before, closed: toggled(before.closed, at) }))
  }, [])
  const toggleHop = useCallback(
    (at: number) => {
      setFolds((before) => ({ ...before, openHops: toggled(before.openHops, hops.ofSpan[at]!) }))
    },
    [hops],
  )
  const criticalUs = useMemo(
    () =>
      trace.criticalPath.reduce(
        (sum, part) => (part.span === chosen ? sum + part.endUs - part.startUs : sum),
        0,
      ),
    [trace, chosen],
  )

  return (
    <div className="trace-page">
      <TraceHead trace={trace} params={params} />
      <TraceNotes trace={trace} onSelect={select} onAgain={onAgain} />
      <div className="trace-top">
        <TimeSummary
          shares={shape.shares}
          waits={waitsOfServices(trace, calls)}
          hues={hues}
          onSelect={select}
        />
        {shape.graph === undefined ? null : (
          <TraceMap graph={shape.graph} hues={hues} chosen={service} onChoose={change("service")} />
        )}
      </div>
      <TraceTools
        trace={trace}
        rows={rows}
        foldable={foldable.size}
        isNetworkShown={isNetworkShown}
        search={search}
        near={near}
        chosen={chosen}
        isPart={view !== undefined}
        onSearch={change("q")}
        onNetwork={(isShown) => change("net")(isShown ? "1" : "")}
        onFold={(closed) => setFolds({ openHops: new Set(), closed })}
        onZoom={() => {
          const span = trace.spans[chosen]
          if (span !== undefined) setView(around(intervalOf(trace, span), whole))
        }}
        onWhole={() => setView(undefined)}
        onSelect={select}
      />
      <div className="trace-body">
        <Waterfall
          trace={trace}
          rows={rows}
          calls={calls}
          hues={hues}
          chosen={chosen}
          near={near}
          view={view ?? whole}
          onView={(next) => setView(next.from === whole.from && next.to === whole.to ? undefined : next)}
          onSelect={select}
          onToggle={toggle}
          onToggleHop={toggleHop}
        />
        {chosen < 0 ? null : (
          <SpanPanel
            key={chosen}
            trace={trace}
            at={chosen}
            params={params}
            criticalUs={criticalUs}
            calls={calls.get(chosen) ?? noFiles}
            onSelect={select}
            onClose={() => change("span")("")}
          />
        )}
      </div>
    </div>
  )
}

const NoSuchTrace = ({ params }: { readonly params: URLSearchParams }) => (
  <EmptyState
    title="There is no such trace"
    text="It may be older than what is kept, not stored yet, or the address is wrong. A trace is named by a trace id or by the number of any of its requests."
  >
    <Link className="button" to={pageAddress("/traces", params)}>
      All traces
    </Link>
  </EmptyState>
)

const idOf = (path: string): string => {
  const text = path.slice("/traces/".length)
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

export const TracePage = () => {
  const { path, params } = usePlace()
  const id = idOf(path)
  const isFollowed = params.get("live") !== "0"
  const answer = useTrace(id, isFollowed)
  // Without them the trace is shown all the same.
  const events = useTraceEvents(id, isFollowed, answer.data !== undefined)
  if (answer.data !== undefined) {
    if (answer.data.spans.length === 0) return <NoSuchTrace params={params} />
    return (
      <>
        <StaleNote error={answer.error} />
        <TraceView
          trace={answer.data}
          files={events.data?.files ?? noFiles}
          params={params}
          onAgain={() => void answer.refetch()}
        />
      </>
    )
  }
  if (!answer.isError) return <Loading what="the trace" />
  if (answer.error instanceof ApiFailure && answer.error.status === 404)
    return <NoSuchTrace params={params} />
  return (
    <div className="page-padding">
      <ErrorNote
        error={answer.error}
        title="The trace could not be loaded"
        onRetry={() => void answer.refetch()}
      />
    </div>
  )
}
