// Some rows of columns, by their numbers.

/** 0.0.0.0 */
const noAddress = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0, 0, 0, 0)

/** Numbers of the rows of one interval (seconds). */
export const rowsOfInterval = (
  batch: { readonly rows: number; readonly columns: { readonly interval: ArrayLike<number> } },
  interval: number,
): ReadonlyArray<number> => {
  const chosen: Array<number> = []
  for (let row = 0; row < batch.rows; row++) if (batch.columns.interval[row] === interval) chosen.push(row)
  return chosen
}

export const pickNumbers = (source: ArrayLike<number>, rows: ReadonlyArray<number>): Float64Array => {
  const picked = new Float64Array(rows.length)
  for (let to = 0; to < rows.length; to++) picked[to] = source[rows[to]!]!
  return picked
}

export const pickTexts = (
  source: ReadonlyArray<string>,
  rows: ReadonlyArray<number>,
): ReadonlyArray<string> => rows.map((row) => source[row]!)

/** Addresses of services without a name only: the others' would make rows differ that mean the same. */
export const pickAddresses = (
  source: Uint8Array,
  isNamed: Uint8Array,
  rows: ReadonlyArray<number>,
): Uint8Array => {
  const picked = new Uint8Array(rows.length * 16)
  for (let to = 0; to < rows.length; to++) {
    const row = rows[to]!
    if (isNamed[row] === 1) picked.set(noAddress, to * 16)
    else picked.set(source.subarray(row * 16, row * 16 + 16), to * 16)
  }
  return picked
}
