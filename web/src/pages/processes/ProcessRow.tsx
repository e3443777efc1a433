// One process in the table, and below it, when it is open, its details.

import { memo } from "react"
import type { ProcessView } from "../../api/contract.ts"
import { formatExact } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { Protocol } from "../../parts/Protocol.tsx"
import { ProcessDetails } from "./ProcessDetails.tsx"
import { captureText, portTexts } from "./processList.ts"

/** Ports shown in the row; the others are in the details. */
const shownPorts = 3

interface RowProps {
  readonly process: ProcessView
  readonly params: URLSearchParams
  readonly isOpen: boolean
  readonly isCurrent: boolean
  readonly onToggle: (pid: number) => void
}

export const ProcessRow = memo(({ process, params, isOpen, isCurrent, onToggle }: RowProps) => {
  const { capture } = process
  const ports = portTexts(process)
  const why = capture.notes[0]
  return (
    <>
      <tr
        data-pid={process.pid}
        className={isCurrent ? "is-chosen" : undefined}
        onClick={() => onToggle(process.pid)}
      >
        <td>
          <span className="capture-state">
            <span className={`dot dot-${capture.state}`} aria-hidden="true" />
            {captureText(capture.state)}
          </span>
        </td>
        <td className="process-service">
          <button
            type="button"
            className="cell-button"
            aria-expanded={isOpen}
            onClick={(event) => {
              event.stopPropagation()
              onToggle(process.pid)
            }}
          >
            <Icon name={isOpen ? "down" : "right"} />
            <span className="cut">{process.service}</span>
          </button>
        </td>
        <td className="number soft">{process.pid}</td>
        <td className="soft cut">{process.user}</td>
        <td className="cut" title={ports.join(", ")}>
          {ports.slice(0, shownPorts).join(" ")}
          {ports.length > shownPorts ? ` +${ports.length - shownPorts}` : ""}
        </td>
        <td className="process-protocols">
          {capture.protocols.map((name) => (
            <Protocol key={name} name={name} />
          ))}
        </td>
        <td className="number">{capture.requests === 0 ? "–" : formatExact(capture.requests)}</td>
        <td className="cut process-about" title={process.commandLine.trim()}>
          {why === undefined ? (
            <span className="mono soft">{process.commandLine.trim()}</span>
          ) : (
            <span className="soft">{why.why}</span>
          )}
        </td>
      </tr>
      {isOpen ? (
        <tr className="details-row">
          <td colSpan={8}>
            <ProcessDetails process={process} params={params} />
          </td>
        </tr>
      ) : null}
    </>
  )
})
