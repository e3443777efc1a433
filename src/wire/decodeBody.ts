// The bytes of a body to a ColumnBatch (docs/specs/wire.md, Body). Bodies come from outside: every length is checked, what is
// wrong is a `BodyProblem` and never an exception, and nothing is allocated that the bytes at hand do not justify.

import { isAscii, isUtf8 } from "node:buffer"
import { type AnyBatch, type ColumnData, makeBatch, type NumberArray } from "../model/ColumnBatch.ts"
import { type Column, type ColumnType, type RowKind, rowKinds } from "../model/columns.ts"
import { absentCode, absentLength } from "../model/L7Session.ts"
import { schemas, typesByCode, widths, word } from "./columns.ts"
import { bodyMost, columnsMost, rowsMost } from "./limits.ts"

/** Why a body cannot be read. */
export type BodyProblem = "truncated" | "schema" | "rows" | "column length" | "number" | "trailing bytes"

export interface DecodedBody {
  readonly batch: AnyBatch
  /** Columns that this version does not know, or knows with a type that the sent one does not fit. */
  readonly skippedColumns: number
  /** Columns that were not sent; they hold their defaults. */
  readonly missingColumns: number
  /** Texts that were no UTF-8; what was wrong in them is U+FFFD now. */
  readonly mendedTexts: number
}

interface Mended {
  texts: number
}

/** What a column of the key's type can take besides its own type without loss. */
const widens: Readonly<Partial<Record<ColumnType, ReadonlyArray<ColumnType>>>> = {
  u16: ["u8"],
  u32: ["u8", "u16"],
  i32: ["u8", "u16"],
  u64: ["u8", "u16", "u32"],
  i64: ["u8", "u16", "u32", "i32", "u64"],
  f64: ["u8", "u16", "u32", "i32"],
}

/** Columns whose absence is not zero. */
const defaults: Readonly<Record<string, number>> = {
  request_id: -1,
  request_length: absentLength,
  response_length: absentLength,
  response_code: absentCode,
  sql_affected_rows: -1,
  exit_code: -1,
}

interface SentColumn {
  readonly name: string
  /** Undefined: a type of a later version. */
  readonly type: ColumnType | undefined
}

const readSchema = (bytes: Buffer): ReadonlyArray<SentColumn> | undefined => {
  if (bytes.length < 2) return undefined
  const count = bytes.readUInt16LE(0)
  if (count > columnsMost) return undefined
  const columns: Array<SentColumn> = []
  const names = new Set<string>()
  let at = 2
  for (let index = 0; index < count; index++) {
    if (at + 2 > bytes.length || at + 2 + bytes[at + 1] > bytes.length) return undefined
    const end = at + 2 + bytes[at + 1]
    const name = bytes.toString("utf8", at + 2, end)
    if (names.has(name)) return undefined
    names.add(name)
    columns.push({ name, type: typesByCode.get(bytes[at]) })
    at = end
  }
  return at === bytes.length ? columns : undefined
}

/** A copy of little-endian numbers in an array of their own: the source need not be aligned. */
const copied = <A extends NumberArray>(array: A, source: Buffer): A => {
  new Uint8Array(array.buffer).set(source)
  return array
}

const readIntegers = (
  target: NumberArray,
  source: Buffer,
  rows: number,
  type: "u64" | "i64",
): BodyProblem | undefined => {
  const words = copied(new Int32Array(rows * 2), source)
  for (let row = 0; row < rows; row++) {
    const high = words[row * 2 + 1]
    const value = (type === "u64" ? high >>> 0 : high) * word + (words[row * 2] >>> 0)
    if (!Number.isSafeInteger(value)) return "number"
    target[row] = value
  }
  return undefined
}

const readNumbers = (
  target: NumberArray,
  source: Buffer,
  rows: number,
  type: Exclude<ColumnType, "ip" | "str" | "strs">,
): BodyProblem | undefined => {
  switch (type) {
    case "u64":
    case "i64":
      return readIntegers(target, source, rows, type)
    case "u8":
      target.set(source)
      return undefined
    case "u16":
      target.set(copied(new Uint16Array(rows), source))
      return undefined
    case "u32":
      target.set(copied(new Uint32Array(rows), source))
      return undefined
    case "i32":
      target.set(copied(new Int32Array(rows), source))
      return undefined
    case "f64":
      target.set(copied(new Float64Array(rows), source))
      return undefined
  }
}

