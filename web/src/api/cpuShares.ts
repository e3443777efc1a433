// How much of a processor each agent takes: from the processor times of two of its reports. Pure but for what it remembers.

import type { ManagedAgent } from "./adminContract.ts"

export interface MeasuredAgent extends ManagedAgent {
  /** 1: one processor; null: only one report so far. */
  readonly cpuShare: number | null
}

interface Report {
  readonly cpuMs: number
  readonly atMs: number
  readonly share: number | null
}

export class CpuShares {
  #known = new Map<string, Report>()

  /** Of agents that are not in the answer nothing stays. */
  measure(agents: ReadonlyArray<ManagedAgent>): ReadonlyArray<MeasuredAgent> {
    const next = new Map<string, Report>()
    const measured = agents.map((agent) => {
      const report = this.#reportOf(agent)
      next.set(agent.id, report)
      return { ...agent, cpuShare: report.share }
    })
    this.#known = next
    return measured
  }

  #reportOf({ id, cpuMs, lastSeenMs }: ManagedAgent): Report {
    const before = this.#known.get(id)
    // A restarted agent counts from 0 again.
    if (before === undefined || cpuMs < before.cpuMs) return { cpuMs, atMs: lastSeenMs, share: null }
    if (lastSeenMs <= before.atMs) return before
    return { cpuMs, atMs: lastSeenMs, share: (cpuMs - before.cpuMs) / (lastSeenMs - before.atMs) }
  }
}
