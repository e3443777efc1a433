// The list of agents: only the rows in sight are drawn; keys j, k and Enter walk it.

import { useVirtualizer } from "@tanstack/react-virtual"
import { useMemo, useRef, useState } from "react"
import type { MeasuredAgent } from "../../api/cpuShares.ts"
import { useNowMs } from "../../app/clock.ts"
import { useShortcuts } from "../../app/shortcuts.ts"
import { formatAgo, formatCount, formatDuration, formatPercent } from "../../parts/format.ts"
import { SortHeader, type Sorting } from "../../parts/SortHeader.tsx"
import { type Column, columns, configText, serverText, sortAgents, stateText } from "./agentList.ts"

const rowHeight = 33

interface RowProps {
  readonly agent: MeasuredAgent
  readonly index: number
  readonly isCurrent: boolean
  readonly seen: string
  readonly onOpen: (id: string) => void
}

const Row = ({ agent, index, isCurrent, seen, onOpen }: RowProps) => (
  // Keys reach a row through its button and through j, k and Enter.
  // oxlint-disable-next-line jsx-a11y/click-events-have-key-events
  <tr
    aria-rowindex={index + 2}
    className={isCurrent ? "is-chosen" : undefined}
    onClick={() => onOpen(agent.id)}
  >
    <td>
      <span className="agent-state">
        <span className={`dot dot-${agent.state}`} aria-hidden="true" />
        {stateText(agent.state)}
      </span>
    </td>
    <td className="cut" title={`${agent.host} (${agent.id})`}>
      <button
        type="button"
        className="cell-button cut"
        onClick={(event) => {
          event.stopPropagation()
          onOpen(agent.id)
        }}
      >
        {agent.host}
      </button>
    </td>
    <td className="cut" title={agent.group}>
      {agent.group}
    </td>
    <td className={agent.server === agent.place ? "cut" : "cut tone-warn"} title={serverText(agent)}>
      {serverText(agent)}
    </td>
    <td className="cut soft">{agent.version}</td>
    <td
      className={agent.configVersion === agent.configWanted ? "cut soft" : "cut tone-warn"}
      title={agent.configProblem}
    >
      {configText(agent)}
    </td>
    <td className="number">{formatCount(agent.load)}</td>
    <td className="number soft">{agent.memoryMiB === 0 ? "–" : `${formatCount(agent.memoryMiB)} MiB`}</td>
    <td className="number soft">{agent.cpuShare === null ? "–" : formatPercent(agent.cpuShare)}</td>
    <td className="number soft">
      {agent.clockOffsetUs === 0 ? "–" : formatDuration(Math.abs(agent.clockOffsetUs))}
    </td>
    <td className="number soft">{seen}</td>
  </tr>
)

interface AgentTableProps {
  readonly agents: ReadonlyArray<MeasuredAgent>
  readonly opened: string
  readonly onOpen: (id: string) => void
}

export const AgentTable = ({ agents, opened, onOpen }: AgentTableProps) => {
  const [sorting, setSorting] = useState<Sorting<Column>>({ by: "state", isDown: false })
  const [current, setCurrent] = useState(opened)
  const nowMs = useNowMs()
  const scroller = useRef<HTMLDivElement>(null)
  const sorted = useMemo(() => sortAgents(agents, sorting.by, sorting.isDown), [agents, sorting])
  const virtual = useVirtualizer({
    count: sorted.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 12,
    // The head stays in sight above the rows.
    scrollPaddingStart: rowHeight,
  })
  const items = virtual.getVirtualItems()
  const above = items[0]?.start ?? 0
  const below = virtual.getTotalSize() - (items.at(-1)?.end ?? 0)

  const step = (by: number) => () => {
    const at = sorted.findIndex(({ id }) => id === current)
    const next = at < 0 ? 0 : Math.min(sorted.length - 1, Math.max(0, at + by))
    const id = sorted[next]?.id ?? ""
    setCurrent(id)
    virtual.scrollToIndex(next)
    // An open panel follows.
    if (opened !== "" && id !== "") onOpen(id)
  }
  useShortcuts({
    j: step(1),
    k: step(-1),
    ArrowDown: step(1),
    ArrowUp: step(-1),
    Enter: () => sorted.some(({ id }) => id === current) && onOpen(current),
  })

  return (
    // The scrolled part is reached by Tab, so that keys can scroll it.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div ref={scroller} className="agent-scroll" tabIndex={0} role="region" aria-label="Agents">
      <table className="data-table agent-table" aria-rowcount={sorted.length + 1}>
        <thead>
          <tr aria-rowindex={1}>
            {Object.entries(columns).map(([key, column]) => (
              <SortHeader
                key={key}
                column={key as Column}
                text={column.text}
                isNumber={column.isNumber}
                sorting={sorting}
                onSort={setSorting}
              />
            ))}
          </tr>
        </thead>
        <tbody>
          {above > 0 ? <tr className="agent-gap" style={{ height: above }} aria-hidden="true" /> : null}
          {items.map(({ index }) => {
            const agent = sorted[index]
            if (agent === undefined) return null
            return (
              <Row
                key={agent.id}
                agent={agent}
                index={index}
                isCurrent={agent.id === opened || agent.id === current}
                seen={formatAgo(agent.lastSeenMs * 1_000, nowMs)}
                onOpen={(id) => {
                  setCurrent(id)
                  onOpen(id)
                }}
              />
            )
          })}
          {below > 0 ? <tr className="agent-gap" style={{ height: below }} aria-hidden="true" /> : null}
        </tbody>
      </table>
    </div>
  )
}
