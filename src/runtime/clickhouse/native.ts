// Encodes columns as one block of ClickHouse's Native format: the cheapest way in (a quarter of JSONEachRow's CPU on both ends).
// Every number is brought into its type's range, so that a block is always well formed. Reference for the layout:
// ClickHouse's NativeWriter.cpp with client revision 0: counts, then per column name, type, data.

import { NativeWriter } from "./NativeWriter.ts"

/** Types as a block carries them; the server converts to the table's (String to LowCardinality, for one). */
export type SmallIntegerType = "UInt8" | "UInt16" | "UInt32" | "Int32" | "DateTime"
export type BigIntegerType = "UInt64" | "Int64" | "DateTime64(6)"
export type NumberType = SmallIntegerType | BigIntegerType | "Float64"

export type NativeColumn =
  | { readonly name: string; readonly type: NumberType; readonly data: ArrayLike<number> }
  /** Whole 64-bit values. */
  | { readonly name: string; readonly type: "UInt64"; readonly data: BigUint64Array }
  | {
      readonly name: string
      readonly type: `Nullable(${NumberType})`
      readonly data: ArrayLike<number>
      /** The value that stands for NULL. */
      readonly absent: number
    }
  /** As numbers, a.b.c.d being a * 2^24 + ... + d. */
  | { readonly name: string; readonly type: "IPv4"; readonly data: Uint32Array }
  /** 16 bytes a row. */
  | { readonly name: string; readonly type: "IPv6" | "FixedString(16)"; readonly data: Uint8Array }
  | { readonly name: string; readonly type: "String"; readonly data: ReadonlyArray<string> }
  /** A String column of arbitrary bytes. */
  | { readonly name: string; readonly type: "Bytes"; readonly data: ReadonlyArray<Uint8Array> }
  | {
      readonly name: string
      readonly type: "Array(String)"
      readonly data: ReadonlyArray<ReadonlyArray<string>>
    }

const two32 = 2 ** 32

const arrayOf = {
  UInt8: Uint8Array,
  UInt16: Uint16Array,
  UInt32: Uint32Array,
  DateTime: Uint32Array,
  Int32: Int32Array,
  Float64: Float64Array,
} as const

const rangeOf: Record<Exclude<NumberType, "Float64">, readonly [least: number, most: number]> = {
  UInt8: [0, 0xff],
  UInt16: [0, 0xffff],
  UInt32: [0, 0xffff_ffff],
  DateTime: [0, 0xffff_ffff],
  Int32: [-0x8000_0000, 0x7fff_ffff],
  UInt64: [0, Number.MAX_SAFE_INTEGER],
  Int64: [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
  // ClickHouse's range ends with the year 2299, a little later.
  "DateTime64(6)": [0, Number.MAX_SAFE_INTEGER],
}

const isWide = (type: NumberType): type is BigIntegerType =>
  type === "UInt64" || type === "Int64" || type === "DateTime64(6)"

const bytesOf = (array: { buffer: ArrayBufferLike; byteOffset: number; byteLength: number }): Uint8Array =>
  new Uint8Array(array.buffer, array.byteOffset, array.byteLength)

/** An integer in range; what is no number becomes the value nearest to 0. */
const bounded = (value: number, least: number, most: number): number => {
  if (value >= least && value <= most) return value
  if (value > most) return most
  return value < least ? least : Math.max(0, least)
}

const writeWide = (
  writer: NativeWriter,
  type: BigIntegerType,
  data: ArrayLike<number>,
  rows: number,
): void => {
  const [least, most] = rangeOf[type]
  const words = new Uint32Array(rows * 2)
  for (let row = 0, word = 0; row < rows; row++, word += 2) {
    const value = bounded(data[row]!, least, most)
    words[word] = value
    // Floor, so that a negative number gets the high word of its two's complement.
    words[word + 1] = Math.floor(value / two32)
  }
  writer.raw(bytesOf(words))
}

const writeNumbers = (
  writer: NativeWriter,
  type: NumberType,
  data: ArrayLike<number>,
  rows: number,
): void => {
  if (isWide(type)) return writeWide(writer, type, data, rows)
  const Target = arrayOf[type]
  if (data instanceof Target) return writer.raw(bytesOf(data.subarray(0, rows)))
  const converted = new Target(rows)
  if (type === "Float64") {
    for (let row = 0; row < rows; row++) converted[row] = data[row]!
  } else {
    const [least, most] = rangeOf[type]
    for (let row = 0; row < rows; row++) converted[row] = bounded(data[row]!, least, most)
  }
  writer.raw(bytesOf(converted))
}

const writeNullMap = (writer: NativeWriter, data: ArrayLike<number>, absent: number, rows: number): void => {
  const isNull = writer.room(rows)
  for (let row = 0; row < rows; row++) isNull[row] = data[row] === absent ? 1 : 0
}

const writeStrings = (writer: NativeWriter, data: ReadonlyArray<string>, rows: number): void => {
  for (let row = 0; row < rows; row++) writer.string(data[row]!)
}

const writeBytes = (writer: NativeWriter, data: ReadonlyArray<Uint8Array>, rows: number): void => {
  for (let row = 0; row < rows; row++) {
    writer.varUint(data[row]!.length)
    writer.raw(data[row]!)
  }
}

const writeLists = (writer: NativeWriter, data: ReadonlyArray<ReadonlyArray<string>>, rows: number): void => {
  const ends = new Float64Array(rows)
  let end = 0
  for (let row = 0; row < rows; row++) ends[row] = end += data[row]!.length
  writeWide(writer, "UInt64", ends, rows)
  for (let row = 0; row < rows; row++) {
    const list = data[row]!
    for (let i = 0; i < list.length; i++) writer.string(list[i]!)
  }
}

const writeColumn = (writer: NativeWriter, column: NativeColumn, rows: number): void => {
  writer.string(column.name)
  writer.string(column.type === "Bytes" ? "String" : column.type)
  switch (column.type) {
    case "String":
      return writeStrings(writer, column.data, rows)
    case "Bytes":
      return writeBytes(writer, column.data, rows)
    case "Array(String)":
      return writeLists(writer, column.data, rows)
    case "IPv4":
      return writer.raw(bytesOf(column.data.subarray(0, rows)))
    case "IPv6":
    case "FixedString(16)":
      return writer.raw(column.data.subarray(0, rows * 16))
  }
  if ("absent" in column) {
    writeNullMap(writer, column.data, column.absent, rows)
    const type = column.type.slice("Nullable(".length, -1) as NumberType
    return writeNumbers(writer, type, column.data, rows)
  }
  if (column.data instanceof BigUint64Array) return writer.raw(bytesOf(column.data.subarray(0, rows)))
  writeNumbers(writer, column.type, column.data, rows)
}

/** The first `rows` values of every column as one block. The result is a buffer of its own. */
export const encodeNative = (rows: number, columns: ReadonlyArray<NativeColumn>): Uint8Array => {
  const writer = new NativeWriter(1024 + rows * columns.length * 8)
  writer.varUint(columns.length)
  writer.varUint(rows)
  for (const column of columns) writeColumn(writer, column, rows)
  return writer.bytes()
}
