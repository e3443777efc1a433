// Beside the list: what is known of one agent, what it runs with and where that comes from.

import type { ReactNode } from "react"
import type { Values } from "../../api/adminContract.ts"
import { useAgent } from "../../api/adminQueries.ts"
import type { MeasuredAgent } from "../../api/cpuShares.ts"
import { useStatus } from "../../api/queries.ts"
import { useNowMs } from "../../app/clock.ts"
import { pageAddress } from "../../app/location.ts"
import { Answer } from "../../parts/Answer.tsx"
import { AgentBudget } from "../../parts/budget/AgentBudget.tsx"
import { EmptyState } from "../../parts/EmptyState.tsx"
import { formatAgo, formatDuration, formatPercent, formatRate } from "../../parts/format.ts"
import { Link } from "../../parts/Link.tsx"
import { SidePanel } from "../../parts/SidePanel.tsx"
import { AgentActions } from "./AgentActions.tsx"
import { missingCapabilities, serverText, stateText } from "./agentList.ts"

const Capabilities = ({
  agent,
  all,
}: {
  readonly agent: MeasuredAgent
  readonly all: ReadonlyArray<MeasuredAgent>
}) => {
  const status = useStatus()
  const features = status.data?.agents.find(({ id }) => id === agent.id)?.features ?? []
  const off = features.filter(({ on }) => !on)
  const missing = missingCapabilities(agent, all).filter((name) => !off.some((each) => each.name === name))
  if (agent.capabilities.length + off.length + missing.length === 0) return null
  return (
    <section>
      <h3>What it can</h3>
      <ul className="abilities">
        {agent.capabilities.map((name) => (
          <li key={name}>
            <span className="dot dot-on" aria-hidden="true" />
            <span>{name}</span>
          </li>
        ))}
        {off.map(({ name, missing, next }) => (
          <li key={name}>
            <span className="dot dot-down" aria-hidden="true" />
            <span>
              {name}: <b>off</b>
              <span className="soft">
                {" "}
                {missing}
                {next === "" ? "" : `. What to do: ${next}`}
              </span>
            </span>
          </li>
        ))}
        {missing.map((name) => (
          <li key={name}>
            <span className="dot" aria-hidden="true" />
            <span>
              {name}: <b>off</b> <span className="soft">other agents of the region have it</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

const Exceptions = ({ agent }: { readonly agent: MeasuredAgent }) =>
  agent.exceptions.length === 0 && agent.configProblem === "" ? null : (
    <section>
      <h3>What is wrong</h3>
      <ul className="abilities">
        {agent.configProblem === "" ? null : (
          <li>
            <span className="dot dot-down" aria-hidden="true" />
            <span>
              <b>configuration</b> <span className="soft">{agent.configProblem}</span>
            </span>
          </li>
        )}
        {agent.exceptions.map(({ code, message }) => (
          <li key={`${code} ${message}`}>
            <span className="dot dot-degraded" aria-hidden="true" />
            <span>
              <b>{code}</b> <span className="soft">{message}</span>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )

const Settings = ({ config, origins }: { readonly config: Values; readonly origins: Values }) => {
  const keys = Object.keys(config).toSorted()
  if (keys.length === 0) {
    return <p className="soft">No layer sets anything for it: it runs with its own defaults and its file.</p>
  }
  return (
    <table className="small-table settings">
      <thead>
        <tr>
          <th scope="col">Key</th>
          <th scope="col">Value</th>
          <th scope="col">From</th>
        </tr>
      </thead>
      <tbody>
        {keys.map((key) => (
          <tr key={key}>
            <td className="mono">{key}</td>
            <td className="mono">{JSON.stringify(config[key])}</td>
            <td className="soft">{String(origins[key] ?? "")}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

const Fact = ({ name, children }: { readonly name: string; readonly children: ReactNode }) =>
  children === "" ? null : (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )

const Facts = ({ agent }: { readonly agent: MeasuredAgent }) => {
  const nowMs = useNowMs()
  return (
    <dl className="facts">
      <Fact name="Server">{serverText(agent)}</Fact>
      <Fact name="Group">{agent.group}</Fact>
      <Fact name="Region, zone">{[agent.region, agent.zone].filter((part) => part !== "").join(", ")}</Fact>
      <Fact name="Guest of region">{agent.guestOf ?? ""}</Fact>
      <Fact name="Version">{agent.version}</Fact>
      <Fact name="Wanted">{agent.versionWanted === agent.version ? "" : agent.versionWanted}</Fact>
      <Fact name="Goes back to">{agent.versionLastGood}</Fact>
      <Fact name="Packages">
        {agent.packages.map(({ name, version }) => `${name} ${version}`).join(", ")}
      </Fact>
      <Fact name="Rows">{formatRate(agent.load)}</Fact>
      <Fact name="Memory">{agent.memoryMiB === 0 ? "" : `${agent.memoryMiB} MiB`}</Fact>
      <Fact name="CPU">
        {agent.cpuShare === null ? "" : `${formatPercent(agent.cpuShare)} of one processor`}
      </Fact>
      <Fact name="Clock">
        {agent.clockOffsetUs === 0
          ? ""
          : `${formatDuration(Math.abs(agent.clockOffsetUs))} ${agent.clockOffsetUs > 0 ? "behind" : "ahead of"} the server`}
      </Fact>
      <Fact name="Seen">
        {`${formatAgo(agent.lastSeenMs * 1_000, nowMs)}; first ${formatAgo(agent.firstSeenMs * 1_000, nowMs)}`}
      </Fact>
      <Fact name="Agent">
        <code>{agent.id}</code>
      </Fact>
      <Fact name="Machine">
        <code>{agent.machineId}</code>
      </Fact>
    </dl>
  )
}

/** Told to the server that the agent delivers to: of agents of other servers nothing is shown. */
const BudgetPart = ({ id }: { readonly id: string }) => {
  const status = useStatus()
  const budget = status.data?.agents.find((agent) => agent.id === id)?.budget ?? null
  if (budget === null) return null
  return (
    <section>
      <h3>What it takes</h3>
      <AgentBudget budget={budget} />
    </section>
  )
}

interface AgentPanelProps {
  readonly id: string
  readonly all: ReadonlyArray<MeasuredAgent>
  readonly params: URLSearchParams
  readonly onClose: () => void
}

export const AgentPanel = ({ id, all, params, onClose }: AgentPanelProps) => {
  const setting = useAgent(id)
  const agent = all.find((each) => each.id === id)
  return (
    <SidePanel
      label="Agent"
      bodyLabel="About the agent"
      onClose={onClose}
      title={
        <>
          <h2>{agent?.host ?? "Unknown agent"}</h2>
          {agent === undefined ? null : (
            <p className="agent-state soft">
              <span className={`dot dot-${agent.state}`} aria-hidden="true" />
              {stateText(agent.state)}
            </p>
          )}
        </>
      }
    >
      {agent === undefined ? (
        <EmptyState isSmall title="There is no such agent" text="It was forgotten, or the address is old." />
      ) : (
        <>
          <AgentActions key={id} agent={agent} onForgotten={onClose} />
          <Exceptions agent={agent} />
          <Facts agent={agent} />
          <BudgetPart id={id} />
          <Capabilities agent={agent} all={all} />
          <section>
            <h3>Configuration in force</h3>
            <Answer query={setting} what="its configuration">
              {({ config, origins }) => <Settings config={config} origins={origins} />}
            </Answer>
            <p className="agent-links">
              <Link
                className="button"
                to={pageAddress("/configuration", params, { layer: `agent/${agent.id}` })}
              >
                Set for this agent
              </Link>
              <Link className="button" to={pageAddress("/requests", params, { agent: agent.id })}>
                Its requests
              </Link>
            </p>
          </section>
        </>
      )}
    </SidePanel>
  )
}
