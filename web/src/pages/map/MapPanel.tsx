// Beside the map: what is known of the chosen service or call.

import type { ReactNode } from "react"
import type { TimeScope } from "../../app/useTimeScope.ts"
import { Icon } from "../../parts/Icon.tsx"
import { SidePanel } from "../../parts/SidePanel.tsx"
import { CallDetails } from "./CallDetails.tsx"
import { type DrawnEdge, type DrawnMap, type DrawnNode, nameOfNode } from "./foldAddresses.ts"
import { ServiceDetails } from "./ServiceDetails.tsx"
import "./panel.css"

const NodeTitle = ({ node }: { readonly node: DrawnNode }) => (
  <>
    <h2>{node.name}</h2>
    <p className="faint">
      {node.members.length > 0
        ? `${node.members.length} external addresses with the same neighbours`
        : node.kind === "external"
          ? "External: no process that Sonde sees"
          : node.processes.length === 1
            ? `Process ${node.processes[0]!.pid}`
            : `${node.processes.length} processes`}
    </p>
  </>
)

const EdgeTitle = ({ edge, map }: { readonly edge: DrawnEdge; readonly map: DrawnMap }) => (
  <>
    <h2 className="call-title">
      {nameOfNode(map, edge.client)}
      <Icon name="arrow" />
      <span className="hidden-text"> calls </span>
      {nameOfNode(map, edge.server)}
    </h2>
    <p className="faint">{edge.protocols.join(", ")}</p>
  </>
)

/** For what is not on the map now: ids of calls are two names. */
const nameOfId = (id: string): string => {
  try {
    return id.split(">").map(decodeURIComponent).join(" → ")
  } catch {
    return id
  }
}

interface MapPanelProps {
  readonly map: DrawnMap
  readonly selected: string
  readonly scope: TimeScope
  readonly params: URLSearchParams
  readonly onSelect: (id: string) => void
}

export const MapPanel = ({ map, selected, scope, params, onSelect }: MapPanelProps) => {
  const node = map.nodes.find((each) => each.id === selected)
  const edge = map.edges.find((each) => each.id === selected)
  const shut = () => {
    const opener = document.querySelector<HTMLElement>(`[data-node="${CSS.escape(selected)}"]`)
    onSelect("")
    opener?.focus({ preventScroll: true })
  }
  let title: ReactNode = <h2>{nameOfId(selected)}</h2>
  let body: ReactNode = <p className="soft">No requests in this time range.</p>
  if (node !== undefined) {
    title = <NodeTitle node={node} />
    body = (
      <ServiceDetails key={node.id} node={node} map={map} scope={scope} params={params} onSelect={onSelect} />
    )
  } else if (edge !== undefined) {
    title = <EdgeTitle edge={edge} map={map} />
    body = <CallDetails key={edge.id} edge={edge} scope={scope} params={params} />
  }
  return (
    <SidePanel label="Details" bodyLabel="Numbers and requests" title={title} onClose={shut}>
      {body}
    </SidePanel>
  )
}
