// Who saw the request when, on one line of time.

import type { ReactNode } from "react"
import { formatDuration } from "../../parts/format.ts"
import { pointOf } from "../../parts/points.ts"
import { marksBetween } from "../../parts/timeMarks.ts"
import type { Lane, Timing } from "./timing.ts"

const nameOf = (lane: Lane): string =>
  lane.row.point === "c-p" ? lane.row.client : lane.row.point === "s-p" ? lane.row.server : ""

const Bar = ({ lane, lengthUs }: { readonly lane: Lane; readonly lengthUs: number }) => {
  const percent = (us: number): string => `${(us / lengthUs) * 100}%`
  const { start, firstAnswer, end, row } = lane
  const isUnanswered = row.durationUs === 0
  return (
    <div className="lane">
      <div className="lane-name">
        <b>{pointOf(row.point).text}</b>
        <span className="faint cut">{nameOf(lane)}</span>
      </div>
      <div className="lane-track">
        <span
          className={`lane-bar bar-${row.point === "c-p" || row.point === "c" ? "client" : "server"}${isUnanswered ? " is-unanswered" : ""}`}
          style={{
            left: percent(start),
            width: percent(isUnanswered ? lengthUs - start : firstAnswer - start),
          }}
          title="From the first byte of the request to the first byte of the answer"
        />
        {end > firstAnswer && !isUnanswered ? (
          <span
            className="lane-bar bar-rest"
            style={{ left: percent(firstAnswer), width: percent(end - firstAnswer) }}
            title="The rest of the answer"
          />
        ) : null}
        <span
          className={`lane-value${start / lengthUs > 0.7 ? " is-left" : ""}`}
          style={{ left: percent(start) }}
        >
          {isUnanswered ? "no answer" : formatDuration(row.durationUs)}
          {start > 0 ? <span> · began {formatDuration(start)} later</span> : null}
          {end > firstAnswer && !isUnanswered ? (
            <span> · rest of the answer {formatDuration(end - firstAnswer)}</span>
          ) : null}
        </span>
      </div>
    </div>
  )
}

/** How the client's wait divides. */
const Division = ({ timing }: { readonly timing: Timing }) => {
  const { clientUs, serverUs, wayUs } = timing
  if (clientUs === undefined || serverUs === undefined || wayUs === undefined) return null
  const server = (serverUs / clientUs) * 100
  return (
    <div className="division">
      <p>
        The client waited <b>{formatDuration(clientUs)}</b>: <b>{formatDuration(serverUs)}</b> in the server,{" "}
        <b>{formatDuration(wayUs)}</b> ({Math.round(100 - server)}%) on the way and in queues.
      </p>
      <div className="division-bar" aria-hidden="true">
        <span className="bar-server" style={{ width: `${server}%` }} />
        <span className="bar-way" style={{ width: `${100 - server}%` }} />
      </div>
    </div>
  )
}

interface TimingDiagramProps {
  readonly timing: Timing
  /** Further lanes. */
  readonly children?: ReactNode
}

export const TimingDiagram = ({ timing, children }: TimingDiagramProps) => {
  const { lanes, lengthUs } = timing
  return (
    <section className="card request-card">
      <h2>Timing</h2>
      <div className="lanes">
        <div className="lane-marks" aria-hidden="true">
          {marksBetween(0, lengthUs).map((us) => (
            <span key={us} style={{ left: `${(us / lengthUs) * 100}%` }}>
              {formatDuration(us)}
            </span>
          ))}
        </div>
        {lanes.map((lane) => (
          <Bar key={lane.row.id} lane={lane} lengthUs={lengthUs} />
        ))}
        {children}
      </div>
      <Division timing={timing} />
      {lanes.length > 1 ? null : (
        <p className="faint">
          Only one side was seen. The other runs on another host, is left alone, or its record has not arrived
          yet.
        </p>
      )}
    </section>
  )
}
