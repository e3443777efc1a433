// Passes over blocks of rows in the Native format, compressed or not; no value is looked at.

import { utf8Text } from "../latin1.ts"
import type { ByteStream, Reading } from "../streamed/ByteStream.ts"
import { type ColumnType, columnType } from "./columnTypes.ts"
import { Revision } from "./revisions.ts"

/** More than any block has; beyond it a number is none. */
const maxRows = 2 ** 32
const maxColumns = 65_536
const maxText = 2 ** 31
/** Types of enumerations list all their names. */
const maxType = 65_536

const checksumLength = 16
/** Method, size with this header, size of the text. */
const frameHeader = 9
const methods = new Set([0x02, 0x82, 0x90, 0x91, 0x92, 0x93, 0x94, 0x95, 0x96, 0x97, 0x98, 0x99])
const maxFrame = 2 ** 30
/** Only a frame that is full has another one of the same block behind it. */
const fullFrame = 1_048_576
const maxPacketType = 18

/** Whether a block may begin at `at`, compressed or not: with its numbered fields, or with a known method and a size. */
export const mayBeBlock = (bytes: Uint8Array, at: number, end: number): boolean => {
  if (at + 7 < end && bytes[at] === 1 && bytes[at + 1] <= 1 && bytes[at + 2] === 2) return true
  const methodAt = at + checksumLength
  if (methodAt + frameHeader > end || !methods.has(bytes[methodAt])) return false
  // Sizes have their lowest byte first: the highest is small.
  return bytes[methodAt + 4] < 0x40 && bytes[methodAt + 8] < 0x40
}

/** Passes over a block in compressed frames; false when they are none. */
export function* passCompressed(stream: ByteStream): Reading<boolean> {
  for (;;) {
    yield* stream.pass(checksumLength)
    const method = yield* stream.u8()
    const size = yield* stream.little(4)
    const textSize = yield* stream.little(4)
    if (!methods.has(method) || size < frameHeader || size > maxFrame || textSize > maxFrame) return false
    yield* stream.pass(size - frameHeader)
    if (textSize < fullFrame) return true
    // A packet begins with a small number, a frame with any.
    while (stream.at === stream.end) yield
    if (stream.bytes[stream.at] <= maxPacketType) return true
  }
}

/** Passes over a block; false when it cannot be. */
export function* passBlock(stream: ByteStream, revision: number): Reading<boolean> {
  if (!(yield* passInfo(stream))) return false
  const columns = yield* stream.varint()
  const rows = yield* stream.varint()
  if (columns > maxColumns || rows > maxRows) return false
  for (let i = 0; i < columns; i++) {
    const nameLength = yield* stream.varint()
    if (nameLength > maxText) return false
    yield* stream.pass(nameLength)
    const typeLength = yield* stream.varint()
    if (typeLength === 0 || typeLength > maxType) return false
    const text = yield* stream.take(typeLength, maxType)
    if (stream.isCut) return false
    const type = columnType(utf8Text(text, 0, text.length))
    let kind = 0
    if (revision >= Revision.customSerialization && (yield* stream.u8()) === 1) {
      // Only columns without parts say one kind for all.
      if (type === undefined || (type.kind !== "fixed" && type.kind !== "string")) return false
      kind = yield* stream.u8()
      if (kind > 1) return false
    }
    if (rows === 0) continue
    // Strings of newer servers stand apart from their sizes.
    if (type === undefined || (revision >= Revision.stringSizes && hasStrings(type))) return false
    const isPassed = kind === 1 ? yield* passSparse(stream, type) : yield* passColumn(stream, type, rows)
    if (!isPassed) return false
  }
  return true
}

const hasStrings = (type: ColumnType): boolean => {
  if (type.kind === "tuple") return type.parts.some(hasStrings)
  return type.kind === "string" || (type.kind !== "fixed" && hasStrings(type.inner))
}

/** Numbered fields up to 0: overflows, bucket, buckets that come out of order. */
function* passInfo(stream: ByteStream): Reading<boolean> {
  for (let i = 0; i < 4; i++) {
    const field = yield* stream.varint()
    if (field === 0) return true
    if (field === 1) yield* stream.pass(1)
    else if (field === 2) yield* stream.pass(4)
    else if (field === 3) {
      const count = yield* stream.varint()
      if (count > maxColumns) return false
      yield* stream.pass(4 * count)
    } else return false
  }
  return false
}

function* passColumn(stream: ByteStream, type: ColumnType, rows: number): Reading<boolean> {
  yield* passPrefix(stream, type)
  return yield* passValues(stream, type, rows)
}

/** The versions of dictionaries stand before all values. */
function* passPrefix(stream: ByteStream, type: ColumnType): Reading<void> {
  if (type.kind === "lowCardinality") yield* stream.pass(8)
  else if (type.kind === "nullable" || type.kind === "array") yield* passPrefix(stream, type.inner)
  else if (type.kind === "tuple") for (const part of type.parts) yield* passPrefix(stream, part)
}

function* passValues(stream: ByteStream, type: ColumnType, rows: number): Reading<boolean> {
  if (rows === 0) return true
  switch (type.kind) {
    case "fixed": {
      yield* stream.pass(type.size * rows)
      return true
    }
    case "string":
      return yield* passStrings(stream, rows)
    case "nullable": {
      yield* stream.pass(rows)
      return yield* passValues(stream, type.inner, rows)
    }
    case "array": {
      // The last offset is the number of all elements.
      yield* stream.pass(8 * (rows - 1))
      const elements = yield* stream.little(8)
      return elements <= maxRows && (yield* passValues(stream, type.inner, elements))
    }
    case "tuple": {
      for (const part of type.parts) if (!(yield* passValues(stream, part, rows))) return false
      return true
    }
    default:
      return yield* passDictionary(stream, type.inner)
  }
}

function* passStrings(stream: ByteStream, rows: number): Reading<boolean> {
  for (let i = 0; i < rows; i++) {
    const { at, bytes, end } = stream
    // Most are short, and whole.
    const short = at < end ? bytes[at] : 0x80
    if (short < 0x80 && at + 1 + short <= end) {
      stream.at = at + 1 + short
      continue
    }
    const length = yield* stream.varint()
    if (length > maxText) return false
    yield* stream.pass(length)
  }
  return true
}

const sharedKeys = 0x100
const ownKeys = 0x200

/** A column of LowCardinality: its keys, and for each row a number of 1, 2, 4 or 8 bytes. */
function* passDictionary(stream: ByteStream, type: ColumnType): Reading<boolean> {
  const flags = yield* stream.little(8)
  const indexSize = flags & 0xff
  if (indexSize > 3 || (flags & sharedKeys) !== 0) return false
  if ((flags & ownKeys) !== 0) {
    const keys = yield* stream.little(8)
    if (keys > maxRows) return false
    // Null is the first key.
    const inner = type.kind === "nullable" ? type.inner : type
    if (!(yield* passValues(stream, inner, keys))) return false
  }
  const rows = yield* stream.little(8)
  if (rows > maxRows) return false
  yield* stream.pass(rows * 2 ** indexSize)
  return true
}

/** Bit 62 of a distance between values that are not the default: there are no more. */
const endOfOffsets = 2 ** 62

/** A column whose default values are left out. */
function* passSparse(stream: ByteStream, type: ColumnType): Reading<boolean> {
  let values = 0
  for (;;) {
    const distance = yield* stream.varint()
    if (distance >= endOfOffsets) break
    if (++values > maxRows) return false
  }
  return yield* passValues(stream, type, values)
}
