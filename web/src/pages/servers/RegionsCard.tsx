// The regions that share the global store, and which of them do not answer.

import { useRegions } from "../../api/adminQueries.ts"
import { Answer } from "../../parts/Answer.tsx"
import { formatExact } from "../../parts/format.ts"

export const RegionsCard = () => {
  const regions = useRegions()
  return (
    <section className="card admin-card">
      <div className="section-head">
        <h2>Regions</h2>
      </div>
      <Answer query={regions} what="regions">
        {(all) => (
          // Wide on a small screen: it scrolls by itself.
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex
          <div className="wide" tabIndex={0} role="region" aria-label="Regions">
            <table className="admin-table">
              <thead>
                <tr>
                  <th scope="col">Region</th>
                  <th scope="col">State</th>
                  <th scope="col" className="number">
                    Servers
                  </th>
                  <th scope="col" className="number">
                    Agents
                  </th>
                  <th scope="col">Queries at</th>
                </tr>
              </thead>
              <tbody>
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
              </tbody>
            </table>
          </div>
        )}
      </Answer>
    </section>
  )
}
