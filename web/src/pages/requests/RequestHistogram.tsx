// How many requests ended how, over the time range; a drag or a click on it zooms in.

import { type PointerEvent, useState } from "react"
import type { Histogram } from "../../api/contract.ts"
import { setRange } from "../../app/useTimeScope.ts"
import { formatClock, formatExact } from "../../parts/format.ts"
import { statusKinds } from "../../parts/status.tsx"
import { bucketAt, niceMax, partsOf, rangeBetween, totalOf } from "./histogramScale.ts"

const clock = (seconds: number): string => formatClock(seconds * 1e6).slice(0, 8)

const ticks = [0.1, 0.3, 0.5, 0.7, 0.9]

interface Brush {
  readonly from: number
  readonly to: number
}

const placeOf = (event: PointerEvent<HTMLElement>): number => {
  const box = event.currentTarget.getBoundingClientRect()
  return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width))
}

const Tip = ({ histogram, at }: { readonly histogram: Histogram; readonly at: number }) => {
  const bucket = histogram.buckets[at]
  if (bucket === undefined) return null
  return (
    <div
      className={`histogram-tip${at > histogram.buckets.length / 2 ? " is-left" : ""}`}
      style={{ left: `${((at + 0.5) / histogram.buckets.length) * 100}%` }}
    >
      <span className="faint">
        {clock(bucket.time)} – {clock(bucket.time + histogram.stepSeconds)}
      </span>
      {statusKinds.map((kind) =>
        bucket[kind.count] === 0 ? null : (
          <span key={kind.name}>
            <i style={{ background: `var(${kind.color}-fill)` }} /> {kind.text} <b>{bucket[kind.count]}</b>
          </span>
        ),
      )}
    </div>
  )
}

export const RequestHistogram = ({ histogram }: { readonly histogram: Histogram }) => {
  const [brush, setBrush] = useState<Brush>()
  const [pointed, setPointed] = useState<number>()
  const { buckets } = histogram
  const max = niceMax(Math.max(0, ...buckets.map(totalOf)))
  const sum = buckets.reduce((all, bucket) => all + totalOf(bucket), 0)
  const width = 100 / Math.max(1, buckets.length)

  const done = () => {
    if (brush !== undefined) setRange({ kind: "absolute", ...rangeBetween(histogram, brush.from, brush.to) })
    setBrush(undefined)
  }

  return (
    <div className="histogram">
      <div className="histogram-scale faint" aria-hidden="true">
        <span>{formatExact(max)}</span>
        <span>0</span>
      </div>
      <div
        className="histogram-plot"
        role="img"
        aria-label={`${formatExact(sum)} requests over time, by outcome`}
        title="Drag to zoom into a time"
        onPointerDown={(event) => {
          if (event.button !== 0) return
          event.currentTarget.setPointerCapture(event.pointerId)
          setBrush({ from: placeOf(event), to: placeOf(event) })
        }}
        onPointerMove={(event) => {
          const place = placeOf(event)
          setPointed(bucketAt(histogram, place))
          if (brush !== undefined) setBrush({ ...brush, to: place })
        }}
        onPointerUp={done}
        onPointerCancel={() => setBrush(undefined)}
        onPointerLeave={() => setPointed(undefined)}
      >
        <svg viewBox="0 0 100 100" preserveAspectRatio="none">
          {buckets.map((bucket, at) =>
            partsOf(bucket, max).map((part) => (
              <rect
                key={`${bucket.time} ${part.name}`}
                x={at * width + width * 0.1}
                width={width * 0.8}
                y={(1 - part.from - part.size) * 100}
                height={part.size * 100}
                style={{ fill: `var(${part.color}-fill)` }}
              />
            )),
          )}
        </svg>
        {pointed === undefined ? null : (
          <span className="histogram-mark" style={{ left: `${pointed * width}%`, width: `${width}%` }} />
        )}
        {brush === undefined ? null : (
          <span
            className="histogram-brush"
            style={{
              left: `${Math.min(brush.from, brush.to) * 100}%`,
              width: `${Math.abs(brush.to - brush.from) * 100}%`,
            }}
          />
        )}
        {pointed === undefined ? null : <Tip histogram={histogram} at={pointed} />}
      </div>
      <div className="histogram-times faint" aria-hidden="true">
        {ticks.map((place) => (
          <span key={place}>{clock(buckets[bucketAt(histogram, place)]?.time ?? 0)}</span>
        ))}
      </div>
    </div>
  )
}
