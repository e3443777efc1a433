import { expect, it } from "vitest"
import type { Budget } from "../../api/contract.ts"
import { facts, hookShare, shedTexts } from "./budgetWords.ts"

const budget: Budget = {
  cpu: { share: 0.34, limit: 0.3, main: 0.02, worker: 0.3, kernel: 0.02, kernelMissing: "" },
  memory: { residentBytes: 250e6, limitBytes: 805e6, heapBytes: 20e6, heapLimitBytes: 700e6 },
  ring: { peakBytes: 160, bytes: 16_000, lost: 1_234 },
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
  hooks: [],
  countedSeconds: 3,
  restarts: [],
}

it("says what is given up, since when and why", () => {
  expect(shedTexts(budget)).toEqual(["payload 256 B since 12:03:10, CPU 34 % of 30 %"])
})

it("says what the agent takes", () => {
  expect(facts(budget)).toEqual([
    ["CPU", "34% of 30% of a processor", "main thread 2%, capture 30%, kernel programs 2%"],
    ["Memory", "250 MB of 805 MB", "heap of capture 20 MB of 700 MB"],
    ["Ring", "1% full at most", "events lost 1,234, refused to noisy processes 7"],
  ])
})

it("does not take what is not known for nothing", () => {
  const unknown = { ...budget, cpu: { ...budget.cpu, kernel: null, kernelMissing: "no rights" } }
  expect(facts(unknown)[0]![2]).toContain("kernel programs not known: no rights")
})

it("makes a share of a processor of runs and their time", () => {
  const hook = { program: "exit", runsPerSecond: 100_000, nsPerRun: 250, runs: 1, ns: 1, missed: 0 }
  expect(hookShare(hook)).toBeCloseTo(0.025)
})
