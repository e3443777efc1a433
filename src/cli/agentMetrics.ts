// What an agent counts, as lines of Prometheus' text with the agent as label; what it tells of single hooks and steps has one label more.

import type { AgentRecord } from "../ingester/receive/AgentDirectory.ts"
import type { BudgetView } from "../model/AgentStatus.ts"

const hookMetrics = ({ countedSeconds, hooks, shed }: BudgetView) => [
  ["sonde_agent_hook_counted_seconds_total", "", countedSeconds] as const,
  ...hooks.flatMap(({ missed, ns, program, runs }) => {
    const label = `,program="${program}"`
    return [
      ["sonde_agent_hook_runs_total", label, runs] as const,
      ["sonde_agent_hook_ns_total", label, ns] as const,
      ["sonde_agent_hook_missed_total", label, missed] as const,
    ]
  }),
  ...shed.map(({ step }) => ["sonde_agent_shed", `,step="${step}"`, 1] as const),
]

export const agentMetricLines = ({
  host,
  id,
  status,
}: Pick<AgentRecord, "host" | "id" | "status">): ReadonlyArray<string> => {
  const agent = `agent="${id}",host="${host.replaceAll(/["\\\n]/g, "_")}"`
  const numbers = Object.entries(status?.counters ?? {}).map(([name, value]) => [name, "", value] as const)
  const budget = status?.budget === undefined ? [] : hookMetrics(status.budget)
  return [...numbers, ...budget].map(([name, label, value]) => `${name}{${agent}${label}} ${value}`)
}
