// Which processes began and ended lately, those that lived for a moment as well.

import type { ProcessEvent } from "../../api/contract.ts"
import { useProcessEvents } from "../../api/queries.ts"
import { useNowMs } from "../../app/clock.ts"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { ErrorNote, StaleNote } from "../../parts/ErrorNote.tsx"
import { formatAgo, formatDuration, formatMoment } from "../../parts/format.ts"
import { Loading } from "../../parts/Loading.tsx"
import { changeText, isBadEnd, livedUs } from "./processHistory.ts"

const EventRow = ({ event }: { readonly event: ProcessEvent }) => {
  const nowMs = useNowMs()
  const { timeUs } = event
  const lived = livedUs(event)
  return (
    <tr>
      <td title={formatMoment(timeUs)}>{formatAgo(timeUs, nowMs)}</td>
      <td>{changeText(event)}</td>
      <td className="cut">{event.name}</td>
      <td className="number">{event.pid}</td>
      <td className={isBadEnd(event) ? "tone-bad" : undefined}>{event.outcome}</td>
      <td className="number">{lived === null ? "" : formatDuration(lived)}</td>
      <td className="cut mono" title={event.commandLine}>
        {event.commandLine}
      </td>
    </tr>
  )
}

export const ProcessHistory = ({ search, type }: { readonly search: string; readonly type: string }) => {
  const text = search.trim()
  const answer = useProcessEvents({ ...(/^\d{1,7}$/.test(text) ? { pid: text } : { q: text }), type })
  if (answer.data === undefined) {
    return answer.isError ? (
      <div className="page-padding">
        <ErrorNote error={answer.error} onRetry={() => void answer.refetch()} />
      </div>
    ) : (
      <Loading what="begins and ends of processes" />
    )
  }
  const { events } = answer.data
  if (events.length === 0) {
    return (
      <EmptyState
        title="No process began or ended"
        text="Nothing of the last hour passes the search. They are seen where system calls are captured; the System page says whether they are."
      />
    )
  }
  return (
    <>
      <StaleNote error={answer.error} />
      {/* The scrolled part is reached by Tab, so that keys can scroll it. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <div className="process-scroll" tabIndex={0} role="region" aria-label="Begins and ends of processes">
        <table className="data-table history-table">
          <thead>
            <tr>
              <th scope="col">When</th>
              <th scope="col">What</th>
              <th scope="col">Name</th>
              <th scope="col" className="number">
                Pid
              </th>
              <th scope="col">Outcome</th>
              <th scope="col" className="number">
                Lived
              </th>
              <th scope="col">Command</th>
            </tr>
          </thead>
          <tbody>
            {events.map((event) => (
              <EventRow key={event.id} event={event} />
            ))}
          </tbody>
        </table>
        <p className="table-note">The newest {events.length} of the last hour.</p>
      </div>
    </>
  )
}
