// The lines of the map and the numbers on them.

import { memo } from "react"
import { formatLatency, formatPercent, formatRate } from "../../parts/format.ts"
import type { Emphasis } from "./drawing.ts"
import type { DrawnEdge } from "./foldAddresses.ts"
import { type Layout, pathOf, thickness, type Tone, toneOf } from "./layout.ts"

const arrows: ReadonlyArray<Tone | "near"> = ["plain", "warn", "bad", "near"]

const stateOf = (edge: DrawnEdge, emphasis: Emphasis): string =>
  emphasis.edges === undefined ? "" : emphasis.edges.has(edge.id) ? " is-near" : " is-far"

interface EdgesProps {
  readonly edges: ReadonlyArray<DrawnEdge>
  readonly layout: Layout
  readonly emphasis: Emphasis
  readonly selected: string
  readonly onSelect: (id: string) => void
  readonly onPoint: (id: string | undefined) => void
}

export const MapLines = memo(({ edges, layout, emphasis, selected, onSelect, onPoint }: EdgesProps) => (
  <svg className="map-lines" width={layout.width} height={layout.height} aria-hidden="true">
    <defs>
      {arrows.map((tone) => (
        <marker
          key={tone}
          id={`arrow-${tone}`}
          className={`arrow-${tone}`}
          viewBox="0 0 8 8"
          refX="7.5"
          refY="4"
          markerWidth="10"
          markerHeight="10"
          markerUnits="userSpaceOnUse"
          orient="auto"
        >
          <path d="M0.5 0.5 7.5 4 0.5 7.5z" />
        </marker>
      ))}
    </defs>
    {edges.map((edge) => {
      const place = layout.edges[edge.id]
      if (place === undefined) return null
      const path = pathOf(place.points)
      const tone = toneOf(edge.errorRatio)
      const isChosen = edge.id === selected ? " is-chosen" : ""
      return (
        <g key={edge.id} className={`map-line line-${tone}${stateOf(edge, emphasis)}${isChosen}`}>
          <path d={path} strokeWidth={thickness(edge.ratePerSecond)} markerEnd={`url(#arrow-${tone})`} />
          <path className="map-flow" d={path} />
          {/* A wide invisible line is easier to hit; the label is the button for keys. */}
          <path
            className="map-hit"
            d={path}
            onClick={() => onSelect(edge.id)}
            onPointerEnter={() => onPoint(edge.id)}
            onPointerLeave={() => onPoint(undefined)}
          />
        </g>
      )
    })}
  </svg>
))

const nameOfEnd = (name: string): string => (name.startsWith("* ") ? "several addresses" : name)

/** Buttons: a line itself cannot be reached by keys. */
export const MapLabels = memo(({ edges, layout, emphasis, selected, onSelect, onPoint }: EdgesProps) =>
  edges.map((edge) => {
    const place = layout.edges[edge.id]
    if (place === undefined) return null
    const tone = toneOf(edge.errorRatio)
    return (
      <button
        key={edge.id}
        type="button"
        className={`map-label${stateOf(edge, emphasis)}`}
        aria-pressed={edge.id === selected}
        style={{ transform: `translate(${place.label.x}px, ${place.label.y}px) translate(-50%, -50%)` }}
        onClick={() => onSelect(edge.id)}
        onPointerEnter={() => onPoint(edge.id)}
        onPointerLeave={() => onPoint(undefined)}
        onFocus={() => onPoint(edge.id)}
        onBlur={() => onPoint(undefined)}
      >
        <span className="hidden-text">
          {nameOfEnd(edge.client)} calls {nameOfEnd(edge.server)}:{" "}
        </span>
        <b>{formatRate(edge.ratePerSecond)}</b>
        <span>
          <span className="hidden-text">p95 </span>
          {formatLatency(edge.p95Us)}
        </span>
        {tone === "plain" ? null : (
          <span className={`tone-${tone}`}>
            {formatPercent(edge.errorRatio)}
            <span className="hidden-text"> errors</span>
          </span>
        )}
      </button>
    )
  }),
)
