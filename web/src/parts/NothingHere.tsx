// The empty page of requests and map: explains itself from what agents and processes say, and offers demo traffic.

import { useDemo, useProcesses, useStatus } from "../api/queries.ts"
import { EmptyState } from "./EmptyState.tsx"
import { ErrorNote } from "./ErrorNote.tsx"
import { whyEmpty } from "./whyEmpty.ts"

const DemoOffer = () => {
  const { demo, change } = useDemo()
  if (demo.data === undefined) return null
  const { available, running, reason } = demo.data
  if (running) return <p role="status">Demo traffic is being made; it appears here in a few seconds.</p>
  if (!available) return reason === "" ? null : <p className="faint">No demo traffic here: {reason}</p>
  return (
    <>
      <button
        type="button"
        className="button primary"
        disabled={change.isPending}
        onClick={() => change.mutate("start")}
      >
        {change.isPending ? "Starting the demo…" : "Make demo traffic"}
      </button>
      <p className="faint">Starts a small real shop on this host under light load. Stop it at the top.</p>
      {change.error === null ? null : <ErrorNote error={change.error} title="The demo did not start" />}
    </>
  )
}

interface NothingHereProps {
  readonly title: string
  readonly isFiltered: boolean
  readonly onClear: () => void
}

export const NothingHere = ({ title, isFiltered, onClear }: NothingHereProps) => {
  const status = useStatus()
  const processes = useProcesses()
  const reasons = whyEmpty(status.data, processes.data?.processes)
  if (isFiltered) {
    return (
      <EmptyState title={title} text="No request of this time range passes the filters.">
        <button type="button" className="button" onClick={onClear}>
          Take the filters away
        </button>
      </EmptyState>
    )
  }
  return (
    <EmptyState
      title={title}
      text="Sonde shows HTTP and Redis requests that processes of this host make of each other, by themselves and unchanged."
    >
      {reasons.length === 0 ? null : (
        <ul className="reasons card">
          {reasons.map((reason) => (
            <li key={reason.text}>
              <span className={`dot dot-${reason.tone}`} aria-hidden="true" />
              <div>
                {reason.text}
                {reason.next === "" ? null : <div className="soft">{reason.next}</div>}
              </div>
            </li>
          ))}
        </ul>
      )}
      <DemoOffer />
    </EmptyState>
  )
}
