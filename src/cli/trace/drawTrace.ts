// A trace as lines for a terminal: the tree at the left, a bar in the trace's time at the right, what it was about beneath. Colours
// tell services apart; an error is red whatever its service.

import { stripVTControlCharacters, styleText } from "node:util"
import type { Trace, TraceSpan } from "../../querier/trace/Trace.ts"
import { duration } from "../output.ts"

export interface DrawOptions {
  /** Columns of the terminal. */
  readonly columns: number
  /** Say of every span why it hangs where it hangs. */
  readonly why: boolean
}

type Colour = "cyan" | "green" | "magenta" | "blue" | "yellow" | "white"
const colours: ReadonlyArray<Colour> = ["cyan", "green", "magenta", "blue", "yellow", "white"]

const errors: ReadonlySet<string> = new Set(["client_error", "server_error", "timeout"])

const width = (text: string): number => stripVTControlCharacters(text).length

const fitted = (text: string, columns: number): string =>
  text.length > columns ? `${text.slice(0, Math.max(1, columns - 1))}…` : text.padEnd(columns)

/** "├─ " and "└─ " as the span is one of several or the last, under the lines of its ancestors. */
const branches = (
  spans: ReadonlyArray<TraceSpan>,
  at: number,
): { readonly own: string; readonly below: string } => {
  const isLast = (span: number): boolean => {
    const parent = spans[span]!.parent
    return parent === -1 || spans[parent]!.children.at(-1) === span
  }
  let above = ""
  for (
    let parent = spans[at]!.parent;
    parent !== -1 && spans[parent]!.parent !== -1;
    parent = spans[parent]!.parent
  )
    above = `${isLast(parent) ? "  " : "│ "}${above}`
  if (spans[at]!.parent === -1) return { own: "", below: spans[at]!.children.length > 0 ? "│ " : "  " }
  const below = `${above}${isLast(at) ? "  " : "│ "}${spans[at]!.children.length > 0 ? "│ " : "  "}`
  return { own: `${above}${isLast(at) ? "└─" : "├─"}`, below }
}

/** Left and right ends in eighths of a column. */
const bar = (columns: number, from: number, to: number): string => {
  const eighths = [" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"]
  const left = Math.min(columns - 1, Math.floor(from * columns))
  const size = Math.max(1, Math.round((to * columns - left) * 8))
  const full = Math.min(columns - left, Math.floor(size / 8))
  const rest = left + full < columns && size % 8 > 0 ? eighths[size % 8]! : ""
  return `${" ".repeat(left)}${"█".repeat(full)}${rest}`.padEnd(columns)
}

const statusText = (span: TraceSpan): string => {
  if (!errors.has(span.status)) return ""
  const what = span.code === null ? span.status.replace("_", " ") : String(span.code)
  return `  ${what}${span.exception === "" ? "" : ` ${span.exception}`}`
}

const place: Readonly<Record<string, string>> = { client: "→", server: "●", way: "~" }
const program = "·"

const label = (span: TraceSpan): string =>
  span.kind === "network"
    ? `${place.way} ${span.point}${span.host === "" ? "" : ` ${span.host}`}  ${span.name}`
    : `${span.kind === "application" ? program : place[span.role]} ${span.service === "" ? "?" : span.service}  ${span.name}`

