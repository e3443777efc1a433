// Who has how much, now and after the plan: two bars a server, and the mark of its fair share.

import { useState } from "react"
import type { Plan, ServerView } from "../../api/adminContract.ts"
import { formatCount } from "../../parts/format.ts"
import { Segmented } from "../../parts/Segmented.tsx"
import { ShareBar } from "./ShareBar.tsx"
import { type Measure, scaleOf, sharesOf } from "./shares.ts"

const units = { load: "rows/s", agents: "agents" }

export const Distribution = ({
  plan,
  servers,
}: {
  readonly plan: Plan
  readonly servers: ReadonlyArray<ServerView>
}) => {
  const [measure, setMeasure] = useState<Measure>("load")
  const shares = sharesOf(plan.servers, servers, measure)
  const scale = scaleOf(shares)
  return (
    <section className="card admin-card">
      <div className="section-head">
        <h2>Distribution</h2>
        <Segmented
          name="Measure"
          value={measure}
          choices={[
            ["load", "Load"],
            ["agents", "Agents"],
          ]}
          onChange={(next) => setMeasure(next === "agents" ? "agents" : "load")}
        />
      </div>
      <ul className="distribution">
        {shares.map(({ id, before, after, fair, isDraining }) => (
          <li key={id}>
            <span className="cut" title={id}>
              {id}
            </span>
            <div>
              <ShareBar value={before} fair={fair} scale={scale} />
              <ShareBar value={after} fair={fair} scale={scale} isPlanned />
            </div>
            <span className="number">
              <b>{formatCount(before)}</b>
              {after === before ? null : ` → ${formatCount(after)}`} {units[measure]}
              <span className="faint">{isDraining ? ", takes none" : `, fair ${formatCount(fair)}`}</span>
            </span>
          </li>
        ))}
      </ul>
      <p className="faint legend">
        <span>
          <i className="legend-now" aria-hidden="true" /> now
        </span>
        <span>
          <i className="legend-planned" aria-hidden="true" /> after the plan
        </span>
        <span>
          <i className="legend-fair" aria-hidden="true" /> fair share
        </span>
        {measure === "load" ? <span>An idle agent counts as a few rows a second.</span> : null}
      </p>
    </section>
  )
}
