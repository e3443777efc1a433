// The source of one agent: system calls, else packets, else nothing. Chosen by trying, and said why; configuration may insist.

import type { CaptureNote, Feature, Tier } from "../../model/AgentStatus.ts"
import type { Pipeline } from "../Pipeline.ts"
import type { ProcessTable } from "../process/ProcessTable.ts"
import type { Exclusions } from "./Exclusions.ts"
import { aloneFeature, otherAgentNext, otherAgentText } from "./HostClaim.ts"
import type { CaptureOptions, SourceCost } from "./messages.ts"
import { openPacketSource } from "./PacketSource.ts"
import type { Shedding } from "./Shedding.ts"
import { openSocketSource } from "./SocketSource.ts"

/** What the worker's loop asks of a source. */
export interface Source {
  readonly tier: Tier
  readonly by: "socket data" | "packets" | "none"
  /** What is not seen this way; undefined when nothing is missing. */
  readonly limit: CaptureNote | undefined
  readonly features: ReadonlyArray<Feature>
  /** Takes what is there, at most about 2 ms of work; true when there was much and it wants to be asked soon. */
  drain(nowMs: number): boolean
  expire(nowUs: number): void
  /** Hands out rows that are ready; `isLast`: all that are left. */
  flush?(nowUs: number, isLast: boolean): void
  /** Takes settings that are marked `hot`. */
  configure?(agent: CaptureOptions["agent"]): void
  /** Counters by metric name. */
  stats(): Record<string, number>
  /** What its kernel side costs; to be asked about once a second. Left out: that is not measured. */
  cost?(nowMs: number): SourceCost
  /** Events that processes were refused beyond their share, by process. */
  refusedEvents?(): ReadonlyMap<number, number>
  close(): Promise<void>
}

export interface SourceContext {
  readonly options: CaptureOptions
  readonly exclusions: Exclusions
  readonly pipeline: Pipeline
  readonly processes: ProcessTable
  /** Where features register that can be given up. */
  readonly shedding: Shedding
  readonly log: (level: "info" | "warn", message: string) => void
}

/** A source, or why there is none: features that are off, each with what is missing and what to do. */
export type Opened = { readonly source: Source } | { readonly refused: ReadonlyArray<Feature> }

const nothing = (features: ReadonlyArray<Feature>, limit: CaptureNote): Source => ({
  tier: 3,
  by: "none",
  limit,
  features,
  drain: () => false,
  expire: () => undefined,
  stats: () => ({}),
  close: () => Promise.resolve(),
})

export const openSource = async (context: SourceContext): Promise<Source> => {
  const wanted = context.shedding.has("capture") ? "none" : context.options.agent.capture
  const { other } = context.options
  if (other !== undefined && wanted !== "none") {
    const [missing, next] = [otherAgentText(other), otherAgentNext]
    context.log("warn", `${missing}: processes and listening ports are listed. ${next}`)
    return nothing([{ name: aloneFeature, on: false, hook: "", missing, next }], {
      what: "no traffic",
      why: missing,
      next,
    })
  }
  const refused: Array<Feature> = []
  if (wanted === "auto" || wanted === "ebpf") {
    const opened = await openSocketSource(context)
    if ("source" in opened) return opened.source
    refused.push(...opened.refused)
    for (const { missing, name, next } of opened.refused) context.log("warn", `${name}: ${missing}. ${next}`)
  }
  if (wanted === "auto" || wanted === "packets") {
    const opened = await openPacketSource(context, refused)
    if ("source" in opened) {
      if (wanted === "auto")
        context.log("warn", "falling back to packets: requests are seen, but not which process makes them")
      return opened.source
    }
    refused.push(...opened.refused)
    for (const { missing, name, next } of opened.refused) context.log("warn", `${name}: ${missing}. ${next}`)
  }
  const isShed = context.shedding.has("capture")
  const why = isShed
    ? "the agent is beyond its budget (agent.budget)"
    : wanted === "none"
      ? "agent.capture is none"
      : refused.map(({ missing, name }) => `${name}: ${missing}`).join("; ")
  if (!isShed)
    context.log("warn", `nothing is captured, only processes and listening ports are listed (${why})`)
  const nextOfShed = "it comes back by itself; see docs/budgets.md"
  const features = isShed
    ? [{ name: "socket data", on: false, hook: "", missing: why, next: nextOfShed }]
    : refused
  return nothing(features, {
    what: "no traffic",
    why,
    next: isShed
      ? nextOfShed
      : wanted === "none"
        ? "set agent.capture to auto"
        : "run Sonde as root, or with CAP_BPF and CAP_PERFMON, or at least CAP_NET_RAW",
  })
}
