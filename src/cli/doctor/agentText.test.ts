import { stripVTControlCharacters } from "node:util"
import { expect, it } from "vitest"
import type { AgentView } from "../../querier/ConsoleSources.ts"
import { agentText } from "./agentText.ts"
import { budget } from "./budget.testing.ts"

const agent: AgentView = {
  id: "a-1",
  host: "web",
  tier: 1,
  lastSeenUs: 0,
  counters: {},
  budget,
  features: [
    {
      name: "socket data",
      on: true,
      hook: "tp_btf/sys_exit",
      missing: "",
      next: "",
      shed: "payload 256 B (CPU 34 % of 30 %)",
    },
    { name: "process starts", on: true, hook: "tp_btf/sched_process_exec", missing: "", next: "" },
    { name: "packets", on: false, hook: "", missing: "no rights", next: "be root" },
  ],
}

const lines = (view: AgentView): ReadonlyArray<string> =>
  stripVTControlCharacters(agentText(view)).split("\n")

it("says what an agent takes, what it has given up and why, and what each hook costs", () => {
  expect(lines(agent)).toEqual([
    "Agent on web (a-1)",
    "CPU 34.0 % of 30 % of a processor: main thread 2.0 %, capture 29.5 %, kernel programs 2.5 %",
    "Memory 250 MiB of 768 MiB: heap of capture 20 MiB of 700 MiB; ring 1.0 % full at most",
    "Events lost 12, refused to noisy processes 7",
    "Shedding: payload 256 B since 12:03:10, CPU 34 % of 30 %",
    "Capture began anew at 11:00:00: memory 800 MiB of 768 MiB",
    "",
    "FEATURE         STATE  HOOK",
    "socket data     shed   tp_btf/sys_exit",
    "process starts  on     tp_btf/sched_process_exec",
    "packets         off    ",
    "",
    "socket data: given up to stay within the budget: payload 256 B (CPU 34 % of 30 %).",
    "  -> it comes back by itself; raise agent.budget or leave programs out (docs/budgets.md)",
    "packets: no rights.",
    "  -> be root",
    "",
    "PROGRAM            RUNS/S  NS/RUN  OF A CORE  MISSED",
    "sonde_exit_direct  100000     250  2.500 %         0",
  ])
})

it("says of the kernel's part why it is not known", () => {
  const unknown = { ...budget, cpu: { ...budget.cpu, kernel: null, kernelMissing: "no rights" }, hooks: [] }
  const said = lines({ ...agent, budget: unknown })
  expect(said[1]).toContain("kernel programs not known")
  expect(said).toContain("Kernel programs: no rights")
  expect(said.some((line) => line.startsWith("PROGRAM"))).toBe(false)
})

it("does not make up a budget of an agent that tells of none", () => {
  expect(lines({ ...agent, budget: null })[1]).toBe("It tells of no budget: its version is older.")
})
