// The request list: only the rows in sight are drawn, newest on top; keys j, k and Enter walk it.

import { useVirtualizer } from "@tanstack/react-virtual"
import { type CSSProperties, memo, useEffect, useRef, useState } from "react"
import type { RequestRow } from "../../api/contract.ts"
import { navigate, pageAddress } from "../../app/location.ts"
import { useShortcuts } from "../../app/shortcuts.ts"
import { formatBytes, formatClock, formatLatency, formatMoment } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { Link } from "../../parts/Link.tsx"
import { pointOf } from "../../parts/points.ts"
import { Protocol } from "../../parts/Protocol.tsx"
import { StatusMark } from "../../parts/status.tsx"
import { isFull } from "./rowStore.ts"
import type { RequestStream } from "./useRequestStream.ts"

const rowHeight = 30
/** Rows from the end at which older ones are fetched. */
const aheadRows = 30

const headings = [
  "Time",
  "Status",
  "Type",
  "Resource",
  "Client",
  "Server",
  "Protocol",
  "Seen at",
  "Duration",
  "Size",
]

/** Where the reader was, for the way back from a request's page. */
let lastOpened = ""

/** A logarithmic bar: 100 µs is nothing, 10 s is all. */
const share = (us: number): number => Math.min(1, Math.max(0, Math.log10(Math.max(us, 1) / 100) / 5))

interface RowProps {
  readonly row: RequestRow
  readonly address: string
  readonly index: number
  readonly top: number
  readonly isCurrent: boolean
}

const Row = memo(({ row, address, index, top, isCurrent }: RowProps) => (
  // Keys reach a row through its link and through j, k and Enter.
  // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
  <div
    role="row"
    tabIndex={-1}
    aria-rowindex={index + 2}
    aria-current={isCurrent ? "true" : undefined}
    className={`request-row${isCurrent ? " is-chosen" : ""}`}
    style={{ transform: `translateY(${top}px)` }}
    onClick={(event) => {
      if (event.defaultPrevented || window.getSelection()?.isCollapsed === false) return
      lastOpened = row.id
      navigate(address)
    }}
  >
    <span role="cell" className="faint" title={formatMoment(Number(row.startUs))}>
      {formatClock(Number(row.startUs))}
    </span>
    <span role="cell">
      <StatusMark status={row.status} code={row.code} />
    </span>
    <span role="cell" className="cut request-type">
      {row.type}
    </span>
    <span role="cell" className="cut" title={`${row.domain}${row.resource}`}>
      <Link to={address} tabIndex={-1} className="request-link" onClick={() => (lastOpened = row.id)}>
        {row.resource === "" ? row.endpoint || "(none)" : row.resource}
      </Link>
    </span>
    <span role="cell" className="cut" title={`${row.client} (${row.clientIp}:${row.clientPort})`}>
      {row.client}
    </span>
    <span role="cell" className="cut" title={`${row.server} (${row.serverIp}:${row.serverPort})`}>
      {row.server}
    </span>
    <span role="cell">
      <Protocol name={row.protocol} />
    </span>
    <span role="cell" className="soft">
      {pointOf(row.point).short}
    </span>
    <span role="cell" className="number request-duration">
      <i style={{ "--share": share(row.durationUs) } as CSSProperties} aria-hidden="true" />
      {formatLatency(row.durationUs)}
    </span>
    <span role="cell" className="number soft">
      {row.responseLength === null ? "–" : formatBytes(row.responseLength)}
    </span>
  </div>
))

export const RequestTable = ({
  stream,
  params,
}: {
  readonly stream: RequestStream
  readonly params: URLSearchParams
}) => {
  const { store, hold, loadOlder, isLoadingOlder } = stream
  const { rows } = store
  const scroller = useRef<HTMLDivElement>(null)
  const [current, setCurrent] = useState(lastOpened)
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => rows[index]?.id ?? index,
    overscan: 12,
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
  useShortcuts({
    j: step(1),
    k: step(-1),
    ArrowDown: step(1),
    ArrowUp: step(-1),
    Enter: () => {
      if (!rows.some((row) => row.id === current)) return
      lastOpened = current
      navigate(pageAddress(`/requests/${current}`, params))
    },
    Escape: () => setCurrent(""),
  })

  const toTop = () => {
    hold(false)
    scroller.current?.scrollTo({ top: 0 })
  }

  return (
    <div className="request-table" role="table" aria-label="Requests" aria-rowcount={rows.length + 1}>
      {store.waiting.length === 0 ? null : (
        <button type="button" className="button primary new-rows" onClick={toTop}>
          <Icon name="up" />
          {store.waiting.length} new
        </button>
      )}
      {/* The scrolled part is reached by Tab, so that keys can scroll it. */}
      <div
        ref={scroller}
        className="request-scroll"
        role="rowgroup"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}
        aria-label="Rows"
        onScroll={(event) => hold(event.currentTarget.scrollTop > rowHeight / 2)}
      >
        <div className="request-row request-head" role="row" aria-rowindex={1}>
          {headings.map((heading) => (
            <span
              key={heading}
              role="columnheader"
              className={heading === "Duration" || heading === "Size" ? "number" : undefined}
            >
              {heading}
            </span>
          ))}
        </div>
        <div className="request-rows" role="presentation" style={{ height: virtual.getTotalSize() }}>
          {items.map(({ index, start }) => {
            const row = rows[index]
            if (row === undefined) return null
            return (
              <Row
                key={row.id}
                row={row}
                index={index}
                top={start}
                address={pageAddress(`/requests/${row.id}`, params)}
                isCurrent={row.id === current}
              />
            )
          })}
        </div>
        <p className="table-note" role="presentation">
          {isFull(store)
            ? "The table holds no more rows. Narrow the time or filter to see older ones."
            : isLoadingOlder
              ? "Loading older requests…"
              : store.hasOlder
                ? ""
                : "These are all requests of the time range."}
        </p>
      </div>
    </div>
  )
}
