// A budget as an agent tells of it, for tests.

import type { BudgetView } from "../../model/AgentStatus.ts"

export const budget: BudgetView = {
  cpu: { share: 0.34, limit: 0.3, main: 0.02, worker: 0.295, kernel: 0.025, kernelMissing: "" },
  memory: {
    residentBytes: 250 * 1_048_576,
    limitBytes: 768 * 1_048_576,
    heapBytes: 20 * 1_048_576,
    heapLimitBytes: 700 * 1_048_576,
  },
  ring: { peakBytes: 160, bytes: 16_000, lost: 12 },
  refused: 7,
  shed: [
    {
      step: "payload",
      what: "payload 256 B",
      sinceMs: new Date(2026, 0, 2, 12, 3, 10).getTime(),
      why: "CPU 34 % of 30 %",
    },
  ],
  problem: "",
  hooks: [
    {
      program: "sonde_exit_direct",
      runsPerSecond: 100_000,
      nsPerRun: 250,
      runs: 300_000,
      ns: 75_000_000,
      missed: 0,
    },
  ],
  countedSeconds: 3,
  restarts: [{ atMs: new Date(2026, 0, 2, 11, 0, 0).getTime(), why: "memory 800 MiB of 768 MiB" }],
}
