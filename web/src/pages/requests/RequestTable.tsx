// The request list: newest on top; Enter opens a request, t its trace.

import { useCallback } from "react"
import type { RequestRow } from "../../api/contract.ts"
import type { RowStream } from "../../api/useRowStream.ts"
import { navigate, pageAddress } from "../../app/location.ts"
import { DurationCell } from "../../parts/DurationCell.tsx"
import { endName, endTitle } from "../../parts/ends.ts"
import { formatBytes, formatClock, formatMoment } from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { pointOf } from "../../parts/points.ts"
import { Protocol } from "../../parts/Protocol.tsx"
import { StatusMark } from "../../parts/status.tsx"
import { type StreamColumn, StreamTable } from "../../parts/StreamTable.tsx"

const columns: ReadonlyArray<StreamColumn<RequestRow>> = [
  {
    heading: "Time",
    className: "faint",
    title: (row) => formatMoment(row.startUs),
    cell: (row) => formatClock(row.startUs),
  },
  { heading: "Status", cell: (row) => <StatusMark status={row.status} code={row.code} /> },
  { heading: "Type", className: "cut request-type", cell: (row) => row.type },
  {
    heading: "Resource",
    className: "cut",
    title: (row) => `${row.domain}${row.resource}`,
    cell: (row, address, remember) => (
      <Link to={address} tabIndex={-1} className="stream-link" onClick={remember}>
        {row.resource === "" ? row.endpoint || "(none)" : row.resource}
      </Link>
    ),
  },
  {
    heading: "Client",
    className: "cut",
    title: (row) => endTitle(row.client, row.clientIp, row.clientPort),
    cell: (row) => endName(row.client),
  },
  {
    heading: "Server",
    className: "cut",
    title: (row) => endTitle(row.server, row.serverIp, row.serverPort),
    cell: (row) => endName(row.server),
  },
  { heading: "Protocol", cell: (row) => <Protocol name={row.protocol} /> },
  { heading: "Seen at", className: "soft", cell: (row) => pointOf(row.point).short },
  { heading: "Duration", isNumber: true, cell: (row) => <DurationCell us={row.durationUs} /> },
  {
    heading: "Size",
    isNumber: true,
    className: "soft",
    cell: (row) => (row.responseLength === null ? "–" : formatBytes(row.responseLength)),
  },
]

interface TableProps {
  readonly stream: RowStream<RequestRow>
  readonly params: URLSearchParams
}

export const RequestTable = ({ stream, params }: TableProps) => {
  const addressOf = useCallback((row: RequestRow) => pageAddress(`/requests/${row.id}`, params), [params])
  return (
    <StreamTable
      what="requests"
      className="request-table"
      stream={stream}
      columns={columns}
      addressOf={addressOf}
      keys={{ t: (row) => navigate(pageAddress(`/traces/${row.id}`, params)) }}
    />
  )
}
