// Rows held as columns: typed arrays for numbers, one flat byte array for addresses, plain arrays for texts.
// A builder is filled row by row on the hot path and sealed once; a batch is read-only afterwards.

import { type Column, type ColumnType, type RowKind, rowKinds } from "./columns.ts"

export type NumberArray = Uint8Array | Uint16Array | Uint32Array | Int32Array | Float64Array

/** 64-bit integers sit in a Float64Array until they are encoded. */
export type ColumnData<Type extends ColumnType = ColumnType> = Type extends "str"
  ? Array<string>
  : Type extends "strs"
    ? Array<ReadonlyArray<string>>
    : Type extends "ip"
      ? Uint8Array
      : NumberArray

type ColumnsOf<Columns extends ReadonlyArray<Column>> = {
  readonly [C in Columns[number] as C["name"]]: ColumnData<C["type"]>
}

/** The columns of a kind by name: `columns.start_time[row] = ...`; an `ip` column holds 16 bytes a row. */
export type RowColumns<Kind extends RowKind> = ColumnsOf<(typeof rowKinds)[Kind]>

export interface ColumnBatch<Kind extends RowKind = RowKind> {
  readonly kind: Kind
  /** Rows in use; the columns may have room for more. */
  rows: number
  readonly columns: RowColumns<Kind>
}

/** A batch of some kind; `kind` tells which. */
export type AnyBatch = { readonly [Kind in RowKind]: ColumnBatch<Kind> }[RowKind]

const allocate = (type: ColumnType, capacity: number): ColumnData => {
  switch (type) {
    case "u8":
      return new Uint8Array(capacity)
    case "u16":
      return new Uint16Array(capacity)
    case "u32":
      return new Uint32Array(capacity)
    case "i32":
      return new Int32Array(capacity)
    case "u64":
    case "i64":
    case "f64":
      return new Float64Array(capacity)
    case "ip":
      return new Uint8Array(capacity * 16)
    case "str":
      return new Array<string>(capacity).fill("")
    case "strs":
      return new Array<ReadonlyArray<string>>(capacity).fill([])
  }
}

/**
 * Takes the rows out of a batch and leaves zeros and empty texts where they stood: its writer then only writes what is something
 * else, which is less than half of a flow's columns.
 */
export const clearBatch = (batch: AnyBatch): void => {
  const { rows } = batch
  for (const { name, type } of rowKinds[batch.kind]) {
    const data = (batch.columns as Readonly<Record<string, ColumnData>>)[name]!
    if (type === "str") (data as Array<string>).fill("", 0, rows)
    else if (type === "strs") (data as Array<ReadonlyArray<string>>).fill([], 0, rows)
    else (data as NumberArray).fill(0, 0, type === "ip" ? rows * 16 : rows)
  }
  batch.rows = 0
}

/** An empty batch with room for `capacity` rows. */
export const makeBatch = <Kind extends RowKind>(kind: Kind, capacity: number): ColumnBatch<Kind> => ({
  kind,
  rows: 0,
  columns: Object.fromEntries(
    rowKinds[kind].map((column) => [column.name, allocate(column.type, capacity)]),
  ) as unknown as RowColumns<Kind>,
})
