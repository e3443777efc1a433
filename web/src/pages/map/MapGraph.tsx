// The map as a picture that one moves about in.

import { type KeyboardEvent, useCallback, useEffect, useMemo, useRef, useState } from "react"
import { useShortcuts } from "../../app/shortcuts.ts"
import { ErrorNote } from "../../parts/ErrorNote.tsx"
import { Icon } from "../../parts/Icon.tsx"
import { Loading } from "../../parts/Loading.tsx"
import { emphasis } from "./drawing.ts"
import type { DrawnMap } from "./foldAddresses.ts"
import { type Direction, neighbourIn } from "./layout.ts"
import { MapLabels, MapLines } from "./MapEdges.tsx"
import { MapNodes } from "./MapNodes.tsx"
import { useLayout } from "./useLayout.ts"
import { usePanZoom } from "./usePanZoom.ts"

const directions: Readonly<Record<string, Direction>> = {
  ArrowLeft: "left",
  ArrowRight: "right",
  ArrowUp: "up",
  ArrowDown: "down",
}

/** Below this, numbers cannot be read. */
const smallScale = 0.5

const Legend = () => (
  <ul className="map-legend" aria-label="What the map shows">
    <li>
      <i className="legend-line" /> calls; thicker: more a second
    </li>
    <li>
      <i className="legend-line legend-warn" /> errors
    </li>
    <li>
      <i className="legend-line legend-bad" /> 5% errors and more
    </li>
    <li>
      <i className="legend-box" /> external
    </li>
  </ul>
)

interface MapGraphProps {
  readonly map: DrawnMap
  readonly search: string
  readonly selected: string
  readonly onSelect: (id: string) => void
}

export const MapGraph = ({ map, search, selected, onSelect }: MapGraphProps) => {
  const root = useRef<HTMLDivElement>(null)
  const { layout, error, tidy } = useLayout(map)
  const { view, fit, zoom, reveal, handlers } = usePanZoom(root, layout)
  const showAll = () => {
    tidy()
    fit()
  }
  const [pointed, setPointed] = useState<string>()
  const select = useCallback((id: string) => onSelect(id), [onSelect])
  const shown = useMemo(
    () => emphasis(map, pointed ?? (selected === "" ? undefined : selected), search),
    [map, pointed, selected, search],
  )

  useShortcuts({ "+": () => zoom(true), "=": () => zoom(true), "-": () => zoom(false), "0": showAll })

  // A focused card that the browser scrolled to must not shift the picture.
  useEffect(() => {
    const element = root.current
    const hold = () => element?.scrollTo(0, 0)
    element?.addEventListener("scroll", hold)
    return () => element?.removeEventListener("scroll", hold)
  }, [])

  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>) => {
    const direction = directions[event.key]
    const from = event.target instanceof HTMLElement ? event.target.dataset["node"] : undefined
    if (direction === undefined || from === undefined) return
    event.preventDefault()
    const to = neighbourIn(layout.nodes, from, direction)
    if (to === undefined) return
    root.current
      ?.querySelector<HTMLElement>(`[data-node="${CSS.escape(to)}"]`)
      ?.focus({ preventScroll: true })
  }

  const drawing = { layout, emphasis: shown, selected, onSelect: select, onPoint: setPointed }
  return (
    // Cards and labels are the buttons; this takes the drags between them and the arrow keys on them.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <div
      ref={root}
      className="map-graph"
      role="group"
      aria-label="Service map"
      onKeyDown={onKeyDown}
      onFocus={({ target }) => {
        if (target.matches(":focus-visible")) reveal(target)
      }}
      {...handlers}
    >
      {error === undefined ? null : <ErrorNote error={error} next="The table shows the same." />}
      {layout.width === 0 && error === undefined ? <Loading what="the picture" /> : null}
      <div
        className={view.scale < smallScale ? "map-world is-small" : "map-world"}
        style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.scale})` }}
      >
        <MapLines edges={map.edges} {...drawing} />
        <MapNodes nodes={map.nodes} {...drawing} />
        <MapLabels edges={map.edges} {...drawing} />
      </div>
      <div className="map-tools" role="group" aria-label="Zoom">
        <button
          type="button"
          className="icon-button"
          aria-label="Closer"
          title="Closer (+)"
          onClick={() => zoom(true)}
        >
          <Icon name="plus" />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label="Farther"
          title="Farther (-)"
          onClick={() => zoom(false)}
        >
          <Icon name="minus" />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label="All of it"
          title="All of it (0)"
          onClick={showAll}
        >
          <Icon name="fit" />
        </button>
      </div>
      <Legend />
    </div>
  )
}
