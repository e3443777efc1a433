// The request list: a histogram, filters, and rows that come in as requests are made.

import { useHistogram } from "../../api/queries.ts"
import { usePlace } from "../../app/location.ts"
import { useTimeScope } from "../../app/useTimeScope.ts"
import type { Histogram, RequestPage, RequestRow } from "../../api/contract.ts"
import { type RowSource, useRowStream } from "../../api/useRowStream.ts"
import { ErrorNote, StaleNote } from "../../parts/ErrorNote.tsx"
import { formatCount, formatExact } from "../../parts/format.ts"
import { Loading } from "../../parts/Loading.tsx"
import { NothingHere } from "../../parts/NothingHere.tsx"
import { Segmented } from "../../parts/Segmented.tsx"
import { statusKinds } from "../../parts/status.tsx"
import { asQuery, type Filters, isFiltered, readFilters } from "./filters.ts"
import { totalOf } from "./histogramScale.ts"
import { clearFilters, RequestFilters, setFilter } from "./RequestFilters.tsx"
import { RequestHistogram } from "./RequestHistogram.tsx"
import { RequestTable } from "./RequestTable.tsx"
import "./requests.css"

const requestList: RowSource<RequestRow> = {
  path: "/api/v1/requests",
  pageOf: (answer) => answer as RequestPage,
}

interface SummaryProps {
  readonly histogram: Histogram | undefined
  readonly filters: Filters
}

/** The outcomes with their numbers, to choose one. */
const Outcomes = ({ histogram, filters }: SummaryProps) => {
  const buckets = histogram?.buckets ?? []
  const count = (text: string, value: number) => (
    <>
      {text} {histogram === undefined ? null : <span className="count">{formatCount(value)}</span>}
    </>
  )
  return (
    <Segmented
      name="Outcome"
      value={filters.status}
      choices={[
        ["", "All"],
        ...statusKinds.map((kind) => {
          const sum = buckets.reduce((all, bucket) => all + bucket[kind.count], 0)
          const text = (
            <>
              <i className="outcome" style={{ background: `var(${kind.color}-fill)` }} />
              {filters.status === "" || filters.status === kind.name ? count(kind.text, sum) : kind.text}
            </>
          )
          return [kind.name, text] as const
        }),
      ]}
      onChange={(status) => setFilter("status", status)}
    />
  )
}

export const RequestsPage = () => {
  const { params } = usePlace()
  const scope = useTimeScope()
  const filters = readFilters(params)
  const stream = useRowStream(requestList, scope, asQuery(filters))
  const histogram = useHistogram(scope, asQuery(filters))
  const { rows } = stream.store
  const sum = histogram.data?.buckets.reduce((all, bucket) => all + totalOf(bucket), 0)

  return (
    <div className="stream-page">
      <h1 className="hidden-text">Requests</h1>
      <div className="toolbar">
        <RequestFilters filters={filters} rows={rows} />
      </div>
      <div className="requests-top">
        <div className="requests-outcomes">
          <Outcomes histogram={histogram.data} filters={filters} />
          {sum === undefined ? null : (
            <span className="faint" title="A request that was seen at both processes is recorded at both">
              {formatExact(sum)} records
            </span>
          )}
        </div>
        {histogram.data === undefined ? (
          <div className="histogram" />
        ) : (
          <RequestHistogram histogram={histogram.data} />
        )}
      </div>
      {rows.length === 0 ? null : <StaleNote error={stream.error} />}
      {rows.length > 0 ? (
        <RequestTable stream={stream} params={params} />
      ) : stream.error !== null ? (
        <div className="page-padding">
          <ErrorNote error={stream.error} title="The requests could not be loaded" />
        </div>
      ) : stream.isLoading ? (
        <Loading what="requests" />
      ) : (
        <NothingHere
          title={isFiltered(filters) ? "No such requests" : "No requests yet"}
          isFiltered={isFiltered(filters)}
          onClear={clearFilters}
        />
      )}
    </div>
  )
}
