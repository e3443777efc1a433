// The first page: who calls whom, how often, how fast, what fails; as a picture or as a table.

import { useCallback, useMemo } from "react"
import { useServiceMap } from "../../api/queries.ts"
import { setParams, usePlace } from "../../app/location.ts"
import { useTimeScope } from "../../app/useTimeScope.ts"
import { ErrorNote, StaleNote } from "../../parts/ErrorNote.tsx"
import { formatPercent, formatRate } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { Loading } from "../../parts/Loading.tsx"
import { NothingHere } from "../../parts/NothingHere.tsx"
import { protocolChoices } from "../../parts/protocols.ts"
import { SearchField } from "../../parts/SearchField.tsx"
import { Segmented } from "../../parts/Segmented.tsx"
import { Select } from "../../parts/Select.tsx"
import type { ServiceMap } from "../../api/contract.ts"
import { drawnAsIs, foldAddresses } from "./foldAddresses.ts"
import { MapGraph } from "./MapGraph.tsx"
import { MapPanel } from "./MapPanel.tsx"
import { MapTable } from "./MapTable.tsx"
import "./map.css"

const Summary = ({ map }: { readonly map: ServiceMap }) => {
  const requests = map.edges.reduce((sum, edge) => sum + edge.requests, 0)
  const errors = map.edges.reduce((sum, edge) => sum + edge.errors, 0)
  const services = map.nodes.filter((node) => node.kind === "process").length
  return (
    <span className="rest">
      {services} services · {map.edges.length} calls · {formatRate(requests / map.seconds)} ·{" "}
      {formatPercent(requests === 0 ? 0 : errors / requests)} errors
    </span>
  )
}

const change = (key: string) => (value: string) => setParams({ [key]: value }, { replace: true })

export const MapPage = () => {
  const { params } = usePlace()
  const scope = useTimeScope()
  const search = params.get("q") ?? ""
  const protocol = params.get("protocol") ?? ""
  const isTable = params.get("view") === "table"
  const isFolded = params.get("fold") !== "0"
  const selected = params.get("sel") ?? ""
  const answer = useServiceMap(scope, { protocol })
  const map = answer.data
  const folded = useMemo(
    () => (map === undefined ? undefined : isFolded ? foldAddresses(map) : drawnAsIs(map)),
    [map, isFolded],
  )
  const asIs = useMemo(() => (map === undefined ? undefined : drawnAsIs(map)), [map])
  const drawn = isTable ? asIs : folded
  const select = useCallback((id: string) => setParams({ sel: id }, { replace: true }), [])
  const hasFolds = asIs !== undefined && folded !== undefined && folded.nodes.length < asIs.nodes.length

  return (
    <div className="map-page">
      <h1 className="hidden-text">Service map</h1>
      <div className="toolbar">
        <SearchField name="Find a service" value={search} onChange={change("q")} />
        <Select
          name="Protocol"
          value={protocol}
          choices={protocolChoices(map?.edges.flatMap((edge) => edge.protocols) ?? [])}
          onChange={change("protocol")}
        />
        <Segmented
          name="View"
          value={isTable ? "table" : ""}
          choices={[
            ["", <ViewName key="graph" icon="graph" text="Picture" />],
            ["table", <ViewName key="table" icon="table" text="Table" />],
          ]}
          onChange={change("view")}
        />
        {!isTable && (hasFolds || !isFolded) ? (
          <label className="check">
            <input
              type="checkbox"
              checked={isFolded}
              onChange={(event) => change("fold")(event.target.checked ? "" : "0")}
            />
            Fold addresses
          </label>
        ) : null}
        {map === undefined ? null : <Summary map={map} />}
      </div>
      {map === undefined ? null : <StaleNote error={answer.error} />}
      {map?.truncated === true ? (
        <p className="table-note">Only the 500 calls with the most requests are shown.</p>
      ) : null}
      <div className="map-body">
        {map === undefined || drawn === undefined ? (
          answer.isError ? (
            <div className="page-padding">
              <ErrorNote error={answer.error} onRetry={() => void answer.refetch()} />
            </div>
          ) : (
            <Loading what="the map" />
          )
        ) : map.edges.length === 0 ? (
          <NothingHere
            title={protocol === "" ? "No requests yet" : `No ${protocol} requests`}
            isFiltered={protocol !== ""}
            onClear={() => setParams({ protocol: "" })}
          />
        ) : isTable ? (
          <MapTable map={map} search={search} selected={selected} onSelect={select} />
        ) : (
          <MapGraph map={drawn} search={search} selected={selected} onSelect={select} />
        )}
        {selected === "" || drawn === undefined ? null : (
          <MapPanel
            key={selected}
            map={drawn}
            selected={selected}
            scope={scope}
            params={params}
            onSelect={select}
          />
        )}
      </div>
    </div>
  )
}

const ViewName = ({ icon, text }: { readonly icon: "graph" | "table"; readonly text: string }) => (
  <>
    <Icon name={icon} />
    {text}
  </>
)
