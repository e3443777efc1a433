// Beside the waterfall: one span, why it hangs where it hangs, what is known of it, the stored row.

import { type ReactNode, useState } from "react"
import type { SpanSide, Trace, TraceFileCall, TraceSpan } from "../../api/traceContract.ts"
import { useRequest } from "../../api/queries.ts"
import { pageAddress } from "../../app/location.ts"
import { endAddress, endName, unknownEnd } from "../../parts/ends.ts"
import { ErrorNote } from "../../parts/ErrorNote.tsx"
import {
  formatBytes,
  formatDuration,
  formatExact,
  formatMoment,
  formatPercent,
  sentence,
} from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { Loading } from "../../parts/Loading.tsx"
import { pointOf } from "../../parts/points.ts"
import { Protocol } from "../../parts/Protocol.tsx"
import { SidePanel } from "../../parts/SidePanel.tsx"
import { StatusMark } from "../../parts/status.tsx"
import { callNote, callText } from "../request/fileWaits.ts"
import { StoredColumns } from "../request/StoredColumns.tsx"
import { confidenceText, orphanOf, reasonText } from "./parentWords.ts"

interface PanelProps {
  readonly trace: Trace
  readonly at: number
  readonly params: URLSearchParams
  /** How long the trace waited for this span and nothing below it. */
  readonly criticalUs: number
  readonly calls: ReadonlyArray<TraceFileCall>
  readonly onSelect: (span: number) => void
  readonly onClose: () => void
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) =>
  children === "" || children === null ? null : (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )

const titleOf = (span: TraceSpan): string => `${endName(span.service || span.server.ip)}: ${span.name}`

const Parent = ({ trace, at, onSelect }: Pick<PanelProps, "trace" | "at" | "onSelect">) => {
  const span = trace.spans[at]!
  const parent = trace.spans[span.parent]
  if (parent === undefined || span.link === null) {
    const { why, next } = orphanOf(trace, at)
    const isStart = next === ""
    return (
      <section className={`link-card card${isStart ? "" : " link-none"}`}>
        <h3>{isStart ? "Start of the trace" : "No parent found"}</h3>
        <p>{why}</p>
        {isStart ? null : <p className="soft">{next}</p>}
      </section>
    )
  }
  const { reason, confidence, text } = span.link
  return (
    <section className="link-card card">
      <h3>Why it is here</h3>
      <p>
        Below{" "}
        <button type="button" className="text-button" onClick={() => onSelect(span.parent)}>
          {titleOf(parent)}
        </button>{" "}
        <span className="faint">({pointOf(parent.point).text})</span>
      </p>
      <p>
        <span className={`confidence confidence-${confidence}`}>{confidence}</span>{" "}
        <b>{reasonText[reason]}</b>
      </p>
      <p className="soft">
        {sentence(text)} {confidenceText[confidence]}
      </p>
    </section>
  )
}

const Times = ({ trace, at, criticalUs }: Pick<PanelProps, "trace" | "at" | "criticalUs">) => {
  const span = trace.spans[at]!
  const parent = trace.spans[span.parent]
  return (
    <dl className="facts">
      <Fact name="Duration">{span.isAnswered ? formatDuration(span.durationUs) : "no answer was seen"}</Fact>
      <Fact name="Of that itself">
        {span.durationUs === 0
          ? ""
          : `${formatDuration(span.selfUs)} (${formatPercent(Math.min(1, span.selfUs / span.durationUs))})`}
      </Fact>
      <Fact name="Critical path">
        {criticalUs === 0 ? "not on it by itself" : `${formatDuration(criticalUs)} of the trace's time`}
      </Fact>
      <Fact name="Began">
        {`${formatDuration(span.startUs - trace.startUs)} after the trace's start${
          parent === undefined ? "" : `, ${formatDuration(span.startUs - parent.startUs)} after its parent`
        }`}
      </Fact>
      <Fact name="Time">{formatMoment(span.startUs)}</Fact>
    </dl>
  )
}

const End = ({ side, params }: { readonly side: SpanSide; readonly params: URLSearchParams }) => (
  <>
    {side.service === "" ? null : <b>{side.service} </b>}
    {side.ip === "" ? null : <span className="mono">{endAddress(side.ip, side.port)}</span>}
    {side.service === "" && side.ip === "" && side.pid === 0 ? (
      <span className="soft">{unknownEnd}</span>
    ) : null}
    {side.pid === 0 ? null : (
      <>
        {" "}
        process{" "}
        <Link to={pageAddress("/processes", params, { q: String(side.pid) })}>
          {side.process === "" ? "" : `${side.process} `}
          {side.pid}
        </Link>
      </>
    )}
  </>
)

