// What is known of one process: what is captured of it, what is not, why, and what to do.

import type { ProcessView } from "../../api/contract.ts"
import { useNowMs } from "../../app/clock.ts"
import { pageAddress } from "../../app/location.ts"
import { formatAgo, formatMoment } from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { portTexts } from "./processList.ts"

const ways = {
  "socket data": "its system calls",
  packets: "packets, without the process' name",
  none: "nothing",
}

const Notes = ({ process }: { readonly process: ProcessView }) =>
  process.capture.notes.length === 0 ? (
    <p className="soft">
      Everything it says in the protocols that Sonde reads is captured, by {ways[process.capture.by]}.
    </p>
  ) : (
    <ul className="notes">
      {process.capture.notes.map((note) => (
        <li key={`${note.what} ${note.why}`}>
          <b>{note.what}</b>
          <p className="soft">{note.why}</p>
          {note.next === "" ? null : <p>What to do: {note.next}</p>}
        </li>
      ))}
    </ul>
  )

export const ProcessDetails = ({
  process,
  params,
}: {
  readonly process: ProcessView
  readonly params: URLSearchParams
}) => {
  const nowMs = useNowMs()
  const { startUs } = process
  const facts: ReadonlyArray<readonly [name: string, value: string]> = [
    ["Command line", process.commandLine.trim()],
    ["Program", process.exe],
    ["Kernel's name", process.comm],
    ["Parent process", String(process.parentPid)],
    ["Container", process.containerId],
    ["Started", `${formatMoment(startUs)} (${formatAgo(startUs, nowMs)})`],
    ["Listens on", portTexts(process).join(", ")],
  ]
  return (
    <div className="process-details">
      <section>
        <h3>Capture</h3>
        <Notes process={process} />
        <p className="process-links">
          <Link className="button" to={pageAddress("/requests", params, { service: process.service })}>
            Requests of {process.service}
          </Link>
          <Link className="button" to={pageAddress("/", params, { sel: process.service })}>
            On the map
          </Link>
        </p>
      </section>
      <dl className="facts">
        {facts.map(([name, value]) =>
          value === "" ? null : (
            <div key={name}>
              <dt>{name}</dt>
              <dd className={name === "Started" ? undefined : "mono"}>{value}</dd>
            </div>
          ),
        )}
      </dl>
    </div>
  )
}
