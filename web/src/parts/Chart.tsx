// A small chart of lines over time, drawn by uPlot, which is fetched when the first chart is shown.

import { useEffect, useRef, useState } from "react"
import type uPlot from "uplot"
import { colorOf, useTheme } from "../app/theme.ts"
import { formatClock } from "./format.ts"
import "./chart.css"

export interface ChartLine {
  readonly name: string
  /** Token of its colour. */
  readonly color: string
  readonly values: ReadonlyArray<number | null>
  readonly isFilled?: boolean
}

interface ChartProps {
  /** What is shown, for those who do not see it. */
  readonly label: string
  /** Seconds since 1970. */
  readonly times: ReadonlyArray<number>
  readonly lines: ReadonlyArray<ChartLine>
  readonly format: (value: number) => string
}

const height = 132
const fontOfAxes = "11px Inter, system-ui, sans-serif"

const load = () =>
  Promise.all([import("uplot"), import("uplot/dist/uPlot.min.css")]).then(([module]) => module.default)

/** Whole minutes without seconds. */
const clock = (seconds: number): string => {
  const text = formatClock(seconds * 1e6).slice(0, 8)
  return text.endsWith(":00") ? text.slice(0, 5) : text
}

const transparent = (color: string): string => `color-mix(in srgb, ${color} 16%, transparent)`

const optionsOf = (width: number, lines: ReadonlyArray<ChartLine>, format: (value: number) => string) => {
  const axis = {
    stroke: colorOf("--faint"),
    font: fontOfAxes,
    grid: { stroke: colorOf("--line"), width: 1 },
    ticks: { show: false },
  }
  return {
    width,
    height,
    padding: [8, 8, 0, 0],
    legend: { show: false },
    cursor: { y: false, points: { size: 6 }, drag: { x: false, y: false } },
    scales: { y: { range: (_chart, _min, max) => [0, max > 0 ? max * 1.12 : 1] } },
    axes: [
      { ...axis, grid: { show: false }, size: 22, space: 54, values: (_chart, ticks) => ticks.map(clock) },
      { ...axis, size: 58, space: 34, values: (_chart, ticks) => ticks.map(format) },
    ],
    series: [
      {},
      ...lines.map((line) => ({
        label: line.name,
        stroke: colorOf(line.color),
        width: 1.5,
        points: { show: false },
        ...(line.isFilled === true ? { fill: transparent(colorOf(line.color)) } : {}),
      })),
    ],
  } satisfies uPlot.Options
}

export const Chart = ({ label, times, lines, format }: ChartProps) => {
  const root = useRef<HTMLDivElement>(null)
  const chart = useRef<uPlot | null>(null)
  const [cursor, setCursor] = useState<number | null>(null)
  const [Plot, setPlot] = useState<(new (...args: ConstructorParameters<typeof uPlot>) => uPlot) | null>(null)
  const theme = useTheme()
  const names = lines.map((line) => line.name).join("\n")
  const data = [times, ...lines.map((line) => line.values)] as uPlot.AlignedData

  useEffect(() => {
    let isGone = false
    load().then(
      (loaded) => isGone || setPlot(() => loaded),
      () => undefined,
    )
    return () => {
      isGone = true
    }
  }, [])

  useEffect(() => {
    const element = root.current
    if (Plot === null || element === null) return
    const made = new Plot(
      {
        ...optionsOf(element.clientWidth, lines, format),
        hooks: { setCursor: [({ cursor: { idx } }) => setCursor(idx ?? null)] },
      },
      data,
      element,
    )
    chart.current = made
    const sizes = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height }))
    sizes.observe(element)
    return () => {
      sizes.disconnect()
      made.destroy()
      chart.current = null
    }
    // oxlint-disable-next-line react/exhaustive-deps -- data follows below without a new chart
  }, [Plot, theme, names])

  useEffect(() => chart.current?.setData(data))

  return (
    <figure className="chart">
      <figcaption>
        <span className="chart-name">{label}</span>
        {lines.map((line) => {
          const value = cursor === null ? null : line.values[cursor]
          return (
            <span key={line.name} className="chart-key">
              <i style={{ background: `var(${line.color})` }} aria-hidden="true" />
              {line.name}
              {value === null || value === undefined ? null : <b>{format(value)}</b>}
            </span>
          )
        })}
      </figcaption>
      <div ref={root} className="chart-plot" role="img" aria-label={`${label} over time`} />
    </figure>
  )
}
