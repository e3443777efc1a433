// The processes of the host: what is captured of each, what is not, and why.

import { type ReactNode, useCallback, useState } from "react"
import type { ProcessView } from "../../api/contract.ts"
import { useProcesses } from "../../api/queries.ts"
import { setParams, usePlace } from "../../app/location.ts"
import { useShortcuts } from "../../app/shortcuts.ts"
import { Count } from "../../parts/Count.tsx"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { ErrorNote, StaleNote } from "../../parts/ErrorNote.tsx"
import { Loading } from "../../parts/Loading.tsx"
import { SearchField } from "../../parts/SearchField.tsx"
import { Segmented } from "../../parts/Segmented.tsx"
import { SortHeader, sortedBy, type Sorting } from "../../parts/SortHeader.tsx"
import { captureStates, type Column, columns, countByState, matchesProcess } from "./processList.ts"
import { ProcessHistory } from "./ProcessHistory.tsx"
import { ProcessRow } from "./ProcessRow.tsx"
import "./processes.css"

/** Rows drawn; the search finds the others. */
const maxDrawn = 500

const change = (key: string) => (value: string) => setParams({ [key]: value }, { replace: true })

const ProcessTable = ({
  processes,
  params,
}: {
  readonly processes: ReadonlyArray<ProcessView>
  readonly params: URLSearchParams
}) => {
  const [sorting, setSorting] = useState<Sorting<Column>>({ by: "requests", isDown: true })
  const [open, setOpen] = useState<ReadonlySet<number>>(new Set())
  const [current, setCurrent] = useState(0)
  const drawn = sortedBy(processes, columns[sorting.by].value, sorting.isDown).slice(0, maxDrawn)

  const toggle = useCallback(
    (pid: number) =>
      setOpen((known) => {
        const next = new Set(known)
        if (!next.delete(pid)) next.add(pid)
        return next
      }),
    [],
  )
  const step = (by: number) => () => {
    const at = drawn.findIndex((process) => process.pid === current)
    const pid = drawn[at < 0 ? 0 : Math.min(drawn.length - 1, Math.max(0, at + by))]?.pid ?? 0
    setCurrent(pid)
    document.querySelector(`tr[data-pid="${pid}"]`)?.scrollIntoView({ block: "nearest" })
  }
  useShortcuts({
    j: step(1),
    k: step(-1),
    Enter: () => current > 0 && toggle(current),
    Escape: () => (open.size > 0 ? setOpen(new Set()) : setCurrent(0)),
  })

  return (
    // The scrolled part is reached by Tab, so that keys can scroll it.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="process-scroll" tabIndex={0} role="region" aria-label="Processes">
      <table className="data-table process-table">
        <thead>
          <tr>
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
            <th scope="col">Command, or what is missing</th>
          </tr>
        </thead>
        <tbody>
          {drawn.map((process) => (
            <ProcessRow
              key={process.pid}
              process={process}
              params={params}
              isOpen={open.has(process.pid)}
              isCurrent={process.pid === current}
              onToggle={toggle}
            />
          ))}
        </tbody>
      </table>
      {processes.length > maxDrawn ? (
        <p className="table-note">
          {maxDrawn} of {processes.length} are shown. The search finds the others.
        </p>
      ) : null}
    </div>
  )
}

const views = [
  ["", "Running"],
  ["history", "Began and ended"],
] as const

const changes = [
  ["", "All"],
  ["exec", "Began"],
  ["exit", "Ended"],
  ["oom_kill", "Killed for memory"],
] as const

const Toolbar = ({
  params,
  children,
}: {
  readonly params: URLSearchParams
  readonly children: ReactNode
}) => (
  <div className="toolbar">
    <Segmented name="View" value={params.get("view") ?? ""} choices={views} onChange={change("view")} />
    <SearchField name="Name, command, pid, port, user" value={params.get("q") ?? ""} onChange={change("q")} />
    {children}
  </div>
)

const Running = ({ params }: { readonly params: URLSearchParams }) => {
  const answer = useProcesses()
  const search = params.get("q") ?? ""
  const state = params.get("state") ?? ""
  const all = answer.data?.processes ?? []
  const found = all.filter((process) => matchesProcess(process, search))
  const counts = countByState(found)
  const listed = found.filter((process) => state === "" || process.capture.state === state)

  return (
    <>
      <Toolbar params={params}>
        <Segmented
          name="Capture"
          value={state}
          choices={[
            ["", <Count key="all" text="All" count={found.length} />],
            ...captureStates.map(
              ([name, text]) => [name, <Count key={name} text={text} count={counts[name]} />] as const,
            ),
          ]}
          onChange={change("state")}
        />
      </Toolbar>
      {answer.data === undefined ? null : <StaleNote error={answer.error} />}
      {answer.data === undefined ? (
        answer.isError ? (
          <div className="page-padding">
            <ErrorNote error={answer.error} onRetry={() => void answer.refetch()} />
          </div>
        ) : (
          <Loading what="processes" />
        )
      ) : listed.length > 0 ? (
        <ProcessTable processes={listed} params={params} />
      ) : all.length === 0 ? (
        <EmptyState
          title="No process is known yet"
          text="An agent tells of the processes of its host a few seconds after it has connected. The System page says which agents are there."
        />
      ) : (
        <EmptyState title="No such process" text="No process passes the search and the filter.">
          <button type="button" className="button" onClick={() => setParams({ q: "", state: "" })}>
            Show all
          </button>
        </EmptyState>
      )}
    </>
  )
}

export const ProcessesPage = () => {
  const { params } = usePlace()
  const type = params.get("change") ?? ""
  return (
    <div className="processes-page">
      <h1 className="hidden-text">Processes</h1>
      {params.get("view") === "history" ? (
        <>
          <Toolbar params={params}>
            <Segmented name="Change" value={type} choices={changes} onChange={change("change")} />
          </Toolbar>
          <ProcessHistory search={params.get("q") ?? ""} type={type} />
        </>
      ) : (
        <Running params={params} />
      )}
    </div>
  )
}