/** `source`: lengths of `count` texts, then their bytes, to its very end. */
const readTexts = (
  target: Array<string>,
  source: Buffer,
  count: number,
  mended: Mended,
): BodyProblem | undefined => {
  if (source.length < count * 4) return "column length"
  const lengths = copied(new Uint32Array(count), source.subarray(0, count * 4))
  const bytes = source.subarray(count * 4)
  let total = 0
  for (let index = 0; index < count; index++) total += lengths[index]
  if (total !== bytes.length) return "column length"
  if (total === 0) {
    target.fill("", 0, count)
    return undefined
  }
  let at = 0
  if (isAscii(bytes)) {
    const all = bytes.toString("latin1")
    for (let index = 0; index < count; index++) target[index] = all.slice(at, (at += lengths[index]))
    return undefined
  }
  for (let index = 0; index < count; index++) {
    const end = at + lengths[index]
    const text = bytes.toString("utf8", at, end)
    if (text.includes("\ufffd") && !isUtf8(bytes.subarray(at, end))) mended.texts++
    target[index] = text
    at = end
  }
  return undefined
}

const noTexts: ReadonlyArray<string> = []

const readTextLists = (
  target: Array<ReadonlyArray<string>>,
  source: Buffer,
  rows: number,
  mended: Mended,
): BodyProblem | undefined => {
  if (source.length < rows * 4) return "column length"
  const counts = copied(new Uint32Array(rows), source.subarray(0, rows * 4))
  let total = 0
  for (let row = 0; row < rows; row++) total += counts[row]
  const rest = source.subarray(rows * 4)
  if (rest.length < total * 4) return "column length"
  const flat = new Array<string>(total)
  const problem = readTexts(flat, rest, total, mended)
  if (problem !== undefined) return problem
  let at = 0
  for (let row = 0; row < rows; row++) {
    target[row] = counts[row] === 0 ? noTexts : flat.slice(at, (at += counts[row]))
  }
  return undefined
}

const readColumn = (
  target: ColumnData,
  source: Buffer,
  rows: number,
  type: ColumnType,
  mended: Mended,
): BodyProblem | undefined => {
  if (widths[type] > 0 && source.length !== rows * widths[type]) return "column length"
  switch (type) {
    case "str":
      return readTexts(target as Array<string>, source, rows, mended)
    case "strs":
      return readTextLists(target as Array<ReadonlyArray<string>>, source, rows, mended)
    case "ip":
      ;(target as Uint8Array).set(source)
      return undefined
    default:
      return readNumbers(target as NumberArray, source, rows, type)
  }
}

/** Reads a body of a batch of `kind`; the batch has no reference to `body`. */
export const decodeBody = (kind: RowKind, body: Uint8Array): DecodedBody | BodyProblem => {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength)
  if (bytes.length < 8) return "truncated"
  if (bytes.length > bodyMost) return "column length"
  const schemaEnd = 4 + bytes.readUInt32LE(0)
  if (schemaEnd + 4 > bytes.length) return "truncated"
  const own: ReadonlyArray<Column> = rowKinds[kind]
  const schema = bytes.subarray(4, schemaEnd)
  const sent: ReadonlyArray<SentColumn> | undefined = schema.equals(schemas[kind]) ? own : readSchema(schema)
  if (sent === undefined) return "schema"
  const rows = bytes.readUInt32LE(schemaEnd)
  if (rows > rowsMost) return "rows"

  const ends = new Array<number>(sent.length)
  let at = schemaEnd + 4
  for (let index = 0; index < sent.length; index++) {
    if (at + 4 > bytes.length) return "truncated"
    const length = bytes.readUInt32LE(at)
    at += 4 + length
    if (at > bytes.length) return "truncated"
    ends[index] = at
  }
  if (at !== bytes.length) return "trailing bytes"
  // A column takes a byte a row at least: this many bytes justify a batch of so many rows.
  if (bytes.length - schemaEnd < rows) return "rows"

  const batch = makeBatch(kind, rows) as AnyBatch
  batch.rows = rows
  const data = batch.columns as Readonly<Record<string, ColumnData>>
  const missing = new Map(own.map((column) => [column.name, column.type]))
  const mended: Mended = { texts: 0 }
  let skippedColumns = 0
  at = schemaEnd + 4
  for (let index = 0; index < sent.length; index++) {
    const { name, type } = sent[index]
    const source = bytes.subarray(at + 4, ends[index])
    at = ends[index]
    const wanted = missing.get(name)
    if (wanted === undefined || type === undefined || (wanted !== type && !widens[wanted]?.includes(type))) {
      skippedColumns++
      continue
    }
    missing.delete(name)
    const problem = readColumn(data[name], source, rows, type, mended)
    if (problem !== undefined) return problem
  }
  for (const name of missing.keys()) if (name in defaults) (data[name] as NumberArray).fill(defaults[name])
  return { batch, skippedColumns, missingColumns: missing.size, mendedTexts: mended.texts }
}
