// Results for people: one line for each program at each concurrency.

import type { Result, RunDetails, TraceResult } from "./run.ts"
import { type Tally, tally } from "./score.ts"

const percent = (part: number, whole: number): string => {
  if (whole === 0) return "-"
  const text = ((100 * part) / whole).toFixed(1)
  // Neither all nor nothing when it is not quite so.
  if (part < whole && text === "100.0") return "99.9"
  return part > 0 && text === "0.0" ? "<0.1" : text
}

const head = [
  "scenario",
  "program",
  "kind",
  "clients",
  "calls",
  "right %",
  "orphan %",
  "wrong %",
  "missing %",
]

const cells = (result: Result): ReadonlyArray<string> => [
  result.scenario,
  result.hop,
  result.kind,
  `${result.concurrency}`,
  `${result.calls}`,
  ...[result.right, result.orphan, result.wrong, result.missing].map((count) => percent(count, result.calls)),
]

const isNumber = (column: number): boolean => column >= 3

/** Lines that are read on a terminal and as Markdown. */
export const tableLines = (results: ReadonlyArray<Result>): ReadonlyArray<string> => {
  const rows = results.map(cells)
  const widths = head.map((name, at) => Math.max(name.length, ...rows.map((row) => row[at]!.length)))
  const line = (row: ReadonlyArray<string>): string =>
    `| ${row.map((cell, at) => (isNumber(at) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!))).join(" | ")} |`
  const rule = `|${widths.map((width, at) => (isNumber(at) ? `${"-".repeat(width + 1)}:` : "-".repeat(width + 2))).join("|")}|`
  return [line(head), rule, ...rows.map(line)]
}

const counted = ({ calls, missing, orphan, right, wrong }: Tally): string =>
  `of ${calls} calls ${right} right, ${orphan} orphan, ${wrong} wrong, ${missing} missing`

/** Lines of one run, while others are still to come: call by call. */
export const callLines = ({ concurrency, judged, scenario }: RunDetails): ReadonlyArray<string> =>
  [...Map.groupBy(judged, ({ call, hop }) => `${hop} -> ${call}`)].map(
    ([way, calls]) => `${scenario} at ${concurrency}: ${way}: ${counted(tally(calls))}`,
  )

/** What became of the traces that were looked at. */
export const traceLine = ({
  concurrency,
  medianSpans,
  scenario,
  tally: counts,
  traces,
  whole,
}: TraceResult): string =>
  `${scenario} at ${concurrency}: ${whole} of ${traces} traces are whole, ${medianSpans} spans in most; ${counted(counts)}`
