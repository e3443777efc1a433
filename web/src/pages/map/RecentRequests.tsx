// The newest requests of a service or a call, with the way to all of them.

import { useSomeRequests } from "../../api/queries.ts"
import { useNowMs } from "../../app/clock.ts"
import { pageAddress, type Patch } from "../../app/location.ts"
import type { TimeScope } from "../../app/useTimeScope.ts"
import { ErrorNote } from "../../parts/ErrorNote.tsx"
import { formatAgo, formatLatency } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { Link } from "../../parts/Link.tsx"
import { StatusMark } from "../../parts/status.tsx"

interface RecentProps {
  readonly scope: TimeScope
  readonly params: URLSearchParams
  /** Names of the list's filters, which are the same in the page's address and for the API. */
  readonly filter: Patch
}

const shown = 8

export const RecentRequests = ({ scope, params, filter }: RecentProps) => {
  const nowMs = useNowMs()
  const recent = useSomeRequests(scope, { ...filter, limit: shown })
  return (
    <section>
      <div className="section-head">
        <h3>Recent requests</h3>
        <span className="recent-links">
          <Link to={pageAddress("/traces", params, { ...filter, point: "" })}>Traces</Link>
          <Link to={pageAddress("/requests", params, filter)}>Show all</Link>
        </span>
      </div>
      {recent.isError && recent.data === undefined ? <ErrorNote error={recent.error} /> : null}
      {recent.data?.rows.length === 0 ? <p className="faint">None in this time range.</p> : null}
      <ul className="recent">
        {recent.data?.rows.map((row) => (
          <li key={row.id} className="recent-row">
            <Link to={pageAddress(`/requests/${row.id}`, params)}>
              <StatusMark status={row.status} code={row.code} />
              <span className="cut">
                <b>{row.type}</b> {row.resource}
              </span>
              <span className="number">{formatLatency(row.durationUs)}</span>
              <span className="number faint">{formatAgo(row.startUs, nowMs)}</span>
            </Link>
            <Link className="recent-trace" to={pageAddress(`/traces/${row.id}`, params)} title="Its trace">
              <Icon name="waterfall" />
              <span className="hidden-text">
                Trace of {row.type} {row.resource}
              </span>
            </Link>
          </li>
        ))}
      </ul>
    </section>
  )
}
