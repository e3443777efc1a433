// Reads the body of a RESULT: its kind, and of rows how many they are.

import type { ByteReader } from "../framed/ByteReader.ts"

export const Kind = { void: 1, rows: 2, setKeyspace: 3, prepared: 4, schemaChange: 5 } as const

const names = ["", "Void", "Rows", "Set keyspace", "Prepared", "Schema change"]

export const kindName = (kind: number): string => names[kind] ?? ""

const Metadata = { global: 1, morePages: 2, none: 4, changed: 8 } as const
const maxColumns = 4096
const maxDepth = 8

/** Number of rows; -1 when the bytes at hand end before it. */
export const readRowCount = (reader: ByteReader): number => {
  const flags = reader.u32()
  const columns = reader.u32()
  if (columns > maxColumns) return -1
  if ((flags & Metadata.morePages) !== 0) skipBytes(reader)
  if ((flags & Metadata.changed) !== 0) skipString(reader)
  if ((flags & Metadata.none) === 0) {
    const isGlobal = (flags & Metadata.global) !== 0
    if (isGlobal) skipStrings(reader, 2)
    for (let i = 0; i < columns && !reader.isShort; i++) {
      skipStrings(reader, isGlobal ? 1 : 3)
      skipType(reader, 0)
    }
  }
  const rows = reader.u32()
  return reader.isShort ? -1 : rows
}

export const skipString = (reader: ByteReader): void => reader.skip(reader.u16())

const skipStrings = (reader: ByteReader, count: number): void => {
  for (let i = 0; i < count; i++) skipString(reader)
}

export const skipBytes = (reader: ByteReader): void => {
  const length = reader.i32()
  if (length > 0) reader.skip(length)
}

const skipType = (reader: ByteReader, depth: number): void => {
  if (depth > maxDepth) {
    reader.skip(Infinity)
    return
  }
  switch (reader.u16()) {
    case 0x00: {
      skipString(reader)
      return
    }
    case 0x20:
    case 0x22: {
      skipType(reader, depth + 1)
      return
    }
    case 0x21: {
      skipType(reader, depth + 1)
      skipType(reader, depth + 1)
      return
    }
    case 0x30: {
      skipStrings(reader, 2)
      for (let fields = reader.u16(); fields > 0 && !reader.isShort; fields--) {
        skipString(reader)
        skipType(reader, depth + 1)
      }
      return
    }
    case 0x31: {
      for (let parts = reader.u16(); parts > 0 && !reader.isShort; parts--) skipType(reader, depth + 1)
      return
    }
    default:
  }
}
