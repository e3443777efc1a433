// The servers of the region: who leads, who carries what, what rebalancing would move, which other regions there are.

import { usePlan, useServers } from "../../api/adminQueries.ts"
import { usePlace } from "../../app/location.ts"
import { Answer } from "../../parts/Answer.tsx"
import { formatCount, formatExact } from "../../parts/format.ts"
import { Stat } from "../../parts/Stat.tsx"
import { TokenDialog } from "../../parts/TokenDialog.tsx"
import { Distribution } from "./Distribution.tsx"
import { PlanCard } from "./PlanCard.tsx"
import { RegionsCard } from "./RegionsCard.tsx"
import { ServerTable } from "./ServerTable.tsx"
import "../../style/admin.css"
import "./servers.css"

export const ServersPage = () => {
  const { params } = usePlace()
  const servers = useServers()
  const plan = usePlan()
  return (
    <div className="admin-page">
      <h1>Servers</h1>
      <Answer query={servers} what="servers">
        {(all) => (
          <>
            <dl className="stats admin-stats">
              <Stat name="Servers" value={String(all.length)} />
              <Stat name="Agents" value={formatExact(all.reduce((sum, { agents }) => sum + agents, 0))} />
              <Stat name="Rows a second" value={formatCount(all.reduce((sum, { load }) => sum + load, 0))} />
              <Stat name="Leader" value={all.find(({ isLeader }) => isLeader)?.id ?? "nobody just now"} />
            </dl>
            <section className="card admin-card">
              <ServerTable servers={all} planned={plan.data?.servers ?? []} params={params} />
            </section>
          </>
        )}
      </Answer>
      <Answer query={plan} what="the plan">
        {(found) => (
          <>
            <Distribution plan={found} servers={servers.data ?? []} />
            <PlanCard plan={found} />
          </>
        )}
      </Answer>
      <RegionsCard />
      <TokenDialog />
    </div>
  )
}
