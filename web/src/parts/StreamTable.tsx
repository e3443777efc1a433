// A list that grows at the top: only the rows in sight are drawn, new ones wait while one reads further down; keys j, k and Enter
// walk it.

import { useVirtualizer } from "@tanstack/react-virtual"
import { memo, type ReactNode, useEffect, useRef, useState } from "react"
import { isFull, type StreamedRow } from "../api/rowStore.ts"
import type { RowStream } from "../api/useRowStream.ts"
import { navigate } from "../app/location.ts"
import { useShortcuts } from "../app/shortcuts.ts"
import { Icon } from "./Icon.tsx"
import "./streamTable.css"

const rowHeight = 30
/** Rows from the end at which older ones are fetched. */
const aheadRows = 30

export interface StreamColumn<Row> {
  readonly heading: string
  readonly isNumber?: boolean
  readonly className?: string
  readonly title?: (row: Row) => string
  /** `address` is that of the row's own page; `remember` notes that the reader goes there. */
  readonly cell: (row: Row, address: string, remember: () => void) => ReactNode
}

/** Where the reader was in each list, for the way back from a row's page. */
const lastOpened = new Map<string, string>()

interface RowProps<Row> {
  readonly list: string
  readonly row: Row
  readonly columns: ReadonlyArray<StreamColumn<Row>>
  readonly address: string
  readonly index: number
  readonly top: number
  readonly isCurrent: boolean
}

const classOf = ({ isNumber, className }: StreamColumn<never>): string | undefined =>
  [isNumber === true ? "number" : "", className ?? ""].join(" ").trim() || undefined

const PlainRow = <Row extends StreamedRow>(props: RowProps<Row>) => {
  const { list, row, columns, address, index, top, isCurrent } = props
  const remember = (): void => void lastOpened.set(list, row.id)
  return (
    // Keys reach a row through its link and through j, k and Enter.
    // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
    <div
      role="row"
      tabIndex={-1}
      aria-rowindex={index + 2}
      aria-current={isCurrent ? "true" : undefined}
      className={`stream-row${isCurrent ? " is-chosen" : ""}`}
      style={{ transform: `translateY(${top}px)` }}
      onClick={(event) => {
        if (event.defaultPrevented || window.getSelection()?.isCollapsed === false) return
        remember()
        navigate(address)
      }}
    >
      {columns.map((column) => (
        <span
          key={column.heading}
          role="cell"
          className={classOf(column as StreamColumn<never>)}
          title={column.title?.(row)}
        >
          {column.cell(row, address, remember)}
        </span>
      ))}
    </div>
  )
}

const TableRow = memo(PlainRow) as typeof PlainRow

interface TableProps<Row extends StreamedRow> {
  /** What is listed: "requests". */
  readonly what: string
  readonly className: string
  readonly stream: RowStream<Row>
  readonly columns: ReadonlyArray<StreamColumn<Row>>
  readonly addressOf: (row: Row) => string
  /** What is said below the last row. */
  readonly end?: string
  /** Further keys that act on the current row. */
  readonly keys?: Readonly<Record<string, (row: Row) => void>>
}

const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)

export const StreamTable = <Row extends StreamedRow>(props: TableProps<Row>) => {
  const { what, className, stream, columns, addressOf, keys = {} } = props
  const { end = `These are all ${what} of the time range.` } = props
  const { store, hold, loadOlder, isLoadingOlder } = stream
  const { rows } = store
  const scroller = useRef<HTMLDivElement>(null)
  const [current, setCurrent] = useState(lastOpened.get(what) ?? "")
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 12,
    // The head stands above the rows and stays in sight.
    scrollMargin: rowHeight,
    scrollPaddingStart: rowHeight,
  })
  const items = virtual.getVirtualItems()
  const lastDrawn = items.at(-1)?.index ?? 0

  useEffect(() => {
    if (rows.length > 0 && lastDrawn >= rows.length - aheadRows && !isLoadingOlder && !isFull(store))
      loadOlder()
  }, [lastDrawn, rows.length, isLoadingOlder, loadOlder, store])

  const step = (by: number) => () => {
    const at = rows.findIndex((row) => row.id === current)
    const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + by))
    setCurrent(rows[next]?.id ?? "")
    virtual.scrollToIndex(next)
  }
  const withCurrent = (act: (row: Row) => void) => () => {
    const row = rows.find(({ id }) => id === current)
    if (row === undefined) return
    lastOpened.set(what, current)
    act(row)
  }
  useShortcuts({
    j: step(1),
    k: step(-1),
    ArrowDown: step(1),
    ArrowUp: step(-1),
    Enter: withCurrent((row) => navigate(addressOf(row))),
    Escape: () => setCurrent(""),
    ...Object.fromEntries(Object.entries(keys).map(([key, act]) => [key, withCurrent(act)])),
  })

  const toTop = () => {
    hold(false)
    scroller.current?.scrollTo({ top: 0 })
  }

  return (
    <div
      className={`stream-table ${className}`}
      role="table"
      aria-label={capital(what)}
      aria-rowcount={rows.length + 1}
    >
      {store.waiting.length === 0 ? null : (
        <button type="button" className="button primary new-rows" onClick={toTop}>
          <Icon name="up" />
          {store.waiting.length} new
        </button>
      )}
      {/* The scrolled part is reached by Tab, so that keys can scroll it. */}
      <div
        ref={scroller}
        className="stream-scroll"
        role="rowgroup"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        aria-label="Rows"
        onScroll={(event) => hold(event.currentTarget.scrollTop > rowHeight / 2)}
      >
        <div className="stream-row stream-head" role="row" aria-rowindex={1}>
          {columns.map((column) => (
            <span
              key={column.heading}
              role="columnheader"
              className={column.isNumber === true ? "number" : undefined}
            >
              {column.heading}
            </span>
          ))}
        </div>
        <div className="stream-rows" role="presentation" style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const row = rows[index]
            if (row === undefined) return null
            return (
              <TableRow
                key={row.id}
                list={what}
                row={row}
                columns={columns}
                index={index}
                top={start - rowHeight}
                address={addressOf(row)}
                isCurrent={row.id === current}
              />
            )
          })}
        </div>
        <p className="table-note" role="presentation">
          {isFull(store)
            ? "The table holds no more rows. Narrow the time or filter to see older ones."
            : isLoadingOlder
              ? `Loading older ${what}…`
              : store.hasOlder
                ? ""
                : end}
        </p>
      </div>
    </div>
  )
}
