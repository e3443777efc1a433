// What rebalancing would move, and why; the button moves it.

import type { Plan } from "../../api/adminContract.ts"
import { ChangeButton } from "../../parts/ChangeButton.tsx"
import { formatCount } from "../../parts/format.ts"
import { Icon } from "../../parts/Icon.tsx"
import { WideTable } from "../../parts/WideTable.tsx"

/** Rows drawn: a server that goes may have thousands of agents. */
const maxDrawn = 200

const Moves = ({ plan }: { readonly plan: Plan }) => (
  <>
    <WideTable name="Planned moves" columns={["Host", "From", "To", { number: "Rows/s" }, "Why"]}>
      {plan.moves.slice(0, maxDrawn).map((move) => (
        <tr key={move.agent}>
          <td title={move.agent}>{move.host === "" ? move.agent : move.host}</td>
          <td>{move.from === "" ? "–" : move.from}</td>
          <td>{move.to}</td>
          <td className="number">{formatCount(move.load)}</td>
          <td className="soft">{move.reason}</td>
        </tr>
      ))}
    </WideTable>
    {plan.moves.length > maxDrawn ? (
      <p className="table-note">
        {maxDrawn} of {plan.moves.length} are shown.
      </p>
    ) : null}
  </>
)

export const PlanCard = ({ plan }: { readonly plan: Plan }) => (
  <section className="card admin-card">
    <div className="section-head">
      <h2>What would move</h2>
      {plan.moves.length === 0 ? null : (
        <ChangeButton
          name="Apply"
          about="the plan"
          isPrimary
          change={{ call: "Rebalance", payload: {} }}
          confirm={`${plan.moves.length} ${plan.moves.length === 1 ? "agent is" : "agents are"} given another server. Each moves by itself, once what it has sent is acknowledged: nothing is lost.`}
        />
      )}
    </div>
    {plan.moves.length === 0 ? (
      <p className="soft all-well">
        <Icon name="check" /> Nothing has to move.
      </p>
    ) : (
      <Moves plan={plan} />
    )}
    {plan.unplaced.length === 0 ? null : (
      <ul className="unplaced" aria-label="Agents without a server">
        {plan.unplaced.slice(0, maxDrawn).map(({ agent, reason }) => (
          <li key={agent}>
            <span className="dot dot-lost" aria-hidden="true" /> Agent <code>{agent}</code> has no server:{" "}
            {reason}
          </li>
        ))}
      </ul>
    )}
  </section>
)
