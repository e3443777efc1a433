// The map as a table: who calls whom, with all numbers.

import { useState } from "react"
import type { MapEdge, ServiceMap } from "../../api/contract.ts"
import { useShortcuts } from "../../app/shortcuts.ts"
import { formatCount, formatLatency, formatPercent, formatRate } from "../../parts/format.ts"
import { pointOf } from "../../parts/points.ts"
import { Protocol } from "../../parts/Protocol.tsx"
import { SortHeader, sortedBy, type Sorting } from "../../parts/SortHeader.tsx"
import { toneOf } from "./layout.ts"

const columns = {
  client: { text: "Client", value: (edge: MapEdge) => edge.client },
  server: { text: "Server", value: (edge: MapEdge) => edge.server },
  protocol: { text: "Protocol", value: (edge: MapEdge) => edge.protocols.join() },
  seen: { text: "Seen at", value: (edge: MapEdge) => edge.observedAt.join() },
  rate: { text: "Rate", value: (edge: MapEdge) => edge.ratePerSecond },
  requests: { text: "Requests", value: (edge: MapEdge) => edge.requests },
  errors: { text: "Errors", value: (edge: MapEdge) => edge.errorRatio },
  p50: { text: "p50", value: (edge: MapEdge) => edge.p50Us },
  p95: { text: "p95", value: (edge: MapEdge) => edge.p95Us },
  max: { text: "Max", value: (edge: MapEdge) => edge.maxUs },
}
type Column = keyof typeof columns
const numbers: ReadonlyArray<Column> = ["rate", "requests", "errors", "p50", "p95", "max"]

interface MapTableProps {
  readonly map: ServiceMap
  readonly search: string
  readonly selected: string
  readonly onSelect: (id: string) => void
}

export const MapTable = ({ map, search, selected, onSelect }: MapTableProps) => {
  const [sorting, setSorting] = useState<Sorting<Column>>({ by: "rate", isDown: true })
  const text = search.toLowerCase()
  const found = map.edges.filter((edge) => `${edge.client}\n${edge.server}`.toLowerCase().includes(text))
  const drawn = sortedBy(found, columns[sorting.by].value, sorting.isDown)
  const step = (by: number) => () => {
    const at = drawn.findIndex((edge) => edge.id === selected)
    const next = drawn[at < 0 ? 0 : Math.min(drawn.length - 1, Math.max(0, at + by))]
    if (next === undefined) return
    onSelect(next.id)
    document.querySelector(`tr[data-edge="${CSS.escape(next.id)}"]`)?.scrollIntoView({ block: "nearest" })
  }
  useShortcuts({ j: step(1), k: step(-1) })

  return (
    // The scrolled part is reached by Tab, so that keys can scroll it.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="map-table" role="region" aria-label="Calls" tabIndex={0}>
      <table className="data-table">
        <thead>
          <tr>
            {Object.entries(columns).map(([key, column]) => (
              <SortHeader
                key={key}
                column={key as Column}
                text={column.text}
                sorting={sorting}
                isNumber={numbers.includes(key as Column)}
                onSort={setSorting}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {drawn.map((edge) => (
            <tr
              key={edge.id}
              data-edge={edge.id}
              className={edge.id === selected ? "is-chosen" : undefined}
              onClick={() => onSelect(edge.id)}
            >
              <td>
                <button type="button" className="cell-button" onClick={() => onSelect(edge.id)}>
                  {edge.client}
                  <span className="hidden-text"> calls {edge.server}</span>
                </button>
              </td>
              <td>{edge.server}</td>
              <td>
                {edge.protocols.map((name) => (
                  <Protocol key={name} name={name} />
                ))}
              </td>
              <td className="soft">{edge.observedAt.map((name) => pointOf(name).short).join(", ")}</td>
              <td className="number">{formatRate(edge.ratePerSecond)}</td>
              <td className="number">{formatCount(edge.requests)}</td>
              <td className={`number tone-${toneOf(edge.errorRatio)}`}>{formatPercent(edge.errorRatio)}</td>
              <td className="number">{formatLatency(edge.p50Us)}</td>
              <td className="number">{formatLatency(edge.p95Us)}</td>
              <td className="number">{formatLatency(edge.maxUs)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {found.length === 0 ? <p className="table-note">No call matches “{search}”.</p> : null}
    </div>
  )
}
