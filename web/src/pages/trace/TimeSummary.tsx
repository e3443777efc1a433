// Where the time went, as one bar and in words.

import type { CSSProperties } from "react"
import { formatDuration, formatPercent } from "../../parts/format.ts"
import type { ServiceWait } from "./fileCalls.ts"
import { type ShareKind, shareText, type TimeShare } from "./whereTimeWent.ts"

interface SummaryProps {
  readonly shares: ReadonlyArray<TimeShare>
  readonly waits: ReadonlyArray<ServiceWait>
  readonly hues: ReadonlyMap<string, string>
  readonly onSelect: (span: number) => void
}

const styleOf = (share: TimeShare, hues: ReadonlyMap<string, string>, width?: number): CSSProperties =>
  ({
    "--hue": hues.get(share.service) ?? "var(--dim-fill)",
    ...(width === undefined ? {} : { width: `${width}%` }),
  }) as CSSProperties

const placeText: Readonly<Record<ShareKind, string>> = {
  work: "",
  unseen: "",
  network: "on the network",
  queue: "in queues of hosts",
  way: "on the network and in queues",
}

/** What took most, in one sentence. */
const Sentence = ({
  shares,
  total,
}: {
  readonly shares: ReadonlyArray<TimeShare>
  readonly total: number
}) => {
  const most = shares.toSorted((a, b) => b.us - a.us)[0]!
  const between = shares.filter(({ kind }) => kind !== "work" && kind !== "unseen")
  const way = between.reduce((sum, { us }) => sum + us, 0)
  const share = <b>{formatPercent(most.us / total)}</b>
  return (
    <p>
      {most.kind === "work" ? (
        <>
          {share} of the time {most.service} worked itself.
        </>
      ) : most.kind === "unseen" ? (
        <>
          {share} of the time went by waiting for {most.service}, which Sonde does not see inside.
        </>
      ) : (
        <>
          {share} of the time went by between services, {placeText[most.kind]}.
        </>
      )}
      {way === 0 || between.includes(most) ? null : (
        <>
          {" "}
          Between the services <b>{formatDuration(way)}</b> ({formatPercent(way / total)}).
        </>
      )}
    </p>
  )
}

export const TimeSummary = ({ shares, waits, hues, onSelect }: SummaryProps) => {
  const total = shares.reduce((sum, { us }) => sum + us, 0)
  if (total === 0) return null
  return (
    <section className="time-summary" aria-label="Where the time went">
      <header>
        <h2>Where the {formatDuration(total)} went</h2>
        <Sentence shares={shares} total={total} />
      </header>
      <div className="time-bar" aria-hidden="true">
        {shares.map((share) => (
          <span
            key={`${share.kind} ${share.service}`}
            className={`share share-${share.kind}`}
            style={styleOf(share, hues, (share.us / total) * 100)}
            title={`${shareText(share)}: ${formatDuration(share.us)}`}
          />
        ))}
      </div>
      <ul className="time-shares">
        {shares.map((share) => (
          <li key={`${share.kind} ${share.service}`}>
            <button
              type="button"
              title="Show the span with the most of it"
              onClick={() => onSelect(share.span)}
            >
              <i className={`share share-${share.kind}`} style={styleOf(share, hues)} aria-hidden="true" />
              <span>{shareText(share)}</span>
              <b>{formatDuration(share.us)}</b>
              <span className="faint">{formatPercent(share.us / total)}</span>
            </button>
          </li>
        ))}
      </ul>
      {waits.length === 0 ? null : (
        <p className="soft">
          Waits for files within that:{" "}
          {waits.map(({ service, us }, at) => (
            <span key={service}>
              {at === 0 ? "" : ", "}
              {service} <b>{formatDuration(us)}</b>
            </span>
          ))}
          .
        </p>
      )}
    </section>
  )
}
