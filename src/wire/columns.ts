// The columnar body of a batch, as both directions need it (docs/specs/wire.md, Body): codes and widths of the column types
// and the schema bytes that open a body. Columns are matched by name, so that agent and server may differ in version.

import { type Column, type ColumnType, type RowKind, rowKinds } from "../model/columns.ts"

export const typeCodes: Readonly<Record<ColumnType, number>> = {
  u8: 1,
  u16: 2,
  u32: 3,
  i32: 4,
  u64: 5,
  i64: 6,
  f64: 7,
  ip: 8,
  str: 9,
  strs: 10,
}

export const typesByCode = new Map(
  Object.entries(typeCodes).map(([type, code]) => [code, type as ColumnType]),
)

/** Bytes a row takes; 0 for texts. */
export const widths: Readonly<Record<ColumnType, number>> = {
  u8: 1,
  u16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  i64: 8,
  f64: 8,
  ip: 16,
  str: 0,
  strs: 0,
}

/** Low and high half of a 64-bit integer: value = high * word + low. */
export const word = 4_294_967_296

const textEncoder = new TextEncoder()

const schemaOf = (columns: ReadonlyArray<Column>): Uint8Array => {
  const parts: Array<number> = [columns.length & 0xff, columns.length >> 8]
  for (const { name, type } of columns) {
    const bytes = textEncoder.encode(name)
    parts.push(typeCodes[type], bytes.length, ...bytes)
  }
  return Uint8Array.from(parts)
}

/** The schema bytes of this version's batches. */
export const schemas: Readonly<Record<RowKind, Uint8Array>> = {
  l7: schemaOf(rowKinds.l7),
  application: schemaOf(rowKinds.application),
  l4: schemaOf(rowKinds.l4),
  network: schemaOf(rowKinds.network),
  file: schemaOf(rowKinds.file),
  process: schemaOf(rowKinds.process),
  span: schemaOf(rowKinds.span),
}
