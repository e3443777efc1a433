// The agents of the region: how each fares, which server has it, what it runs with.

import { useDeferredValue, useMemo } from "react"
import type { MeasuredAgent } from "../../api/cpuShares.ts"
import { useAgents } from "../../api/adminQueries.ts"
import { setParams, usePlace } from "../../app/location.ts"
import { Answer } from "../../parts/Answer.tsx"
import { Count } from "../../parts/Count.tsx"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { SearchField } from "../../parts/SearchField.tsx"
import { Segmented } from "../../parts/Segmented.tsx"
import { TokenDialog } from "../../parts/TokenDialog.tsx"
import { countByKind, kindOf, matchesAgent, stateKinds } from "./agentList.ts"
import { AgentPanel } from "./AgentPanel.tsx"
import { AgentTable } from "./AgentTable.tsx"
import "./agents.css"

const set = (key: string) => (value: string) => setParams({ [key]: value }, { replace: true })

const NoAgents = () => (
  <EmptyState
    title="No agent has come yet"
    text="An agent captures what the programs of its host say. It needs the address of a server, and a token where the server is not on the same machine."
  >
    <ol className="reasons card agent-steps">
      <li>
        <b>1</b>
        <div>
          On this host: <code>sonde up</code> starts an agent with the server, <code>sonde agent</code> one
          alone.
        </div>
      </li>
      <li>
        <b>2</b>
        <div>
          For other hosts make a token: <code>sonde admin tokens make agent</code>
        </div>
      </li>
      <li>
        <b>3</b>
        <div>
          There: <code>sonde agent --set agent.controllers=SERVER:20035 --set agent.token=TOKEN</code>
        </div>
      </li>
    </ol>
  </EmptyState>
)

const AgentList = ({
  all,
  params,
}: {
  readonly all: ReadonlyArray<MeasuredAgent>
  readonly params: URLSearchParams
}) => {
  const search = params.get("q") ?? ""
  const kind = params.get("state") ?? ""
  const opened = params.get("agent") ?? ""
  const sought = useDeferredValue(search)
  const found = useMemo(() => all.filter((agent) => matchesAgent(agent, sought)), [all, sought])
  const listed = useMemo(
    () => (kind === "" ? found : found.filter(({ state }) => kindOf(state) === kind)),
    [found, kind],
  )
  const counts = countByKind(found)
  return (
    <>
      <div className="toolbar">
        <SearchField name="Host, group, server, version" value={search} onChange={set("q")} />
        <Segmented
          name="State"
          value={kind}
          choices={[
            ["", <Count key="all" text="All" count={found.length} />],
            ...stateKinds.map(
              ([name, text]) => [name, <Count key={name} text={text} count={counts[name]} />] as const,
            ),
          ]}
          onChange={set("state")}
        />
      </div>
      <div className="agents-body">
        {listed.length > 0 ? (
          <AgentTable agents={listed} opened={opened} onOpen={set("agent")} />
        ) : (
          <EmptyState title="No such agent" text="No agent passes the search and the filter.">
            <button type="button" className="button" onClick={() => setParams({ q: "", state: "" })}>
              Show all
            </button>
          </EmptyState>
        )}
        {opened === "" ? null : (
          <AgentPanel id={opened} all={all} params={params} onClose={() => setParams({ agent: "" })} />
        )}
      </div>
    </>
  )
}

export const AgentsPage = () => {
  const { params } = usePlace()
  const agents = useAgents()
  return (
    <div className="agents-page">
      <h1 className="hidden-text">Agents</h1>
      <Answer query={agents} what="agents">
        {(all) => (all.length === 0 ? <NoAgents /> : <AgentList all={all} params={params} />)}
      </Answer>
      <TokenDialog />
    </div>
  )
}
