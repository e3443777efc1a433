// How begins and ends of processes are said. Pure.

import type { ProcessEvent } from "../../api/contract.ts"

const words: Readonly<Record<string, string>> = {
  exec: "Began",
  exit: "Ended",
  oom_kill: "Killed for memory",
}

export const changeText = ({ type }: ProcessEvent): string => words[type] ?? type

/** An end by a signal or with a code that is not 0; ends of children that report so all the time are not marked. */
export const isBadEnd = ({ exitCode, exitSignal, type }: ProcessEvent): boolean =>
  type === "oom_kill" || exitSignal !== 0 || (exitCode !== null && exitCode !== 0)

/** Microseconds that a process that ended has lived. */
export const livedUs = ({ startUs, timeUs, type }: ProcessEvent): number | null =>
  type === "exit" ? Math.max(0, timeUs - startUs) : null
