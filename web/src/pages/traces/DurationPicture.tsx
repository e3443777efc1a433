// How long traces took over the time range: darker where there were more, red where they failed; a drag chooses times and durations.

import { type PointerEvent, useMemo, useState } from "react"
import type { DurationHeatmap } from "../../api/traceContract.ts"
import { formatClock, formatDuration, formatExact } from "../../parts/format.ts"
import { between, cellAt, durationOf, placeOf, rowsOf, type Selection, strengthOf } from "./heatmapScale.ts"

interface PictureProps {
  readonly map: DurationHeatmap
  readonly onChoose: (selection: Selection) => void
}

interface Spot {
  readonly x: number
  readonly y: number
}

const spotOf = (event: PointerEvent<HTMLElement>): Spot => {
  const box = event.currentTarget.getBoundingClientRect()
  const ratio = (at: number, from: number, size: number) => Math.min(1, Math.max(0, (at - from) / size))
  return { x: ratio(event.clientX, box.left, box.width), y: ratio(event.clientY, box.top, box.height) }
}

const clock = (seconds: number): string => formatClock(seconds * 1e6).slice(0, 8)

const ticks = [0.1, 0.3, 0.5, 0.7, 0.9]

const Tip = ({ map, spot }: { readonly map: DurationHeatmap; readonly spot: Spot }) => {
  const cell = cellAt(spot, map, rowsOf(map))
  return (
    <div
      className={`duration-tip${spot.x > 0.5 ? " is-left" : ""}`}
      style={{ left: `${spot.x * 100}%`, top: `${spot.y * 100}%` }}
    >
      <span className="faint">
        {clock(cell.time)} – {clock(cell.time + map.stepSeconds)},{" "}
        {formatDuration(durationOf(cell.bucket, map))} – {formatDuration(durationOf(cell.bucket + 1, map))}
      </span>
      <b>{formatExact(cell.count)}</b>
      {cell.errors === 0 ? null : <span className="tone-bad">{formatExact(cell.errors)} failed</span>}
    </div>
  )
}

export const DurationPicture = ({ map, onChoose }: PictureProps) => {
  const [start, setStart] = useState<Spot>()
  const [pointed, setPointed] = useState<Spot>()
  const rows = rowsOf(map)
  const most = useMemo(() => Math.max(1, ...map.cells.map(({ count }) => count)), [map])
  const sum = useMemo(() => map.cells.reduce((all, { count }) => all + count, 0), [map])
  const decades = Array.from(
    { length: (rows.last - rows.first) / map.bucketsPerDecade + 1 },
    (_, at) => rows.first + at * map.bucketsPerDecade,
  )
  const topOf = (bucket: number): string => `${((rows.last - bucket) / (rows.last - rows.first)) * 100}%`

  return (
    <div className="durations">
      <div className="duration-scale faint" aria-hidden="true">
        {decades.map((bucket) => (
          <span key={bucket} style={{ top: topOf(bucket) }}>
            {formatDuration(durationOf(bucket, map))}
          </span>
        ))}
      </div>
      <div
        className="duration-plot"
        role="img"
        aria-label={`How long ${formatExact(sum)} traces took over time`}
        title="Drag to choose times and durations"
        onPointerDown={(event) => {
          if (event.button !== 0) return
          event.currentTarget.setPointerCapture(event.pointerId)
          setStart(spotOf(event))
        }}
        onPointerMove={(event) => setPointed(spotOf(event))}
        onPointerUp={(event) => {
          if (start !== undefined) onChoose(between(start, spotOf(event), map, rows))
          setStart(undefined)
        }}
        onPointerCancel={() => setStart(undefined)}
        onPointerLeave={() => setPointed(undefined)}
      >
        {decades.map((bucket) => (
          <span key={bucket} className="duration-line" style={{ top: topOf(bucket) }} />
        ))}
        <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
          {map.cells.map((cell) => {
            const place = placeOf(cell, map, rows)
            const [x, width, height] = [
              place.left + place.width * 0.06,
              place.width * 0.88,
              place.height * 0.9,
            ]
            const bad = width * (cell.errors / cell.count)
            return (
              <g key={`${cell.time} ${cell.bucket}`} opacity={strengthOf(cell.count, most)}>
                <rect className="is-good" x={x} y={place.top} width={width - bad} height={height} />
                {bad === 0 ? null : (
                  <rect className="is-bad" x={x + width - bad} y={place.top} width={bad} height={height} />
                )}
              </g>
            )
          })}
        </svg>
        {start === undefined || pointed === undefined ? null : (
          <span
            className="duration-brush"
            style={{
              left: `${Math.min(start.x, pointed.x) * 100}%`,
              top: `${Math.min(start.y, pointed.y) * 100}%`,
              width: `${Math.abs(start.x - pointed.x) * 100}%`,
              height: `${Math.abs(start.y - pointed.y) * 100}%`,
            }}
          />
        )}
        {pointed === undefined ? null : <Tip map={map} spot={pointed} />}
      </div>
      <div className="duration-times faint" aria-hidden="true">
        {ticks.map((place) => (
          <span key={place}>{clock(map.from + Math.floor(place * map.steps) * map.stepSeconds)}</span>
        ))}
      </div>
    </div>
  )
}
