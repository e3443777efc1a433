// The filters above the request list. What is chosen stands in the page's address.

import type { RequestRow } from "../../api/contract.ts"
import { setParams } from "../../app/location.ts"
import { FilterChip } from "../../parts/FilterChip.tsx"
import { formatDuration } from "../../parts/format.ts"
import { protocolChoices } from "../../parts/protocols.ts"
import { SearchField } from "../../parts/SearchField.tsx"
import { Select } from "../../parts/Select.tsx"
import {
  durationChoices,
  type FilterName,
  type Filters,
  filterNames,
  isFiltered,
  pointChoices,
  serviceChoices,
} from "./filters.ts"

export const setFilter = (name: FilterName, value: string): void =>
  setParams({ [name]: value }, { replace: true })

export const clearFilters = (): void =>
  setParams(Object.fromEntries(filterNames.map((name) => [name, ""])), { replace: true })

interface FiltersProps {
  readonly filters: Filters
  readonly rows: ReadonlyArray<RequestRow>
}

export const RequestFilters = ({ filters, rows }: FiltersProps) => {
  const change = (name: FilterName) => (value: string) => setFilter(name, value)
  return (
    <>
      <SearchField name="Search path, host, service, trace id" value={filters.q} onChange={change("q")} />
      <FilterChip name="Service" value={filters.service} onClear={() => setFilter("service", "")} />
      <FilterChip name="Agent" value={filters.agent} onClear={() => setFilter("agent", "")} />
      <Select
        name="Client"
        value={filters.client}
        choices={serviceChoices(
          rows.map((row) => row.client),
          filters.client,
        )}
        onChange={change("client")}
      />
      <Select
        name="Server"
        value={filters.server}
        choices={serviceChoices(
          rows.map((row) => row.server),
          filters.server,
        )}
        onChange={change("server")}
      />
      <Select
        name="Protocol"
        value={filters.protocol}
        choices={protocolChoices(rows.map((row) => row.protocol))}
        onChange={change("protocol")}
      />
      <Select name="Seen at" value={filters.point} choices={pointChoices} onChange={change("point")} />
      <Select
        name="At least"
        value={filters.minUs}
        choices={durationChoices(filters.minUs, formatDuration)}
        onChange={change("minUs")}
      />
      {isFiltered(filters) ? (
        <button type="button" className="button" onClick={clearFilters}>
          Clear
        </button>
      ) : null}
    </>
  )
}
