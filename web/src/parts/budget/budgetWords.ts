// What an agent takes of its machine, in words. Pure.

import type { Budget, HookCost } from "../../api/contract.ts"
import { formatBytes, formatClock, formatExact, formatPercent } from "../format.ts"

/** "payload 256 B since 12:03:10, CPU 34 % of 30 %", one for each step, in the order in which they were given up. */
export const shedTexts = ({ shed }: Budget): ReadonlyArray<string> =>
  shed.map(({ sinceMs, what, why }) => `${what} since ${formatClock(sinceMs * 1_000).slice(0, 8)}, ${why}`)

export const facts = ({
  cpu,
  memory,
  refused,
  ring,
}: Budget): ReadonlyArray<readonly [name: string, text: string, note: string]> => [
  [
    "CPU",
    `${formatPercent(cpu.share)} of ${formatPercent(cpu.limit)} of a processor`,
    `main thread ${formatPercent(cpu.main)}, capture ${formatPercent(cpu.worker)}, kernel programs ${
      cpu.kernel === null ? `not known: ${cpu.kernelMissing}` : formatPercent(cpu.kernel)
    }`,
  ],
  [
    "Memory",
    `${formatBytes(memory.residentBytes)} of ${formatBytes(memory.limitBytes)}`,
    `heap of capture ${formatBytes(memory.heapBytes)} of ${formatBytes(memory.heapLimitBytes)}`,
  ],
  [
    "Ring",
    ring.bytes === 0 ? "none" : `${formatPercent(ring.peakBytes / ring.bytes)} full at most`,
    `events lost ${formatExact(ring.lost)}, refused to noisy processes ${formatExact(refused)}`,
  ],
]

/** Share of one processor. */
export const hookShare = ({ nsPerRun, runsPerSecond }: HookCost): number => (nsPerRun * runsPerSecond) / 1e9
