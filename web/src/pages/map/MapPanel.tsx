// Beside the map: what is known of the chosen service or call.

import { type ReactNode, useEffect, useRef } from "react"
import { useShortcuts } from "../../app/shortcuts.ts"
import type { TimeScope } from "../../app/useTimeScope.ts"
import { Icon } from "../../parts/Icon.tsx"
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
  const close = useRef<HTMLButtonElement>(null)
  const node = map.nodes.find((each) => each.id === selected)
  const edge = map.edges.find((each) => each.id === selected)
  const shut = () => {
    const opener = document.querySelector<HTMLElement>(`[data-node="${CSS.escape(selected)}"]`)
    onSelect("")
    opener?.focus({ preventScroll: true })
  }
  useShortcuts({ Escape: shut })
  useEffect(() => {
    // Only a key press moves the focus here: a click keeps it where it is.
    if (document.activeElement?.matches(":focus-visible") === true) close.current?.focus()
  }, [])

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
    <aside className="map-panel" aria-label="Details">
      <header>
        <div>{title}</div>
        <button
          ref={close}
          type="button"
          className="icon-button"
          aria-label="Close details"
          title="Close (Esc)"
          onClick={shut}
        >
          <Icon name="close" />
        </button>
      </header>
      {/* The scrolled part is reached by Tab, so that keys can scroll it. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="map-panel-body" tabIndex={0} role="region" aria-label="Numbers and requests">
        {body}
      </div>
    </aside>
  )
}
