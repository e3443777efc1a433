// The list of traces: the newest on top, or the slowest; Enter opens one.

import { useCallback } from "react"
import type { TraceSummary } from "../../api/traceContract.ts"
import type { RowStream } from "../../api/useRowStream.ts"
import { pageAddress } from "../../app/location.ts"
import { DurationCell } from "../../parts/DurationCell.tsx"
import { endName } from "../../parts/ends.ts"
import { formatClock, formatMoment } from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { Protocol } from "../../parts/Protocol.tsx"
import { StatusMark } from "../../parts/status.tsx"
import { type StreamColumn, StreamTable } from "../../parts/StreamTable.tsx"

const columns: ReadonlyArray<StreamColumn<TraceSummary>> = [
  {
    heading: "Time",
    className: "faint",
    title: (trace) => formatMoment(trace.startUs),
    cell: (trace) => formatClock(trace.startUs),
  },
  { heading: "Status", cell: (trace) => <StatusMark status={trace.status} code={trace.code} /> },
  {
    heading: "Request",
    className: "cut trace-name",
    title: (trace) => trace.name,
    cell: (trace, address, remember) => (
      <Link to={address} tabIndex={-1} className="stream-link" onClick={remember}>
        {trace.name}
      </Link>
    ),
  },
  {
    heading: "Service",
    className: "cut",
    title: (trace) => endName(trace.service),
    cell: (trace) => endName(trace.service),
  },
  { heading: "Asked by", className: "cut", title: (trace) => trace.client, cell: (trace) => trace.client },
  { heading: "Protocol", cell: (trace) => <Protocol name={trace.protocol} /> },
  { heading: "Duration", isNumber: true, cell: (trace) => <DurationCell us={trace.durationUs} /> },
  {
    heading: "Trace id",
    className: "cut faint mono",
    title: (trace) => trace.traceId,
    cell: (trace) => (trace.traceId === "" ? "–" : trace.traceId),
  },
]

interface TableProps {
  readonly stream: RowStream<TraceSummary>
  readonly params: URLSearchParams
  readonly isSlowest: boolean
}

export const TraceTable = ({ stream, params, isSlowest }: TableProps) => {
  const addressOf = useCallback((trace: TraceSummary) => pageAddress(`/traces/${trace.id}`, params), [params])
  return (
    <StreamTable
      what="traces"
      className="trace-table"
      stream={stream}
      columns={columns}
      addressOf={addressOf}
      {...(isSlowest ? { end: `The ${stream.store.rows.length} slowest of the time range.` } : {})}
    />
  )
}
