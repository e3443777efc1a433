// The list of traces: how long they took over time, filters, and rows that come in as requests are made.

import type { TraceList, TraceSummary } from "../../api/traceContract.ts"
import { useDurations } from "../../api/traceQueries.ts"
import { type RowSource, useRowStream } from "../../api/useRowStream.ts"
import { setParams, usePlace } from "../../app/location.ts"
import { rangeInUrl } from "../../app/timeRange.ts"
import { useTimeScope } from "../../app/useTimeScope.ts"
import { ErrorNote, StaleNote } from "../../parts/ErrorNote.tsx"
import { formatExact } from "../../parts/format.ts"
import { Loading } from "../../parts/Loading.tsx"
import { NothingHere } from "../../parts/NothingHere.tsx"
import { DurationPicture } from "./DurationPicture.tsx"
import { asQuery, isFiltered, readFilters } from "./filters.ts"
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

const choose = ({ fromUs, toUs, minUs, maxUs }: Selection): void =>
  setParams({
    ...rangeInUrl({ kind: "absolute", fromUs, toUs }),
    live: "",
    minUs: String(minUs),
    maxUs: String(maxUs),
  })

export const TracesPage = () => {
  const { params } = usePlace()
  const scope = useTimeScope()
  const filters = readFilters(params)
  const stream = useRowStream(traceList, scope, asQuery(filters))
  const durations = useDurations(scope, asQuery(filters))
  const { rows } = stream.store
  const sum = durations.data?.cells.reduce((all, { count }) => all + count, 0)

  return (
    <div className="traces-page">
      <h1 className="hidden-text">Traces</h1>
      <div className="toolbar">
        <TraceFilters filters={filters} traces={rows} params={params} />
        {sum === undefined ? null : (
          <span className="rest" title="Each is told of by the request that it begins with">
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
        <TraceTable stream={stream} params={params} />
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
