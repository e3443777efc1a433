// Brings texts and attributes of an agent's batch within bounds before they are stored: values of a megabyte, endless lists. A row
// is changed, never left out, and what was changed is counted. NUL and control characters stay: the tables take any text.
// Plain loops: this is on the way of every row.

import type { AnyBatch, ColumnBatch } from "../../model/ColumnBatch.ts"
import { type Column, type RowKind, rowKinds } from "../../model/columns.ts"

export interface ClipStats {
  texts: number
  /** Rows with more attributes than are kept, or with names and values that do not match. */
  attributes: number
}

export const noClipStats = (): ClipStats => ({ texts: 0, attributes: 0 })

/** Characters (UTF-16 units) of one text. */
export const textMost = 16_384
/** Characters of what names a process or service: it is kept in memory beyond its batch. */
export const nameMost = 1_024
/** Attributes of a row, and characters of all of them. */
export const attributesMost = 128
export const attributeTextMost = 65_536

const isName = (column: string): boolean =>
  /^(process_kname|gprocess|container|app_service|app_instance)(_[01])?$/.test(column)

interface Bound {
  readonly column: string
  readonly most: number
}

const boundsOf = (kind: RowKind): ReadonlyArray<Bound> =>
  (rowKinds[kind] as ReadonlyArray<Column>)
    .filter(({ type }) => type === "str")
    .map(({ name }) => ({ column: name, most: isName(name) ? nameMost : textMost }))

const bounds: Readonly<Record<RowKind, ReadonlyArray<Bound>>> = {
  l7: boundsOf("l7"),
  application: boundsOf("application"),
  l4: boundsOf("l4"),
  network: boundsOf("network"),
  file: boundsOf("file"),
  process: boundsOf("process"),
  span: boundsOf("span"),
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code < 0xdc00

/** Never half of a character. */
const cut = (text: string, most: number): string =>
  text.length <= most ? text : text.slice(0, isHighSurrogate(text.charCodeAt(most - 1)) ? most - 1 : most)

const clipTexts = (texts: Array<string>, rows: number, most: number, stats: ClipStats): void => {
  for (let row = 0; row < rows; row++) {
    if (texts[row]!.length <= most) continue
    texts[row] = cut(texts[row]!, most)
    stats.texts++
  }
}

const sumOf = (texts: ReadonlyArray<string>): number => {
  let sum = 0
  for (let i = 0; i < texts.length; i++) sum += texts[i]!.length
  return sum
}

const none: ReadonlyArray<string> = []

const clipAttributes = (
  { columns, rows }: ColumnBatch<"l7"> | ColumnBatch<"span">,
  stats: ClipStats,
): void => {
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
    clipRow(names, values, row)
    stats.attributes++
  }
}

/** The first ones that fit, each of them cut as other texts are. */
const clipRow = (
  names: Array<ReadonlyArray<string>>,
  values: Array<ReadonlyArray<string>>,
  row: number,
): void => {
  const [ownNames, ownValues] = [names[row]!, values[row]!]
  const keptNames: Array<string> = []
  const keptValues: Array<string> = []
  let length = 0
  for (let at = 0; at < ownNames.length && at < attributesMost; at++) {
    const name = cut(ownNames[at]!, nameMost)
    const value = cut(ownValues[at]!, textMost)
    length += name.length + value.length
    if (length > attributeTextMost) break
    keptNames.push(name)
    keptValues.push(value)
  }
  names[row] = keptNames
  values[row] = keptValues
}

export const clipRows = (batch: AnyBatch, stats: ClipStats): void => {
  const columns = batch.columns as unknown as Readonly<Record<string, Array<string>>>
  const own = bounds[batch.kind]
  for (let i = 0; i < own.length; i++) clipTexts(columns[own[i]!.column]!, batch.rows, own[i]!.most, stats)
  if (batch.kind === "l7" || batch.kind === "span")
    clipAttributes(batch as ColumnBatch<"l7"> | ColumnBatch<"span">, stats)
}
