// What is said of the budget, in the log, in health, on the console and by `sonde doctor`.

import type { Decision, Held, Resource } from "./BudgetController.ts"

const mebibytes = (bytes: number): string => `${Math.round(bytes / 1_048_576)} MiB`
const percent = (share: number): string => `${Math.round(share * 100)} %`

/** "CPU 34 % of 30 %", "memory 700 MiB of 768 MiB" */
export const usedText = (resource: Resource, used: number, limit: number): string =>
  resource === "cpu"
    ? `CPU ${percent(used)} of ${percent(limit)}`
    : `memory ${mebibytes(used)} of ${mebibytes(limit)}`

export const whyText = ({ limit, resource, used }: Held): string => usedText(resource, used, limit)

/** `what`: what is left without it. */
export const decisionText = (decision: Decision, what: string): string => {
  switch (decision.kind) {
    case "shed":
      return `near the budget (${whyText(decision.held)}): ${what} from now on`
    case "restore":
      return `within the budget again: no longer "${what}"`
    case "restart":
      return `beyond the budget (${usedText("memory", decision.used, decision.limit)}): capture starts anew`
  }
}