/** "2026-11-26 18:46:03.634" */
const timeText = (us: number): string =>
  new Date(us / 1_000).toISOString().replace("T", " ").replace("Z", " UTC")

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`

const heading = (trace: Trace): ReadonlyArray<string> => {
  const failed = trace.spans.filter(({ status }) => errors.has(status)).length
  const facts = [
    duration(trace.durationUs),
    counted(trace.spans.length, "span"),
    counted(trace.services.length, "service"),
    ...(failed === 0 ? [] : [styleText("red", counted(failed, "error"))]),
    timeText(trace.startUs),
  ]
  const [first, ...more] = trace.traceIds
  const ids =
    first === undefined
      ? "no trace id"
      : `trace ${first}${more.length === 0 ? "" : ` and ${more.length} more`}`
  return [
    `${styleText("bold", trace.spans[trace.roots[0]!]!.name)}  ${styleText("dim", ids)}`,
    facts.join("  "),
  ]
}

const table = (trace: Trace, colourOf: ReadonlyMap<string, Colour>): ReadonlyArray<string> => {
  const longest = Math.max(...trace.services.map(({ service }) => service.length), 7)
  const total = Math.max(
    1,
    trace.services.reduce((sum, { selfUs }) => sum + selfUs, 0),
  )
  return trace.services.map(({ errors: failed, selfUs, service, spans }) => {
    const name = styleText(colourOf.get(service)!, (service === "" ? "?" : service).padEnd(longest))
    const share = `${Math.round((selfUs / total) * 100)} %`.padStart(5)
    const failures = failed === 0 ? "" : styleText("red", `  ${counted(failed, "error")}`)
    return `  ${name}  ${duration(selfUs).padStart(9)} ${share}  ${counted(spans, "span")}${failures}`
  })
}

const notes = (trace: Trace): ReadonlyArray<string> => [
  ...trace.clocks
    .filter(({ offsetUs }) => offsetUs !== 0)
    .map(({ agent, host, isContradicted, offsetUs }) => {
      const sign = offsetUs < 0 ? "back" : "ahead"
      const doubt = isContradicted ? "; its calls do not agree on it" : ""
      return `Clock of ${host === "" ? `agent ${agent}` : host} moved ${sign} by ${duration(Math.abs(offsetUs))}${doubt}.`
    }),
  ...(trace.roots.length > 1
    ? [`${counted(trace.roots.length, "tree")} of one trace: what called the others was not seen.`]
    : []),
  ...trace.limits.map(({ text }) => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`),
]

export const drawTrace = (trace: Trace, { columns, why }: DrawOptions): string => {
  const colourOf = new Map(
    [...new Set(trace.spans.map(({ service }) => service))].map((name, at) => [
      name,
      colours[at % colours.length]!,
    ]),
  )
  const trees = trace.spans.map((span, at) => ({ ...branches(trace.spans, at), label: label(span) }))
  const widest = Math.max(...trees.map(({ label: text, own }) => own.length + text.length))
  const times = 10
  const left = Math.min(widest, Math.max(24, Math.floor(columns * 0.55)))
  const right = Math.max(10, columns - left - times - 3)
  const spread = Math.max(1, trace.durationUs)
  const lines = trace.spans.flatMap((span, at) => {
    const { below, label: text, own } = trees[at]!
    const colour = colourOf.get(span.service)!
    const isFailed = errors.has(span.status)
    const room = Math.max(8, left - own.length)
    const named = styleText(span.kind === "network" ? "dim" : isFailed ? "red" : colour, fitted(text, room))
    const mark = at === trace.asked ? styleText("bold", "›") : " "
    const drawn = bar(right, (span.startUs - trace.startUs) / spread, (span.endUs - trace.startUs) / spread)
    const shown = styleText(isFailed ? "red" : span.kind === "network" ? "dim" : colour, drawn)
    const line = `${mark}${styleText("dim", own)}${named} ${duration(span.durationUs).padStart(times)} ${shown}`
    const because =
      why && span.link !== null
        ? [` ${styleText("dim", `${below}${span.link.text} (${span.link.confidence})`)}`]
        : []
    const status = statusText(span)
    return [
      line,
      ...(status === "" ? [] : [` ${styleText("dim", below)}${styleText("red", status.trim())}`]),
      ...because,
    ]
  })
  const told = notes(trace)
  return [
    ...heading(trace),
    "",
    ...lines,
    "",
    styleText("bold", "  Time by service, without waiting for others"),
    ...table(trace, colourOf),
    ...(told.length === 0 ? [] : ["", ...told.map((note) => `  ${styleText("yellow", note)}`)]),
  ]
    .map((line) => (width(line) === 0 ? "" : line))
    .join("\n")
}
