// One agent: what it can do here, what is missing for more, what it lost.

import type { AgentView, Feature } from "../../api/contract.ts"
import { useNowMs } from "../../app/clock.ts"
import { AgentBudget } from "../../parts/budget/AgentBudget.tsx"
import { formatAgo, formatExact } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { WideTable } from "../../parts/WideTable.tsx"
import { type Counter, losses, others, readable } from "./counters.ts"

const tiers: Readonly<Record<number, string>> = {
  1: "Tier 1: system calls",
  2: "Tier 2: packets",
  3: "Tier 3: inventory only",
}

const stateOf = ({ on, shed }: Feature) => (shed !== undefined ? "shed" : on ? "on" : "off")
const stateDots = { on: "on", shed: "degraded", off: "down" } as const

const FeatureRow = ({ feature }: { readonly feature: Feature }) => (
  <tr>
    <td>
      <b>{feature.name}</b>
    </td>
    <td>
      <span className="capture-state">
        <span className={`dot dot-${stateDots[stateOf(feature)]}`} aria-hidden="true" />
        {stateOf(feature)}
      </span>
    </td>
    <td className="mono">{feature.hook === "" ? "–" : feature.hook}</td>
    <td>
      {feature.shed !== undefined ? (
        <>Given up to stay within the budget: {feature.shed}</>
      ) : feature.missing === "" ? (
        <span className="faint">Nothing is missing</span>
      ) : (
        feature.missing
      )}
      {feature.next === "" ? null : <p className="soft">What to do: {feature.next}</p>}
    </td>
  </tr>
)

const Counters = ({ counters }: { readonly counters: ReadonlyArray<Counter> }) => (
  <dl className="counters">
    {counters.map(({ name, value }) => (
      <div key={name} title={name}>
        <dt>{readable(name)}</dt>
        <dd>{formatExact(value)}</dd>
      </div>
    ))}
  </dl>
)

export const AgentCard = ({ agent }: { readonly agent: AgentView }) => {
  const nowMs = useNowMs()
  const lost = losses(agent.counters)
  const nonZero = lost.filter(({ value }) => value > 0)
  return (
    <section className="card system-card">
      <div className="section-head">
        <h2>Agent on {agent.host}</h2>
        <span className="faint">
          {tiers[agent.tier] ?? `Tier ${agent.tier}`} · heard {formatAgo(agent.lastSeenUs, nowMs)}
        </span>
      </div>
      <WideTable
        name={`Features of the agent on ${agent.host}`}
        className="features"
        columns={["Feature", "State", "Hook", "What is missing"]}
      >
        {agent.features.map((feature) => (
          <FeatureRow key={feature.name} feature={feature} />
        ))}
      </WideTable>
      {agent.budget === null ? null : (
        <>
          <h3>What it takes</h3>
          <AgentBudget budget={agent.budget} />
        </>
      )}
      <h3>Lost or not readable</h3>
      {nonZero.length === 0 ? (
        <p className="soft all-well">
          <Icon name="check" /> Nothing: {lost.length} counters of losses are all 0.
        </p>
      ) : (
        <Counters counters={nonZero} />
      )}
      <details>
        <summary>All {Object.keys(agent.counters).length} counters</summary>
        <Counters counters={[...others(agent.counters), ...lost]} />
      </details>
      <p className="faint">
        Agent <code>{agent.id}</code>
      </p>
    </section>
  )
}
