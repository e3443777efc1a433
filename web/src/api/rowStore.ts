// The rows of a streaming table: newest first by id, without doubles, never more than a limit. Rows that come while the
// reader is further down wait, so that nothing moves under their eyes. Pure.

export interface StreamedRow {
  /** 64 bits in decimal; the newer the higher. */
  readonly id: string
}

export interface RowPage<Row> {
  readonly rows: ReadonlyArray<Row>
  /** Cursor for `before`; null at the end. */
  readonly next: string | null
}

export interface RowStore<Row extends StreamedRow> {
  readonly rows: ReadonlyArray<Row>
  /** Newer than `rows`, not shown yet. */
  readonly waiting: ReadonlyArray<Row>
  /** The waiting ones do not reach down to `rows` any more: showing them starts the table anew. */
  readonly hasGap: boolean
  readonly hasOlder: boolean
}

/** Rows kept in memory, shown and waiting each. */
export const maxRows = 5_000

export const noRows: RowStore<never> = { rows: [], waiting: [], hasGap: false, hasOlder: false }

/** Ids are 64 bits in decimal without leading zeros. */
export const isNewer = (a: string, b: string): boolean =>
  a.length === b.length ? a > b : a.length > b.length

export const newestId = (store: RowStore<StreamedRow>): string | undefined =>
  (store.waiting[0] ?? store.rows[0])?.id

export const firstRows = <Row extends StreamedRow>(page: RowPage<Row>): RowStore<Row> => ({
  ...noRows,
  rows: page.rows.slice(0, maxRows),
  hasOlder: page.next !== null,
})

const trimmed = <Row extends StreamedRow>(store: RowStore<Row>): RowStore<Row> =>
  store.rows.length <= maxRows ? store : { ...store, rows: store.rows.slice(0, maxRows), hasOlder: true }

export const shown = <Row extends StreamedRow>(store: RowStore<Row>): RowStore<Row> =>
  store.waiting.length === 0
    ? store
    : trimmed({
        rows: store.hasGap ? store.waiting : [...store.waiting, ...store.rows],
        waiting: [],
        hasGap: false,
        hasOlder: store.hasGap || store.hasOlder,
      })

/**
 * `fresh` is newest first; `isWhole` says that nothing is missing between it and what was there. With `isHeld` it waits.
 */
export const withNewer = <Row extends StreamedRow>(
  store: RowStore<Row>,
  fresh: ReadonlyArray<Row>,
  isWhole: boolean,
  isHeld: boolean,
): RowStore<Row> => {
  const newest = newestId(store)
  const added = newest === undefined ? fresh : fresh.filter((row) => isNewer(row.id, newest))
  if (added.length === 0) return isHeld ? store : shown(store)
  const all = isWhole ? [...added, ...store.waiting] : added
  const next: RowStore<Row> = {
    ...store,
    waiting: all.slice(0, maxRows),
    hasGap: store.hasGap || !isWhole || all.length > maxRows,
  }
  return isHeld ? next : shown(next)
}

export const withOlder = <Row extends StreamedRow>(
  store: RowStore<Row>,
  page: RowPage<Row>,
): RowStore<Row> => {
  const last = store.rows.at(-1)?.id
  const added = last === undefined ? page.rows : page.rows.filter((row) => isNewer(last, row.id))
  return { ...store, rows: [...store.rows, ...added].slice(0, maxRows), hasOlder: page.next !== null }
}

export const isFull = (store: RowStore<StreamedRow>): boolean => store.rows.length >= maxRows
