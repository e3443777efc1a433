// What the trace is: its first request, when it was, its numbers, and what has to be known of it.

import type { ReactNode } from "react"
import type { Trace } from "../../api/traceContract.ts"
import { useNowMs } from "../../app/clock.ts"
import { pageAddress } from "../../app/location.ts"
import { CopyButton } from "../../parts/CopyButton.tsx"
import { endName } from "../../parts/ends.ts"
import { formatAgo, formatDuration, formatExact, formatMoment, sentence } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { Link } from "../../parts/Link.tsx"
import { Protocol } from "../../parts/Protocol.tsx"
import { Stat } from "../../parts/Stat.tsx"
import { StatusMark } from "../../parts/status.tsx"

const isError = (status: string): boolean => status !== "ok" && status !== "unknown"

const plural = (count: number, one: string, many: string): string =>
  `${formatExact(count)} ${count === 1 ? one : many}`

interface HeadProps {
  readonly trace: Trace
  readonly params: URLSearchParams
}

export const TraceHead = ({ trace, params }: HeadProps) => {
  const nowMs = useNowMs()
  const first = trace.spans[trace.roots[0] ?? 0]!
  const errors = trace.spans.filter((span) => isError(span.status)).length
  const client = first.client.service || first.client.ip
  return (
    <header className="trace-head">
      <div className="trace-title">
        <nav aria-label="Way back">
          <Link to={pageAddress("/traces", params)} className="back">
            <Icon name="left" /> Traces
          </Link>
        </nav>
        <h1>
          <StatusMark status={first.status} code={first.code} />
          <span className="trace-name">{first.name}</span>
        </h1>
        <p className="soft">
          <Protocol name={first.protocol} /> {client === "" ? null : `${client} → `}
          {endName(first.server.service || first.server.ip)}
          {first.domain === "" ? "" : ` · ${first.domain}`} · {formatMoment(trace.startUs)}{" "}
          <span className="faint">({formatAgo(trace.startUs, nowMs)})</span>
        </p>
      </div>
      <dl className="stats">
        <Stat name="Duration" value={formatDuration(trace.durationUs)} />
        <Stat name="Spans" value={formatExact(trace.spans.length)} />
        <Stat name="Services" value={formatExact(trace.services.length)} />
        <Stat name="Errors" value={formatExact(errors)} tone={errors === 0 ? "plain" : "bad"} />
      </dl>
      <div className="trace-actions">
        {trace.traceId === "" ? null : <CopyButton name="Copy trace id" text={trace.traceId} />}
        <CopyButton name="Copy as JSON" text={() => JSON.stringify(trace, null, 2)} />
      </div>
    </header>
  )
}

const Note = ({ tone, children }: { readonly tone: "warn" | "plain"; readonly children: ReactNode }) => (
  <li className={`trace-note note-${tone}`}>
    <Icon name={tone === "warn" ? "warning" : "help"} />
    <span>{children}</span>
  </li>
)

interface NotesProps {
  readonly trace: Trace
  readonly onSelect: (span: number) => void
  /** Searches once more. */
  readonly onAgain: () => void
}

/** Limits that were reached, pieces without a parent, clocks that were moved. */
export const TraceNotes = ({ trace, onSelect, onAgain }: NotesProps) => {
  const loose = trace.roots.slice(1)
  const moved = trace.clocks.filter((clock) => clock.offsetUs !== 0 || clock.isContradicted)
  if (trace.limits.length === 0 && loose.length === 0 && moved.length === 0) return null
  return (
    <ul className="trace-notes">
      {trace.limits.map((limit) => (
        <Note key={`${limit.name} ${limit.text}`} tone="warn">
          <b>There may be more of it.</b> {sentence(limit.text)}{" "}
          {limit.name === "time" ? (
            <button type="button" className="text-button" onClick={onAgain}>
              Search again
            </button>
          ) : null}
        </Note>
      ))}
      {loose.length === 0 ? null : (
        <Note tone="warn">
          <b>{plural(loose.length, "span has no parent", "spans have no parent")}</b> that was found; the
          first one is{" "}
          <button type="button" className="text-button" onClick={() => onSelect(loose[0]!)}>
            {trace.spans[loose[0]!]!.name}
          </button>
          .
        </Note>
      )}
      {moved.map((clock) => (
        <Note key={clock.agent} tone={clock.isContradicted ? "warn" : "plain"}>
          <b>The clock of {clock.host || `agent ${clock.agent}`}</b>{" "}
          {clock.offsetUs === 0 ? "was taken as it is" : `was moved by ${formatDuration(clock.offsetUs)}`}
          {clock.isContradicted
            ? ", but no offset fits all of its links: its times may be wrong."
            : clock.lowUs !== null && clock.highUs !== null
              ? `, give or take ${formatDuration((clock.highUs - clock.lowUs) / 2)}, so that no effect comes before its cause.`
              : " so that no effect comes before its cause."}
        </Note>
      ))}
    </ul>
  )
}
