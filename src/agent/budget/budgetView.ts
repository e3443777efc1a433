// What the agent tells of its budget: as one value for pages and commands, and as numbers for metrics.

import type { BudgetView, ShedStep } from "../../model/AgentStatus.ts"
import type { CaptureCost } from "../capture/messages.ts"
import type { Limits } from "./BudgetController.ts"
import type { ProcessUse } from "./ProcessUsage.ts"
import type { Offer } from "./shedOrder.ts"

/** What was given up, as people are told. */
export interface Given extends ShedStep {
  readonly step: Offer["step"]
  readonly features: Offer["features"]
}

export interface Restart {
  readonly atMs: number
  readonly why: string
}

export interface BudgetState {
  readonly use: ProcessUse
  readonly limits: Limits
  /** Undefined: no capture has told yet. */
  readonly cost: CaptureCost | undefined
  readonly given: ReadonlyArray<Given>
  readonly restarts: ReadonlyArray<Restart>
  readonly problem: string
}

const noRing = { peakBytes: 0, bytes: 0, lost: 0 }

export const budgetView = ({ cost, given, limits, problem, restarts, use }: BudgetState): BudgetView => ({
  cpu: {
    share: use.cpu + (cost?.kernel ?? 0),
    limit: limits.cpu,
    main: use.main,
    worker: use.worker,
    kernel: cost?.kernel ?? null,
    kernelMissing: cost?.kernelMissing ?? "",
  },
  memory: {
    residentBytes: use.residentBytes,
    limitBytes: limits.residentBytes,
    heapBytes: cost?.heapBytes ?? 0,
    heapLimitBytes: cost?.heapLimitBytes ?? 0,
  },
  ring: cost?.ring ?? noRing,
  refused: cost?.refused ?? 0,
  shed: given.map(({ sinceMs, step, what, why }) => ({ step, what, sinceMs, why })),
  problem,
  hooks: cost?.hooks ?? [],
  countedSeconds: cost?.countedSeconds ?? 0,
  restarts,
})

/** By full metric name. Those of single hooks have a label and are written where metrics are served. */
export const budgetCounters = (
  { cpu, memory, ring, shed }: BudgetView,
  counts: Readonly<Record<string, number>>,
): Record<string, number> => ({
  sonde_agent_cpu_share: cpu.share,
  sonde_agent_cpu_limit_share: cpu.limit,
  sonde_agent_cpu_main_share: cpu.main,
  sonde_agent_cpu_worker_share: cpu.worker,
  // Unknown is not zero.
  ...(cpu.kernel === null ? {} : { sonde_agent_cpu_kernel_share: cpu.kernel }),
  sonde_agent_resident_bytes: memory.residentBytes,
  sonde_agent_resident_limit_bytes: memory.limitBytes,
  sonde_agent_worker_heap_bytes: memory.heapBytes,
  sonde_agent_worker_heap_limit_bytes: memory.heapLimitBytes,
  sonde_agent_ring_peak_bytes: ring.peakBytes,
  sonde_agent_ring_bytes: ring.bytes,
  sonde_agent_shed_steps: shed.length,
  ...Object.fromEntries(Object.entries(counts).map(([name, value]) => [`sonde_agent_${name}`, value])),
})
