// What is said of an agent that keeps to its budget: the same words in its log, in health, on the console and by `sonde doctor`.

import type { BudgetView, ShedStep } from "./AgentStatus.ts"

/** "payload 256 B (CPU 34 % of 30 %)" */
export const shedText = ({ what, why }: Pick<ShedStep, "what" | "why">): string => `${what} (${why})`

/** What is given up, and what cannot be helped; empty: all is as it should be. */
export const budgetTrouble = (budget: Pick<BudgetView, "problem" | "shed"> | undefined): string =>
  [
    budget === undefined || budget.shed.length === 0
      ? ""
      : `shedding: ${budget.shed.map(shedText).join(", ")}`,
    budget === undefined || budget.problem === "" ? "" : `${budget.problem}, and nothing is left to give up`,
  ]
    .filter((part) => part !== "")
    .join("; ")
