import * as Schema from "effect/Schema"
import { expect, it } from "vitest"
import type { AgentStatus, BudgetView } from "../model/AgentStatus.ts"
import { AgentStatusSchema } from "./agentStatus.ts"

const isStatus = Schema.is(AgentStatusSchema)

const hook = { program: "sonde_exit_btf", runsPerSecond: 1, nsPerRun: 2, runs: 3, ns: 4, missed: 0 }
const budget: BudgetView = {
  cpu: { share: 0.1, limit: 1, main: 0, worker: 0.1, kernel: null, kernelMissing: "no rights" },
  memory: { residentBytes: 1, limitBytes: 2, heapBytes: 3, heapLimitBytes: 4 },
  ring: { peakBytes: 0, bytes: 0, lost: 0 },
  refused: 0,
  shed: [{ step: "tls", what: "no plaintext of TLS", sinceMs: 1, why: "CPU 1 % of 1 %" }],
  problem: "",
  hooks: [hook],
  countedSeconds: 1,
  restarts: [],
}
const status: AgentStatus = {
  tier: 1,
  features: [{ name: "socket data", on: true, hook: "h", missing: "", next: "", shed: "payload 256 B" }],
  counters: {},
  processes: [],
  machine: { machineId: "", host: "", kernel: "", os: "", addresses: [] },
}

it("takes a status with a budget, and one of an agent that tells of none", () => {
  expect(isStatus({ ...status, budget })).toBe(true)
  expect(isStatus(status)).toBe(true)
})

it("takes no name of a program or step that would break a line of metrics, and no end of them", () => {
  const hooks = (program: string) => ({ ...status, budget: { ...budget, hooks: [{ ...hook, program }] } })
  expect(isStatus(hooks('exit"} 1\nfake{a="b'))).toBe(false)
  expect(isStatus(hooks(""))).toBe(false)
  const shed = [{ ...budget.shed[0]!, step: 'a"b' }]
  expect(isStatus({ ...status, budget: { ...budget, shed } })).toBe(false)
  const many = Array.from({ length: 257 }, () => hook)
  expect(isStatus({ ...status, budget: { ...budget, hooks: many } })).toBe(false)
})
