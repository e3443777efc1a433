// The services of the map, as cards.

import { memo } from "react"
import { formatLatency, formatPercent, formatRate } from "../../parts/format.ts"
import type { Emphasis } from "./drawing.ts"
import type { DrawnNode } from "./foldAddresses.ts"
import { type Layout, nodeSize, toneOf } from "./layout.ts"

const Numbers = ({ node }: { readonly node: DrawnNode }) => {
  if (node.requests === 0) return <span className="faint">asks only</span>
  const tone = toneOf(node.errorRatio)
  return (
    <>
      <b>{formatRate(node.ratePerSecond)}</b>
      <span>
        <span className="hidden-text">p95 </span>
        {formatLatency(node.p95Us)}
      </span>
      {tone === "plain" ? null : (
        <span className={`tone-${tone}`}>
          {formatPercent(node.errorRatio)}
          <span className="hidden-text"> errors</span>
        </span>
      )}
    </>
  )
}

interface NodesProps {
  readonly nodes: ReadonlyArray<DrawnNode>
  readonly layout: Layout
  readonly emphasis: Emphasis
  readonly selected: string
  readonly onSelect: (id: string) => void
  readonly onPoint: (id: string | undefined) => void
}

export const MapNodes = memo(({ nodes, layout, emphasis, selected, onSelect, onPoint }: NodesProps) =>
  nodes.map((node) => {
    const at = layout.nodes[node.id]
    if (at === undefined) return null
    const isFar = emphasis.nodes !== undefined && !emphasis.nodes.has(node.id)
    const tone = node.requests === 0 ? "none" : toneOf(node.errorRatio)
    return (
      <button
        key={node.id}
        type="button"
        data-node={node.id}
        className={`map-node node-${node.kind} node-${tone}${isFar ? " is-far" : ""}`}
        aria-pressed={node.id === selected}
        style={{
          ...nodeSize,
          transform: `translate(${at.x - nodeSize.width / 2}px, ${at.y - nodeSize.height / 2}px)`,
        }}
        onClick={() => onSelect(node.id)}
        onPointerEnter={() => onPoint(node.id)}
        onPointerLeave={() => onPoint(undefined)}
        onFocus={() => onPoint(node.id)}
        onBlur={() => onPoint(undefined)}
      >
        <span className="map-node-top">
          <span className="map-node-name cut" title={node.name}>
            {node.name}
          </span>
          {node.processes.length > 1 ? (
            <span className="map-node-count">×{node.processes.length}</span>
          ) : null}
          {node.kind === "external" ? <span className="map-node-count">ext</span> : null}
        </span>
        <span className="map-node-numbers">
          <Numbers node={node} />
        </span>
      </button>
    )
  }),
)
