// The panel of a service: what it does as a server over time and by endpoint, whom it calls, its newest requests.

import type { ServicePoint } from "../../api/contract.ts"
import { useServiceMetrics } from "../../api/queries.ts"
import { pageAddress } from "../../app/location.ts"
import type { TimeScope } from "../../app/useTimeScope.ts"
import { Chart } from "../../parts/Chart.tsx"
import { ErrorNote } from "../../parts/ErrorNote.tsx"
import { formatDuration, formatLatency, formatPercent, formatRate } from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { Loading } from "../../parts/Loading.tsx"
import { type DrawnMap, type DrawnNode, nameOfNode } from "./foldAddresses.ts"
import { toneOf } from "./layout.ts"
import { RatesList } from "./RatesList.tsx"
import { RecentRequests } from "./RecentRequests.tsx"
import { wholeSteps } from "./wholeSteps.ts"

interface DetailsProps {
  readonly node: DrawnNode
  readonly map: DrawnMap
  readonly scope: TimeScope
  readonly params: URLSearchParams
  readonly onSelect: (id: string) => void
}

const Charts = ({
  points,
  step,
}: {
  readonly points: ReadonlyArray<ServicePoint>
  readonly step: number
}) => (
  <>
    <Chart
      label="Requests a second"
      times={points.map((point) => point.time)}
      format={formatRate}
      lines={[
        {
          name: "all",
          color: "--accent",
          isFilled: true,
          values: points.map((point) => point.requests / step),
        },
        {
          name: "errors",
          color: "--bad",
          isFilled: true,
          values: points.map((point) => point.errors / step),
        },
      ]}
    />
    <Chart
      label="Response time"
      times={points.map((point) => point.time)}
      format={formatDuration}
      lines={[
        { name: "p95", color: "--late", values: points.map((point) => point.p95Us) },
        { name: "p50", color: "--accent", values: points.map((point) => point.p50Us) },
      ]}
    />
  </>
)

const shownEndpoints = 12

const Answers = ({ node, scope, params }: Omit<DetailsProps, "map" | "onSelect">) => {
  const metrics = useServiceMetrics(scope, node.name)
  if (metrics.data === undefined) {
    return metrics.isError ? <ErrorNote error={metrics.error} /> : <Loading what="numbers over time" />
  }
  const { stepSeconds, endpoints } = metrics.data
  return (
    <>
      <Charts
        points={wholeSteps(metrics.data.points, stepSeconds, scope.range.kind === "last")}
        step={stepSeconds}
      />
      <section>
        <div className="section-head">
          <h3>Endpoints</h3>
          <span className="faint">
            {endpoints.length > shownEndpoints ? `${shownEndpoints} of ${endpoints.length}` : ""}
          </span>
        </div>
        <table className="small-table">
          <thead>
            <tr>
              <th scope="col">Endpoint</th>
              <th scope="col" className="number">
                Count
              </th>
              <th scope="col" className="number">
                Errors
              </th>
              <th scope="col" className="number">
                p95
              </th>
            </tr>
          </thead>
          <tbody>
            {endpoints.slice(0, shownEndpoints).map((each) => (
              <tr key={`${each.protocol} ${each.endpoint}`}>
                <td className="cut" title={each.endpoint}>
                  <Link to={pageAddress("/requests", params, { server: node.name, q: each.endpoint })}>
                    {each.endpoint === "" ? "(none)" : each.endpoint}
                  </Link>
                </td>
                <td className="number">{each.requests}</td>
                <td className={`number tone-${toneOf(each.errors / Math.max(1, each.requests))}`}>
                  {formatPercent(each.errors / Math.max(1, each.requests))}
                </td>
                <td className="number">{formatLatency(each.p95Us)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </>
  )
}

const Calls = ({ node, map, onSelect }: Pick<DetailsProps, "node" | "map" | "onSelect">) => {
  const kinds = [
    { name: "Called by", edges: map.edges.filter((edge) => edge.server === node.id), end: "client" as const },
    { name: "Calls", edges: map.edges.filter((edge) => edge.client === node.id), end: "server" as const },
  ]
  return kinds.map(({ name, edges, end }) =>
    edges.length === 0 ? null : (
      <section key={name}>
        <h3>{name}</h3>
        <ul className="calls">
          {edges.map((edge) => (
            <li key={edge.id}>
              <button type="button" onClick={() => onSelect(edge.id)}>
                <span className="cut">{nameOfNode(map, edge[end])}</span>
                <span className="number">{formatRate(edge.ratePerSecond)}</span>
                <span className={`number tone-${toneOf(edge.errorRatio)}`}>
                  {formatPercent(edge.errorRatio)}
                </span>
                <span className="number">{formatLatency(edge.p95Us)}</span>
              </button>
            </li>
          ))}
        </ul>
      </section>
    ),
  )
}

const Members = ({ node, params }: Pick<DetailsProps, "node" | "params">) => (
  <section>
    <h3>Addresses</h3>
    <ul className="members">
      {node.members.map((name) => (
        <li key={name}>
          <Link to={pageAddress("/requests", params, { service: name })}>{name}</Link>
        </li>
      ))}
    </ul>
  </section>
)

export const ServiceDetails = (props: DetailsProps) => {
  const { node, map, scope, params, onSelect } = props
  const isOne = node.members.length === 0
  return (
    <>
      {node.requests > 0 ? (
        <RatesList rates={node} />
      ) : (
        <p className="soft">It asks others and answers nobody.</p>
      )}
      {isOne && node.requests > 0 ? <Answers node={node} scope={scope} params={params} /> : null}
      <Calls node={node} map={map} onSelect={onSelect} />
      {isOne ? (
        <RecentRequests scope={scope} params={params} filter={{ service: node.name }} />
      ) : (
        <Members node={node} params={params} />
      )}
      {node.processes.length === 0 ? null : (
        <section>
          <h3>Processes</h3>
          <ul className="members">
            {node.processes.map(({ pid, name }) => (
              <li key={pid}>
                <Link to={pageAddress("/processes", params, { q: String(pid) })}>
                  {name} <span className="faint">{pid}</span>
                </Link>
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  )
}
