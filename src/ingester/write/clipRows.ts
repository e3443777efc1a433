// Brings rows of an agent's batch within bounds before they are stored: impossible times, texts of a megabyte, endless attributes.
// A row is changed, never left out, and what was changed is counted. Plain loops: this is on the way of every row.

import type { AnyBatch, ColumnBatch } from "../../model/ColumnBatch.ts"
import { l7Columns } from "../../model/columns.ts"

export interface ClipStats {
  /** Rows whose time was years off: they are filed under the time of storing and keep their own start. */
  times: number
  texts: number
  /** Rows with more attributes than are kept, or with names and values that do not match. */
  attributes: number
}

/** Characters of one text. */
export const textMost = 16_384
/** Attributes of a row, and characters of all of them. */
export const attributesMost = 128
export const attributeTextMost = 65_536
/** A clock may be ahead by so much, and a spooled batch may be so old. */
const aheadMostSeconds = 86_400
const ageMostSeconds = 366 * 86_400

const textNames = l7Columns.filter(({ type }) => type === "str").map(({ name }) => name)

const clipTexts = (texts: Array<string>, rows: number, stats: ClipStats): void => {
  for (let row = 0; row < rows; row++) {
    if (texts[row]!.length <= textMost) continue
    texts[row] = texts[row]!.slice(0, textMost)
    stats.texts++
  }
}

const sumOf = (texts: ReadonlyArray<string>): number => {
  let sum = 0
  for (let i = 0; i < texts.length; i++) sum += texts[i]!.length
  return sum
}

const none: ReadonlyArray<string> = []

const clipAttributes = ({ columns, rows }: ColumnBatch<"l7">, stats: ClipStats): void => {
  const { attribute_names: names, attribute_values: values } = columns
  for (let row = 0; row < rows; row++) {
    const count = names[row]!.length
    if (count === 0 && values[row]!.length === 0) continue
    if (count !== values[row]!.length) {
      // Which value belongs to which name cannot be told.
      names[row] = none
      values[row] = none
      stats.attributes++
      continue
    }
    if (count <= attributesMost && sumOf(names[row]!) + sumOf(values[row]!) <= attributeTextMost) continue
    let kept = 0
    let length = 0
    while (kept < count && kept < attributesMost) {
      length += names[row]![kept]!.length + values[row]![kept]!.length
      if (length > attributeTextMost) break
      kept++
    }
    names[row] = names[row]!.slice(0, kept)
    values[row] = values[row]!.slice(0, kept)
    stats.attributes++
  }
}

/** The second that a row is filed under: that of its start, or now where that cannot be. */
export const filedSecond = (startSecond: number, nowSecond: number): number =>
  startSecond > nowSecond + aheadMostSeconds || startSecond < nowSecond - ageMostSeconds
    ? nowSecond
    : startSecond

export const clipRows = (batch: AnyBatch, nowSecond: number, stats: ClipStats): void => {
  if (batch.kind === "l7") {
    const l7 = batch as ColumnBatch<"l7">
    for (let i = 0; i < textNames.length; i++)
      clipTexts(l7.columns[textNames[i]!] as Array<string>, l7.rows, stats)
    clipAttributes(l7, stats)
    for (let row = 0; row < l7.rows; row++) {
      const second = Math.floor(l7.columns.start_time[row]! / 1e6)
      if (filedSecond(second, nowSecond) !== second) stats.times++
    }
    return
  }
  const { columns, rows } = batch as ColumnBatch<"application">
  clipTexts(columns.endpoint, rows, stats)
  for (let row = 0; row < rows; row++) {
    const filed = filedSecond(columns.time[row]!, nowSecond)
    if (filed === columns.time[row]) continue
    columns.time[row] = filed - (filed % Math.max(1, columns.interval[row]!))
    stats.times++
  }
}
