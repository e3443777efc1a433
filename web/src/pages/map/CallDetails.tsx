// The panel of a call: its numbers, how its requests ended over time, the newest of them.

import type { HistogramBucket } from "../../api/contract.ts"
import { useHistogram } from "../../api/queries.ts"
import type { TimeScope } from "../../app/useTimeScope.ts"
import { pageAddress } from "../../app/location.ts"
import { Chart } from "../../parts/Chart.tsx"
import { ErrorNote } from "../../parts/ErrorNote.tsx"
import { formatLatency, formatPercent, formatRate } from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { pointOf, pointRank } from "../../parts/points.ts"
import type { DrawnEdge } from "./foldAddresses.ts"
import { toneOf } from "./layout.ts"
import { RatesList } from "./RatesList.tsx"
import { RecentRequests } from "./RecentRequests.tsx"
import { wholeSteps } from "./wholeSteps.ts"

const errorsOf = (bucket: HistogramBucket): number => bucket.clientError + bucket.serverError + bucket.timeout

const allOf = (bucket: HistogramBucket): number => bucket.ok + bucket.unknown + errorsOf(bucket)

interface CallProps {
  readonly edge: DrawnEdge
  readonly scope: TimeScope
  readonly params: URLSearchParams
}

const OneCall = ({ edge, scope, params }: CallProps) => {
  // Seen at several points, a request counts once: at the point that the map counts.
  const point = edge.observedAt.toSorted((a, b) => bestFirst(a) - bestFirst(b))[0]
  const filter = { client: edge.client, server: edge.server, point }
  const histogram = useHistogram(scope, filter)
  const step = histogram.data?.stepSeconds ?? 1
  const buckets = wholeSteps(histogram.data?.buckets ?? [], step, scope.range.kind === "last")
  return (
    <>
      {histogram.isError && histogram.data === undefined ? <ErrorNote error={histogram.error} /> : null}
      {buckets.length === 0 ? null : (
        <Chart
          label="Requests a second"
          times={buckets.map((bucket) => bucket.time)}
          format={formatRate}
          lines={[
            {
              name: "all",
              color: "--accent",
              isFilled: true,
              values: buckets.map((bucket) => allOf(bucket) / step),
            },
            {
              name: "errors",
              color: "--bad",
              isFilled: true,
              values: buckets.map((bucket) => errorsOf(bucket) / step),
            },
          ]}
        />
      )}
      <section>
        <h3>Seen at</h3>
        <p className="soft">
          {edge.observedAt
            .toSorted((a, b) => pointRank(a) - pointRank(b))
            .map((name) => pointOf(name).text)
            .join(", ")}
        </p>
      </section>
      <RecentRequests scope={scope} params={params} filter={filter} />
    </>
  )
}

/** As the server ranks them: the processes first, the client before the server. */
const bestFirst = (point: string): number => {
  const rank = ["c-p", "s-p", "c", "s", "local"].indexOf(point)
  return rank < 0 ? 5 : rank
}

const ManyCalls = ({ edge, params }: CallProps) => (
  <section>
    <h3>Addresses</h3>
    <ul className="calls">
      {edge.members.map((each) => (
        <li key={each.id}>
          <Link to={pageAddress("/requests", params, { client: each.client, server: each.server })}>
            <span className="cut">{edge.server === each.server ? each.client : each.server}</span>
            <span className="number">{formatRate(each.ratePerSecond)}</span>
            <span className={`number tone-${toneOf(each.errorRatio)}`}>{formatPercent(each.errorRatio)}</span>
            <span className="number">{formatLatency(each.p95Us)}</span>
          </Link>
        </li>
      ))}
    </ul>
  </section>
)

export const CallDetails = (props: CallProps) => (
  <>
    <RatesList rates={props.edge} maxUs={props.edge.maxUs} />
    {props.edge.members.length > 1 ? <ManyCalls {...props} /> : <OneCall {...props} />}
  </>
)
