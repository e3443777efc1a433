import { expect, it } from "vitest"
import type { AgentStatus } from "../model/AgentStatus.ts"
import { agentMetricLines } from "./agentMetrics.ts"
import { budget } from "./doctor/budget.testing.ts"

const status: AgentStatus = {
  tier: 1,
  features: [],
  counters: { sonde_agent_events_total: 7 },
  processes: [],
  machine: { machineId: "", host: "", kernel: "", os: "", addresses: [] },
}

it("has the agent as label, and of single hooks and steps one more", () => {
  expect(agentMetricLines({ id: "a-1", host: 'we"b', status: { ...status, budget } })).toEqual([
    'sonde_agent_events_total{agent="a-1",host="we_b"} 7',
    'sonde_agent_hook_counted_seconds_total{agent="a-1",host="we_b"} 3',
    'sonde_agent_hook_runs_total{agent="a-1",host="we_b",program="sonde_exit_direct"} 300000',
    'sonde_agent_hook_ns_total{agent="a-1",host="we_b",program="sonde_exit_direct"} 75000000',
    'sonde_agent_hook_missed_total{agent="a-1",host="we_b",program="sonde_exit_direct"} 0',
    'sonde_agent_shed{agent="a-1",host="we_b",step="payload"} 1',
  ])
})

it("has nothing of what an agent does not tell", () => {
  expect(agentMetricLines({ id: "a", host: "b", status })).toHaveLength(1)
  expect(agentMetricLines({ id: "a", host: "b", status: undefined })).toEqual([])
})
