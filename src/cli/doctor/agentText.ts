// A running agent for people: what it has given up, what it takes of its machine, what each hook in the kernel costs.

import { styleText } from "node:util"
import type { BudgetView, HookCost } from "../../model/AgentStatus.ts"
import type { AgentView } from "../../querier/ConsoleSources.ts"
import { table } from "../output.ts"
import { featureText } from "./featureText.ts"

const percent = (share: number, digits = 1): string => `${(share * 100).toFixed(digits)} %`
const mebibytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`
const clock = (ms: number): string => new Date(ms).toTimeString().slice(0, 8)

const useText = ({ cpu, memory, refused, ring }: BudgetView): ReadonlyArray<string> => {
  const kernel = cpu.kernel === null ? "not known" : percent(cpu.kernel)
  const full = ring.bytes === 0 ? "" : `; ring ${percent(ring.peakBytes / ring.bytes)} full at most`
  return [
    `CPU ${percent(cpu.share)} of ${percent(cpu.limit, 0)} of a processor: main thread ${percent(cpu.main)}, capture ${percent(cpu.worker)}, kernel programs ${kernel}`,
    `Memory ${mebibytes(memory.residentBytes)} of ${mebibytes(memory.limitBytes)}: heap of capture ${mebibytes(memory.heapBytes)} of ${mebibytes(memory.heapLimitBytes)}${full}`,
    `Events lost ${ring.lost}, refused to noisy processes ${refused}`,
    ...(cpu.kernelMissing === "" ? [] : [`Kernel programs: ${cpu.kernelMissing}`]),
  ]
}

const shedLines = ({ problem, restarts, shed }: BudgetView): ReadonlyArray<string> => [
  ...shed.map(({ sinceMs, what, why }) =>
    styleText("yellow", `Shedding: ${what} since ${clock(sinceMs)}, ${why}`),
  ),
  ...(problem === "" ? [] : [styleText("red", `${problem}, and nothing is left to give up`)]),
  ...restarts.map(({ atMs, why }) => `Capture began anew at ${clock(atMs)}: ${why}`),
]

const hookRow = ({ missed, nsPerRun, program, runsPerSecond }: HookCost) => [
  program,
  Math.round(runsPerSecond),
  Math.round(nsPerRun),
  percent((nsPerRun * runsPerSecond) / 1e9, 3),
  missed,
]

const hookTable = (hooks: ReadonlyArray<HookCost>): ReadonlyArray<string> =>
  hooks.length === 0
    ? []
    : ["", table(["PROGRAM", "RUNS/S", "NS/RUN", "OF A CORE", "MISSED"], hooks.map(hookRow))]

export const agentText = ({ budget, features, host, id }: AgentView): string =>
  [
    styleText("bold", `Agent on ${host} (${id})`),
    ...(budget === null ? ["It tells of no budget: its version is older."] : useText(budget)),
    ...(budget === null ? [] : shedLines(budget)),
    "",
    featureText(features),
    ...(budget === null ? [] : hookTable(budget.hooks)),
  ].join("\n")
