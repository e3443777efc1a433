// The trace of a request, small: how much there is of it, and its first spans around this one.

import type { CSSProperties } from "react"
import { ApiFailure } from "../../api/client.ts"
import type { Trace } from "../../api/traceContract.ts"
import { useTrace } from "../../api/traceQueries.ts"
import { pageAddress } from "../../app/location.ts"
import { endName } from "../../parts/ends.ts"
import { formatDuration, formatExact } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { Link } from "../../parts/Link.tsx"
import { intervalOf, placeOf, wholeOf } from "../trace/bars.ts"
import { foldableSpans, hopsOf } from "../trace/hops.ts"
import { nothingFolded, type Row, rowsOf } from "../trace/rows.ts"
import { serviceHues } from "../trace/serviceHues.ts"

const shown = 12

/** As many rows as fit, with the request's own among them. */
const rowsAround = (rows: ReadonlyArray<Row>, span: number): ReadonlyArray<Row> => {
  const at = rows.findIndex((row) => row.span === span)
  const first = Math.max(0, Math.min(at - Math.floor(shown / 2), rows.length - shown))
  return rows.slice(first, first + shown)
}

interface SmallProps {
  readonly trace: Trace
  readonly id: string
  readonly params: URLSearchParams
}

const Small = ({ trace, id, params }: SmallProps) => {
  const hops = hopsOf(trace)
  const rows = rowsOf(trace, hops, foldableSpans(trace, hops), nothingFolded)
  const own = trace.spans.findIndex((span) => span.id === id || span.otherIds.includes(id))
  const hues = serviceHues(trace.spans.map(({ service }) => service))
  const whole = wholeOf(trace)
  return (
    <ul className="small-trace">
      {rowsAround(rows, own).map((row) => {
        const span = trace.spans[row.span]!
        const place = placeOf(intervalOf(trace, span), whole)!
        return (
          <li key={row.span}>
            <Link
              to={pageAddress(`/traces/${id}`, params, { span: span.id })}
              className={row.span === own ? "is-own" : undefined}
              aria-current={row.span === own ? "true" : undefined}
            >
              <span className="cut" style={{ paddingLeft: Math.min(row.depth, 10) * 10 }}>
                <b>{endName(span.service || span.server.ip)}</b> {span.name}
              </span>
              <span className="number">
                {span.isAnswered ? formatDuration(span.durationUs) : "no answer"}
              </span>
              <span className="small-track">
                <i
                  style={
                    {
                      "--hue": hues.get(span.service),
                      left: `${place.left * 100}%`,
                      width: `${place.width * 100}%`,
                    } as CSSProperties
                  }
                  className={span.role === "client" ? "is-client" : undefined}
                />
              </span>
            </Link>
          </li>
        )
      })}
    </ul>
  )
}

/** What is known of the trace in one line. */
const Line = ({ trace }: { readonly trace: Trace }) => {
  const services = trace.services.length
  const loose = trace.roots.length - 1
  return (
    <span className="faint">
      {formatExact(trace.spans.length)} spans, {formatExact(services)}{" "}
      {services === 1 ? "service" : "services"}, {formatDuration(trace.durationUs)}
      {loose > 0 ? `, ${formatExact(loose)} without a parent` : ""}
      {trace.limits.length > 0 ? ", there may be more" : ""}
    </span>
  )
}

export const RequestTrace = ({ id, params }: { readonly id: string; readonly params: URLSearchParams }) => {
  const { data: trace, error } = useTrace(id, true)
  if (trace === undefined) {
    const isMissing = error instanceof ApiFailure && error.status === 404
    return error === null || isMissing ? null : (
      <section className="card request-card">
        <h2>Trace</h2>
        <p className="faint">It could not be loaded: {error.message}</p>
      </section>
    )
  }
  return (
    <section className="card request-card">
      <h2>
        Trace <Line trace={trace} />
        <Link className="button open-trace" to={pageAddress(`/traces/${id}`, params)}>
          Open the trace <Icon name="right" />
        </Link>
      </h2>
      <Small trace={trace} id={id} params={params} />
    </section>
  )
}
