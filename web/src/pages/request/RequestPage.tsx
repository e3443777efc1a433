// One request: what was asked and answered, who saw it when, which processes took part, everything that is stored of it.

import type { RequestDetail, RequestRow, StoredRequest } from "../../api/contract.ts"
import { ApiFailure } from "../../api/client.ts"
import { useRequest, useRequestEvents } from "../../api/queries.ts"
import { useNowMs } from "../../app/clock.ts"
import { pageAddress, usePlace } from "../../app/location.ts"
import { CopyButton } from "../../parts/CopyButton.tsx"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { endName } from "../../parts/ends.ts"
import { ErrorNote } from "../../parts/ErrorNote.tsx"
import { formatAgo, formatBytes, formatLatency, formatMoment } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { Link } from "../../parts/Link.tsx"
import { Loading } from "../../parts/Loading.tsx"
import { Protocol } from "../../parts/Protocol.tsx"
import { Stat } from "../../parts/Stat.tsx"
import { StatusMark, statusText } from "../../parts/status.tsx"
import { curlOf } from "./curl.ts"
import { FileLanes } from "./FileLanes.tsx"
import { RequestTrace } from "./RequestTrace.tsx"
import { SideCard } from "./SideCard.tsx"
import { StoredColumns } from "./StoredColumns.tsx"
import { type Attribute, attributesOf, fieldsOf, rowOf } from "./storedRow.ts"
import { timingOf } from "./timing.ts"
import { TimingDiagram } from "./TimingDiagram.tsx"
import "./request.css"

const Facts = ({ title, facts }: { readonly title: string; readonly facts: ReadonlyArray<Attribute> }) =>
  facts.length === 0 ? null : (
    <section className="card request-card">
      <h2>{title}</h2>
      <dl className="facts">
        {facts.map(({ name, value }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </section>
  )

const Head = ({ row, params }: { readonly row: RequestRow; readonly params: URLSearchParams }) => {
  const nowMs = useNowMs()
  const curl = curlOf(row)
  const { startUs } = row
  return (
    <header className="request-header">
      <nav aria-label="Way back">
        <Link to={pageAddress("/requests", params)} className="back">
          <Icon name="left" /> Requests
        </Link>
      </nav>
      <h1>
        <StatusMark status={row.status} code={row.code} />
        <span>{row.type}</span>
        <span className="request-path">{row.resource === "" ? row.endpoint : row.resource}</span>
      </h1>
      <p className="soft">
        <Protocol name={row.protocol} /> {endName(row.client)} → {endName(row.server)}
        {row.domain === "" ? "" : ` · ${row.domain}`} · {formatMoment(startUs)}{" "}
        <span className="faint">({formatAgo(startUs, nowMs)})</span>
      </p>
      <div className="request-actions">
        {curl === undefined ? null : <CopyButton name="Copy as curl" text={curl} />}
        <CopyButton name="Copy id" text={row.id} />
        <Link
          className="button"
          to={pageAddress("/requests", params, { server: row.server, q: row.endpoint })}
        >
          Requests of this endpoint
        </Link>
        <Link
          className="button"
          to={pageAddress("/requests", params, { client: row.client, server: row.server })}
        >
          {endName(row.client)} → {endName(row.server)}
        </Link>
      </div>
    </header>
  )
}

const Stored = ({ request }: { readonly request: StoredRequest }) => (
  <details className="card stored">
    <summary>Stored row, every column</summary>
    <StoredColumns request={request} />
  </details>
)

const tones: Readonly<Record<string, "bad" | "warn">> = {
  client_error: "warn",
  server_error: "bad",
  timeout: "bad",
}

const lengthOf = (bytes: number | null): string => (bytes === null ? "–" : formatBytes(bytes))

const Request = ({
  detail,
  params,
}: {
  readonly detail: RequestDetail
  readonly params: URLSearchParams
}) => {
  const { request, sides } = detail
  const row = rowOf(request)
  const all = [row, ...sides]
  const timing = timingOf(all)
  const events = useRequestEvents(row.id).data
  const points = new Set(all.map((each) => each.point))
  return (
    <article className="request-page">
      <Head row={row} params={params} />
      <dl className="stats">
        <Stat name="Outcome" value={statusText(row.status)} tone={tones[row.status] ?? "plain"} />
        <Stat name="Client waited" value={formatLatency(timing.clientUs ?? null)} />
        <Stat name="Server took" value={formatLatency(timing.serverUs ?? null)} />
        <Stat name="On the way" value={formatLatency(timing.wayUs ?? null)} />
        <Stat name="Request body" value={lengthOf(row.requestLength)} />
        <Stat name="Response body" value={lengthOf(row.responseLength)} />
      </dl>
      <TimingDiagram timing={timing}>
        <FileLanes events={events} timing={timing} />
      </TimingDiagram>
      <RequestTrace id={row.id} params={params} />
      <div className="request-columns">
        <SideCard
          side="client"
          row={row}
          processName={String(request["process_kname_0"] ?? "")}
          thread={Number(request["syscall_thread_0"] ?? 0)}
          isSeen={points.has("c-p")}
          params={params}
        />
        <SideCard
          side="server"
          row={row}
          processName={String(request["process_kname_1"] ?? "")}
          thread={Number(request["syscall_thread_1"] ?? 0)}
          isSeen={points.has("s-p")}
          params={params}
        />
        <Facts title="Request" facts={fieldsOf(request, "request")} />
        <Facts title="Response" facts={fieldsOf(request, "response")} />
        <Facts title="Headers and attributes" facts={attributesOf(request)} />
        <Facts title="Trace" facts={fieldsOf(request, "trace")} />
      </div>
      <Stored request={request} />
    </article>
  )
}

export const RequestPage = () => {
  const { path, params } = usePlace()
  const answer = useRequest(path.slice("/requests/".length))
  if (answer.data !== undefined) return <Request detail={answer.data} params={params} />
  if (!answer.isError) return <Loading what="the request" />
  if (answer.error instanceof ApiFailure && answer.error.status === 404) {
    return (
      <EmptyState
        title="There is no such request"
        text="It may be older than what is kept, or the address is wrong."
      >
        <Link className="button" to={pageAddress("/requests", params)}>
          All requests
        </Link>
      </EmptyState>
    )
  }
  return (
    <div className="page-padding">
      <ErrorNote
        error={answer.error}
        title="The request could not be loaded"
        onRetry={() => void answer.refetch()}
      />
    </div>
  )
}
