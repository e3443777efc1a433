// Who called whom in this trace, as a small picture; a service chosen in it stands out in the waterfall.

import type { CSSProperties } from "react"
import { Icon } from "../../parts/Icon.tsx"
import type { GraphEdge, GraphNode, ServiceGraph } from "./serviceGraph.ts"

interface MapProps {
  readonly graph: ServiceGraph
  readonly hues: ReadonlyMap<string, string>
  readonly chosen: string
  readonly onChoose: (service: string) => void
}

const columnWidth = 146
const boxWidth = 116
const rowHeight = 30

const middle = (node: GraphNode, height: number): number => ((node.row + 0.5) / node.rows) * height

const pathOf = (from: GraphNode, to: GraphNode, height: number): string => {
  const [y1, y2] = [middle(from, height), middle(to, height)]
  const x1 = from.column * columnWidth + boxWidth
  const x2 = to.column * columnWidth
  if (from === to) return `M${x1 - 20} ${y1 + 11}q8 10 -16 10t-16 -10`
  if (to.column <= from.column) return `M${x1 - boxWidth / 2} ${y1}L${x2 + boxWidth / 2} ${y2}`
  const half = (x1 + x2) / 2
  return `M${x1} ${y1}C${half} ${y1} ${half} ${y2} ${x2 - 4} ${y2}`
}

const textOf = (edge: GraphEdge): string =>
  `${edge.client} calls ${edge.server} ${edge.calls === 1 ? "once" : `${edge.calls} times`}${
    edge.errors === 0 ? "" : `, ${edge.errors} with an error`
  }`

export const TraceMap = ({ graph, hues, chosen, onChoose }: MapProps) => {
  const byName = new Map(graph.nodes.map((node) => [node.name, node]))
  const height = Math.max(2, ...graph.nodes.map(({ rows }) => rows)) * rowHeight
  const width = (graph.columns - 1) * columnWidth + boxWidth
  return (
    <section className="trace-map" aria-label="Services of this trace">
      <h2>Who called whom</h2>
      {/* Wide for a deep trace, it scrolls by itself. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="trace-map-scroll" tabIndex={0} role="region" aria-label="Picture of the calls">
        <div className="trace-map-area" style={{ width, height }}>
          <svg width={width} height={height} aria-hidden="true">
            {graph.edges.map((edge) => {
              const [from, to] = [byName.get(edge.client)!, byName.get(edge.server)!]
              return (
                <path
                  key={`${edge.client}\n${edge.server}`}
                  className={edge.errors === 0 ? undefined : "is-bad"}
                  d={pathOf(from, to, height)}
                />
              )
            })}
          </svg>
          {graph.nodes.map((node) => (
            <button
              key={node.name}
              type="button"
              aria-pressed={node.name === chosen}
              title={
                graph.edges
                  .filter(({ client, server }) => client === node.name || server === node.name)
                  .map(textOf)
                  .join("\n") || node.name
              }
              style={
                {
                  "--hue": hues.get(node.name) ?? "var(--dim)",
                  left: node.column * columnWidth,
                  top: middle(node, height),
                  width: boxWidth,
                } as CSSProperties
              }
              onClick={() => onChoose(node.name === chosen ? "" : node.name)}
            >
              <i className="service-dot" aria-hidden="true" />
              <span className="cut">{node.name}</span>
            </button>
          ))}
        </div>
      </div>
      {chosen === "" ? null : (
        <button type="button" className="text-button" onClick={() => onChoose("")}>
          <Icon name="close" /> Show all services alike
        </button>
      )}
    </section>
  )
}
