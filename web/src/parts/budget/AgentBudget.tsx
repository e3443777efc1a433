// What one agent takes of its machine, what it has given up to take no more, and what each of its hooks in the kernel costs.

import type { Budget, HookCost } from "../../api/contract.ts"
import { formatMoment, formatPercent, formatRate } from "../format.ts"
import { WideTable } from "../WideTable.tsx"
import { facts, hookShare, shedTexts } from "./budgetWords.ts"
import "./budget.css"

const Troubles = ({ budget }: { readonly budget: Budget }) => {
  const texts = [
    ...shedTexts(budget).map((text) => ["Shedding", text] as const),
    ...(budget.problem === ""
      ? []
      : [["Beyond the budget", `${budget.problem}, and nothing is left to give up`] as const]),
  ]
  if (texts.length === 0) return null
  return (
    <ul className="budget-troubles">
      {texts.map(([name, text]) => (
        <li key={text}>
          <span className="dot dot-degraded" aria-hidden="true" />
          <span>
            <b>{name}</b>: {text}
          </span>
        </li>
      ))}
    </ul>
  )
}

const Hooks = ({ hooks }: { readonly hooks: ReadonlyArray<HookCost> }) => (
  <WideTable
    name="Cost of each kernel program"
    className="small-table budget-hooks"
    columns={["Kernel program", { number: "Runs" }, { number: "A run" }, { number: "Of a core" }]}
  >
    {hooks.map((hook) => (
      <tr key={hook.program}>
        <td className="mono">{hook.program}</td>
        <td className="number">{formatRate(hook.runsPerSecond)}</td>
        <td className="number">{Math.round(hook.nsPerRun)} ns</td>
        <td className="number">{formatPercent(hookShare(hook))}</td>
      </tr>
    ))}
  </WideTable>
)

export const AgentBudget = ({ budget }: { readonly budget: Budget }) => (
  <div className="agent-budget">
    <Troubles budget={budget} />
    <dl className="budget-facts">
      {facts(budget).map(([name, text, note]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>
            {text} <span className="soft">{note}</span>
          </dd>
        </div>
      ))}
    </dl>
    {budget.restarts.map(({ atMs, why }) => (
      <p key={atMs} className="soft">
        Capture began anew at {formatMoment(atMs * 1_000)}: {why}
      </p>
    ))}
    {budget.hooks.length === 0 ? null : <Hooks hooks={budget.hooks} />}
  </div>
)
