// This region and the others: which answer, when they were heard last, how many guests they have.

import type { RegionView } from "../../api/adminContract.ts"
import { useRegions } from "../../api/adminQueries.ts"
import { Answer } from "../../parts/Answer.tsx"
import { formatAgo, formatExact } from "../../parts/format.ts"
import { useNowMs } from "../../app/clock.ts"
import { WideTable } from "../../parts/WideTable.tsx"

const heard = ({ heardMs, isHere }: RegionView, nowMs: number): string =>
  heardMs === undefined
    ? ""
    : heardMs === 0
      ? "never"
      : `${isHere ? "the others " : ""}${formatAgo(heardMs * 1_000, nowMs)}`

const states = { reachable: "answers", unreachable: "does not answer", silent: "is silent" } as const

export const RegionsCard = () => {
  const regions = useRegions()
  const nowMs = useNowMs()
  return (
    <section className="card admin-card">
      <div className="section-head">
        <h2>Regions</h2>
      </div>
      <Answer query={regions} what="regions">
        {(all) => (
          <WideTable
            name="Regions"
            columns={[
              ...["Region", "State", "Heard"],
              ...[{ number: "Servers" }, { number: "Agents" }, { number: "Guests" }],
              "Queries at",
            ]}
          >
            {all.map((region) => (
              <tr key={region.name}>
                <td>
                  <b>{region.name}</b> {region.isHere ? <span className="faint">here</span> : null}
                </td>
                <td>
                  <span className="server-state">
                    <span className={`dot dot-${region.state}`} aria-hidden="true" />
                    {states[region.state]}
                  </span>
                  {region.message === "" ? null : <div className="soft">{region.message}</div>}
                </td>
                <td className="soft">{heard(region, nowMs)}</td>
                <td className="number">{formatExact(region.servers)}</td>
                <td className="number">{formatExact(region.agents)}</td>
                <td className="number">{region.guests === undefined ? "" : formatExact(region.guests)}</td>
                <td className="mono soft">{region.http.join(" ")}</td>
              </tr>
            ))}
          </WideTable>
        )}
      </Answer>
    </section>
  )
}
