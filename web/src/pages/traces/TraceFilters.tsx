// The filters above the list of traces. What is chosen stands in the page's address.

import type { TraceSummary } from "../../api/traceContract.ts"
import { pageAddress, setParams } from "../../app/location.ts"
import { FilterChip } from "../../parts/FilterChip.tsx"
import { formatDuration } from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { protocolChoices } from "../../parts/protocols.ts"
import { SearchField } from "../../parts/SearchField.tsx"
import { Segmented } from "../../parts/Segmented.tsx"
import { Select } from "../../parts/Select.tsx"
import { statusKinds } from "../../parts/status.tsx"
import { TextFilter } from "../../parts/TextFilter.tsx"
import { serviceChoices } from "../requests/filters.ts"
import {
  type FilterName,
  type Filters,
  filterNames,
  isFiltered,
  isTraceId,
  readDuration,
  readTag,
} from "./filters.ts"

export const setFilters = (patch: Partial<Record<FilterName, string>>): void =>
  setParams(patch, { replace: true })

export const clearFilters = (): void => setFilters(Object.fromEntries(filterNames.map((name) => [name, ""])))

const statusChoices = [["", "Any"], ...statusKinds.map(({ name, text }) => [name, text] as const)] as const

const durationOf = (us: string): string => (us === "" ? "" : formatDuration(Number(us)))

const usOf = (text: string): string | undefined => readDuration(text)?.toString()

const tagOf = (text: string): string | undefined => {
  const tag = readTag(text)
  return tag === undefined ? undefined : `${tag.name}=${tag.value}`
}

interface FiltersProps {
  readonly filters: Filters
  readonly traces: ReadonlyArray<TraceSummary>
  readonly params: URLSearchParams
}

export const TraceFilters = ({ filters, traces, params }: FiltersProps) => {
  const change = (name: FilterName) => (value: string) => setFilters({ [name]: value })
  return (
    <>
      <SearchField name="Search path, host, trace id" value={filters.q} onChange={change("q")} />
      {isTraceId(filters.q) ? (
        <Link className="button primary" to={pageAddress(`/traces/${filters.q.trim()}`, params)}>
          Open this trace
        </Link>
      ) : null}
      <Segmented
        name="Order"
        value={filters.order}
        choices={[
          ["", "Newest"],
          ["slowest", "Slowest"],
        ]}
        onChange={(order) => setParams({ order }, { replace: true })}
      />
      <FilterChip name="Client" value={filters.client} onClear={() => setFilters({ client: "" })} />
      <FilterChip name="Server" value={filters.server} onClear={() => setFilters({ server: "" })} />
      <Select
        name="Service"
        value={filters.service}
        choices={serviceChoices(
          traces.map((trace) => trace.service),
          filters.service,
        )}
        onChange={change("service")}
      />
      <TextFilter name="Endpoint" value={filters.endpoint} placeholder="any" onChange={change("endpoint")} />
      <Select
        name="Protocol"
        value={filters.protocol}
        choices={protocolChoices(traces.map((trace) => trace.protocol))}
        onChange={change("protocol")}
      />
      <Select name="Outcome" value={filters.status} choices={statusChoices} onChange={change("status")} />
      <TextFilter
        name="At least"
        value={durationOf(filters.minUs)}
        placeholder="10 ms"
        read={usOf}
        onChange={change("minUs")}
      />
      <TextFilter
        name="At most"
        value={durationOf(filters.maxUs)}
        placeholder="2 s"
        read={usOf}
        onChange={change("maxUs")}
      />
      <TextFilter
        name="Tag"
        value={filters.tag}
        placeholder="pod=shop-1"
        read={tagOf}
        onChange={change("tag")}
      />
      {isFiltered(filters) ? (
        <button type="button" className="button" onClick={clearFilters}>
          Clear
        </button>
      ) : null}
    </>
  )
}
