// How commands print: tables with colour for people on a terminal, one JSON object a line for machines.

import { stripVTControlCharacters, styleText } from "node:util"

export type Cell = string | number | null | undefined

const width = (text: string): number => stripVTControlCharacters(text).length

const cut = (text: string, most: number): string =>
  width(text) <= most ? text : `${stripVTControlCharacters(text).slice(0, Math.max(1, most - 1))}…`

/**
 * Lines of a table with a header. Columns of numbers are set to the right; with `columns` (the terminal's width) the widest
 * text column is cut so that lines do not wrap.
 */
export const table = (
  header: ReadonlyArray<string>,
  rows: ReadonlyArray<ReadonlyArray<Cell>>,
  columns = process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY,
): string => {
  const texts = rows.map((row) =>
    row.map((cell) => (cell === null || cell === undefined ? "" : String(cell))),
  )
  const right = header.map(
    (_, at) => rows.length > 0 && rows.every((row) => typeof row[at] === "number" || row[at] == null),
  )
  const widths = header.map((name, at) => Math.max(width(name), ...texts.map((row) => width(row[at] ?? ""))))
  const total = (): number => widths.reduce((sum, one) => sum + one + 2, -2)
  if (total() > columns) {
    const widest = widths.indexOf(Math.max(...widths))
    widths[widest] = Math.max(8, widths[widest]! - (total() - columns))
  }
  const line = (cells: ReadonlyArray<string>): string =>
    cells
      .map((cell, at) => {
        const text = cut(cell, widths[at]!)
        const pad = " ".repeat(Math.max(0, widths[at]! - width(text)))
        return right[at] ? pad + text : at === cells.length - 1 ? text : text + pad
      })
      .join("  ")
  return [styleText("bold", line(header)), ...texts.map(line)].join("\n")
}

export const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`)
}

/** Microseconds for people: 850 µs, 1.24 ms, 3.10 s. */
export const duration = (us: number): string =>
  us < 1_000
    ? `${Math.round(us)} µs`
    : us < 1_000_000
      ? `${(us / 1_000).toFixed(2)} ms`
      : `${(us / 1_000_000).toFixed(2)} s`
