// Slow calls on files of the request's threads, as lanes of its timing diagram.

import type { RequestEvents } from "../../api/contract.ts"
import { formatDuration } from "../../parts/format.ts"
import { callNote, callText, fileLanesOf, sharedNote } from "./fileWaits.ts"
import type { Timing } from "./timing.ts"

export const FileLanes = ({
  events,
  timing,
}: {
  readonly events: RequestEvents | undefined
  readonly timing: Timing
}) => {
  if (events === undefined || events.files.length === 0) return null
  const { lengthUs } = timing
  const percent = (us: number): string => `${(us / lengthUs) * 100}%`
  const lanes = fileLanesOf(events.files, timing)
  const shared = sharedNote(events)
  return (
    <>
      {lanes.map(({ call, end, start }) => (
        <div className="lane" key={call.id}>
          <div className="lane-name">
            <b>Waited for a file</b>
            <span className="faint cut" title={call.path}>
              {callText(call)}
            </span>
          </div>
          <div className="lane-track">
            <span
              className="lane-bar bar-file"
              style={{ left: percent(start), width: percent(end - start) }}
              title={`${callText(call)} on ${call.mountSource}, from its first wait to its end`}
            />
            <span
              className={`lane-value${start / lengthUs > 0.7 ? " is-left" : ""}`}
              style={{ left: percent(start) }}
            >
              {formatDuration(call.durationUs)}
              {callNote(call) === "" ? null : <span> · {callNote(call)}</span>}
            </span>
          </div>
        </div>
      ))}
      {events.files.length > lanes.length ? (
        <p className="faint">
          {events.truncated ? "More than " : ""}
          {events.files.length - lanes.length} shorter waits for files are not drawn.
        </p>
      ) : null}
      {shared === "" ? null : <p className="faint">{shared}</p>}
    </>
  )
}
