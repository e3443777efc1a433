// The regions that share the global store, and which of them do not answer.

import { useRegions } from "../../api/adminQueries.ts"
import { Answer } from "../../parts/Answer.tsx"
import { formatExact } from "../../parts/format.ts"
import { WideTable } from "../../parts/WideTable.tsx"

export const RegionsCard = () => {
  const regions = useRegions()
  return (
    <section className="card admin-card">
      <div className="section-head">
        <h2>Regions</h2>
      </div>
      <Answer query={regions} what="regions">
        {(all) => (
          <WideTable
            name="Regions"
            columns={["Region", "State", { number: "Servers" }, { number: "Agents" }, "Queries at"]}
          >
            {all.map((region) => (
              <tr key={region.name}>
                <td>
                  <b>{region.name}</b> {region.isHere ? <span className="faint">here</span> : null}
                </td>
                <td>
                  <span className="server-state">
                    <span className={`dot dot-${region.state}`} aria-hidden="true" />
                    {region.state === "reachable" ? "answers" : "does not answer"}
                  </span>
                  {region.message === "" ? null : <div className="soft">{region.message}</div>}
                </td>
                <td className="number">{formatExact(region.servers)}</td>
                <td className="number">{formatExact(region.agents)}</td>
                <td className="mono soft">{region.http.join(" ")}</td>
              </tr>
            ))}
          </WideTable>
        )}
      </Answer>
    </section>
  )
}
