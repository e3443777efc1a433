// Reads the map of primitive values in which OpenWire keeps a message's properties and a peer's wish for a wire format.

import type { ByteReader } from "../framed/ByteReader.ts"

const Primitive = {
  nothing: 0,
  boolean: 1,
  byte: 2,
  char: 3,
  short: 4,
  int: 5,
  long: 6,
  double: 7,
  float: 8,
  string: 9,
  bytes: 10,
  bigString: 13,
} as const

const fixedBytes: Record<number, number> = {
  [Primitive.nothing]: 0,
  [Primitive.byte]: 1,
  [Primitive.char]: 2,
  [Primitive.short]: 2,
  [Primitive.int]: 4,
  [Primitive.long]: 8,
  [Primitive.double]: 8,
  [Primitive.float]: 4,
}

const maxEntries = 64
/** Values that are longer are passed over. */
const maxValue = 512

/** Calls `entry` with the name and value of each text and boolean (as "true", "false") at the reader's position. */
export const readPrimitiveMap = (reader: ByteReader, entry: (name: string, value: string) => void): void => {
  const count = reader.i32()
  for (let i = 0; i < count && i < maxEntries && !reader.isShort; i++) {
    const name = reader.text(reader.u16())
    const type = reader.u8()
    if (type === Primitive.string || type === Primitive.bigString) {
      const length = type === Primitive.string ? reader.u16() : reader.u32()
      if (length > maxValue) reader.skip(length)
      else {
        const value = reader.longText(length)
        if (!reader.isShort) entry(name, value)
      }
    } else if (type === Primitive.boolean) {
      const value = reader.u8() !== 0
      if (!reader.isShort) entry(name, value ? "true" : "false")
    } else if (type === Primitive.bytes) reader.skip(reader.u32())
    else {
      const length = fixedBytes[type]
      // Maps and lists within: nothing behind them is read.
      if (length === undefined) return
      reader.skip(length)
    }
  }
}