const What = ({ span, params }: { readonly span: TraceSpan; readonly params: URLSearchParams }) => (
  <dl className="facts">
    <Fact name="Seen at">
      {pointOf(span.point).text}
      {span.host === "" ? "" : ` on ${span.host}`}
    </Fact>
    <Fact name="Client">
      <End side={span.client} params={params} />
    </Fact>
    <Fact name="Server">
      <End side={span.server} params={params} />
    </Fact>
    <Fact name="Protocol">
      <Protocol name={span.protocol} />
      {span.isTls ? " within TLS" : ""}
    </Fact>
    <Fact name="Host asked for">{span.domain}</Fact>
    <Fact name="Resource">{span.resource}</Fact>
    <Fact name="Exception">{span.exception}</Fact>
    <Fact name="Request body">{span.requestLength === null ? "" : formatBytes(span.requestLength)}</Fact>
    <Fact name="Response body">{span.responseLength === null ? "" : formatBytes(span.responseLength)}</Fact>
    <Fact name="Trace id">{span.traceId === "" ? "" : <code>{span.traceId}</code>}</Fact>
    <Fact name="Span id">{span.spanId === "" ? "" : <code>{span.spanId}</code>}</Fact>
    <Fact name="Parent span id">{span.parentSpanId === "" ? "" : <code>{span.parentSpanId}</code>}</Fact>
  </dl>
)

const mostCalls = 40

const FileWaits = ({ trace, calls }: Pick<PanelProps, "trace" | "calls">) =>
  calls.length === 0 ? null : (
    <section>
      <h3>Waits for files</h3>
      <ul className="file-waits">
        {calls.slice(0, mostCalls).map((call) => (
          <li key={call.id}>
            <span>
              {callText(call)}
              <span className="faint">
                {" "}
                {[`${formatDuration(call.startUs - trace.startUs)} after the trace's start`, callNote(call)]
                  .filter((part) => part !== "")
                  .join(", ")}
                {call.isCertain ? "" : ", made by its thread meanwhile"}
              </span>
            </span>
            <b>{formatDuration(call.durationUs)}</b>
          </li>
        ))}
      </ul>
      {calls.length > mostCalls ? (
        <p className="faint">And {formatExact(calls.length - mostCalls)} more.</p>
      ) : null}
    </section>
  )

const StoredRow = ({ id }: { readonly id: string }) => {
  const answer = useRequest(id)
  if (answer.data !== undefined) return <StoredColumns request={answer.data.request} />
  return answer.isError ? (
    <ErrorNote error={answer.error} onRetry={() => void answer.refetch()} />
  ) : (
    <Loading what="the stored row" />
  )
}

export const SpanPanel = ({ trace, at, params, criticalUs, calls, onSelect, onClose }: PanelProps) => {
  const span = trace.spans[at]!
  const [isRowOpen, setRowOpen] = useState(false)
  const tags = Object.entries(span.tags)
  return (
    <SidePanel
      label="Span"
      bodyLabel="About the span"
      onClose={onClose}
      title={
        <>
          <h2 className="span-title">
            <StatusMark status={span.status} code={span.code} /> {span.name}
          </h2>
          <p className="faint">
            {endName(span.service || span.server.ip)} · {pointOf(span.point).text}
          </p>
        </>
      }
    >
      <Parent trace={trace} at={at} onSelect={onSelect} />
      <Times trace={trace} at={at} criticalUs={criticalUs} />
      <FileWaits trace={trace} calls={calls} />
      <section>
        <h3>What it is</h3>
        <What span={span} params={params} />
        <p className="span-links">
          <Link className="button" to={pageAddress(`/requests/${span.id}`, params)}>
            Open the request
          </Link>
          <Link
            className="button"
            to={pageAddress("/traces", params, { service: span.service, endpoint: span.endpoint })}
          >
            Traces like it
          </Link>
        </p>
      </section>
      {tags.length === 0 ? null : (
        <section>
          <h3>Tags</h3>
          <dl className="facts">
            {tags.map(([name, value]) => (
              <Fact key={name} name={name}>
                {value}
              </Fact>
            ))}
          </dl>
        </section>
      )}
      <details className="stored" open={isRowOpen} onToggle={(event) => setRowOpen(event.currentTarget.open)}>
        <summary>Stored row, every column</summary>
        {isRowOpen ? <StoredRow id={span.id} /> : null}
      </details>
    </SidePanel>
  )
}
