// The system itself: its health part by part, its agents with what each can capture, its storage.

import { useHealth, useStatus } from "../../api/queries.ts"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { ErrorNote, StaleNote } from "../../parts/ErrorNote.tsx"
import { formatBytes, formatExact, formatSpan } from "../../parts/format.ts"
import { Loading } from "../../parts/Loading.tsx"
import { Stat } from "../../parts/Stat.tsx"
import type { Status } from "../../api/contract.ts"
import { AgentCard } from "./AgentCard.tsx"
import { HealthTree } from "./HealthTree.tsx"
import "./system.css"

const Overview = ({ status }: { readonly status: Status }) => {
  const { storage } = status
  return (
    <dl className="stats system-stats">
      <Stat name="Sonde" value={status.version} note={`up ${formatSpan(status.uptimeSeconds)}`} />
      <Stat name="Agents" value={String(status.agents.length)} />
      <Stat name="Rows stored" value={formatExact(storage.rows)} />
      <Stat
        name="On disk"
        value={formatBytes(storage.bytes)}
        note={storage.rows === 0 ? undefined : `${(storage.bytes / storage.rows).toFixed(1)} bytes a row`}
      />
      <Stat name="ClickHouse" value={storage.version} note={storage.mode} />
    </dl>
  )
}

const Health = () => {
  const health = useHealth()
  return (
    <section className="card system-card">
      <div className="section-head">
        <h2>Health</h2>
        <a href="/healthz">/healthz</a>
      </div>
      {health.data === undefined ? (
        health.isError ? (
          <ErrorNote error={health.error} />
        ) : (
          <Loading what="health" />
        )
      ) : (
        <>
          <StaleNote error={health.error} />
          <HealthTree parts={health.data.parts} />
        </>
      )}
    </section>
  )
}

const ForPrograms = () => (
  <section className="card system-card">
    <h2>For programs</h2>
    <ul className="links">
      <li>
        <a href="/metrics">/metrics</a>{" "}
        <span className="soft">own metrics and the agents’, for Prometheus</span>
      </li>
      <li>
        <a href="/healthz">/healthz</a> <span className="soft">health; status 503 when a part is down</span>
      </li>
      <li>
        <code>POST /v1/query/</code>{" "}
        <span className="soft">
          read-only SQL; also by <code>sonde query</code>
        </span>
      </li>
    </ul>
  </section>
)

export const SystemPage = () => {
  const status = useStatus()
  return (
    <div className="system-page">
      <h1>System</h1>
      {status.data === undefined ? null : <StaleNote error={status.error} />}
      {status.data === undefined ? (
        status.isError ? (
          <ErrorNote error={status.error} onRetry={() => void status.refetch()} />
        ) : (
          <Loading what="the state of the system" />
        )
      ) : (
        <>
          <Overview status={status.data} />
          <div className="system-columns">
            <Health />
            <ForPrograms />
          </div>
          {status.data.agents.length === 0 ? (
            <section className="card">
              <EmptyState
                isSmall
                title="No agent has connected"
                text="Without one nothing is captured. `sonde up` starts one with the server; `sonde agent` starts one alone."
              />
            </section>
          ) : (
            status.data.agents.map((agent) => <AgentCard key={agent.id} agent={agent} />)
          )}
        </>
      )}
    </div>
  )
}
