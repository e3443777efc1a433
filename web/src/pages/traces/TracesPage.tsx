// The list of traces: how long they took over time, filters, and rows that come in as requests are made.

import type { TraceList, TraceSummary } from "../../api/traceContract.ts"
import { noRows } from "../../api/rowStore.ts"
import { useDurations, useSlowestTraces } from "../../api/traceQueries.ts"
import { type RowSource, type RowStream, useRowStream } from "../../api/useRowStream.ts"
import { setParams, usePlace } from "../../app/location.ts"
import { rangeInUrl } from "../../app/timeRange.ts"
import { type TimeScope, useTimeScope } from "../../app/useTimeScope.ts"
import { ErrorNote, StaleNote } from "../../parts/ErrorNote.tsx"
import { formatExact } from "../../parts/format.ts"
import { Loading } from "../../parts/Loading.tsx"
import { NothingHere } from "../../parts/NothingHere.tsx"
import { DurationPicture } from "./DurationPicture.tsx"
import { asQuery, type Filters, isFiltered, readFilters } from "./filters.ts"
import type { Selection } from "./heatmapScale.ts"
import { clearFilters, TraceFilters } from "./TraceFilters.tsx"
import { TraceTable } from "./TraceTable.tsx"
import "./traces.css"

const traceList: RowSource<TraceSummary> = {
  path: "/api/v1/traces",
  pageOf: (answer) => {
    const { traces, next } = answer as TraceList
    return { rows: traces, next }
  },
}

const nothing = (): void => undefined
const nothingMore = { hold: nothing, showWaiting: nothing, loadOlder: nothing }

const choose = ({ fromUs, toUs, minUs, maxUs }: Selection): void =>
  setParams({
    ...rangeInUrl({ kind: "absolute", fromUs, toUs }),
    live: "",
    minUs: String(minUs),
    maxUs: String(maxUs),
  })

interface ListProps {
  readonly scope: TimeScope
  readonly filters: Filters
  readonly params: URLSearchParams
}

interface FoundProps extends ListProps {
  readonly stream: RowStream<TraceSummary>
}

/** Filters, the picture and the rows, wherever these come from. */
const Found = ({ scope, filters, params, stream }: FoundProps) => {
  const durations = useDurations(scope, asQuery(filters))
  const { rows } = stream.store
  const sum = durations.data?.cells.reduce((all, { count }) => all + count, 0)
  const isSlowest = filters.order === "slowest"
  return (
    <div className="stream-page">
      <h1 className="hidden-text">Traces</h1>
      <div className="toolbar">
        <TraceFilters filters={filters} traces={rows} params={params} />
        {sum === undefined ? null : (
          <span className="rest" title="Each is told of by one of its requests">
            {formatExact(sum)} {sum === 1 ? "trace" : "traces"}
          </span>
        )}
      </div>
      <div className="traces-top">
        {durations.data === undefined ? (
          <div className="durations" />
        ) : (
          <DurationPicture map={durations.data} onChoose={choose} />
        )}
      </div>
      {rows.length === 0 ? null : <StaleNote error={stream.error} />}
      {rows.length > 0 ? (
        <TraceTable stream={stream} params={params} isSlowest={isSlowest} />
      ) : stream.error !== null ? (
        <div className="page-padding">
          <ErrorNote error={stream.error} title="The traces could not be loaded" />
        </div>
      ) : stream.isLoading ? (
        <Loading what="traces" />
      ) : (
        <NothingHere
          title={isFiltered(filters) ? "No such traces" : "No traces yet"}
          isFiltered={isFiltered(filters)}
          onClear={clearFilters}
        />
      )}
    </div>
  )
}

const Newest = (props: ListProps) => (
  <Found {...props} stream={useRowStream(traceList, props.scope, asQuery(props.filters))} />
)

/** Asked for anew each time: a slow one may come in anywhere. */
const Slowest = (props: ListProps) => {
  const { data, error, isPending } = useSlowestTraces(props.scope, asQuery(props.filters))
  const stream: RowStream<TraceSummary> = {
    url: "",
    store: { ...noRows, rows: data?.traces ?? [] },
    error,
    isLoading: isPending,
    isLoadingOlder: false,
    ...nothingMore,
  }
  return <Found {...props} stream={stream} />
}

export const TracesPage = () => {
  const { params } = usePlace()
  const scope = useTimeScope()
  const filters = readFilters(params)
  const List = filters.order === "slowest" ? Slowest : Newest
  return <List scope={scope} filters={filters} params={params} />
}
