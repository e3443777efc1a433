// Hooks beside those of a kind that are not needed for the rest: each is tried, and what it is for is off where it fails.

import type { Feature } from "../../../model/AgentStatus.ts"
import type { Addon, BpfObject } from "./Addon.ts"
import { bpfReason, type Reason } from "./privileges.ts"

export interface ExtraPrograms {
  /** Begins of waits for files. */
  readonly files: string
  /** Kills for memory. */
  readonly oom: string
  /** io_uring that works with sockets, by names of several kernels: one of them is attached. */
  readonly rings: ReadonlyArray<string>
  /** Wake-ups of threads, attached while somebody asks for them; undefined: by this kind of hook they do not say of which process. */
  readonly waking: string | undefined
}

const rings = ["sonde_ring_req", "sonde_ring_sqe"]

export const btfExtras: ExtraPrograms = {
  files: "sonde_switch_btf",
  oom: "sonde_oom_raw",
  rings,
  waking: "sonde_waking_btf",
}
export const rawExtras: ExtraPrograms = {
  files: "sonde_switch_raw",
  oom: "sonde_oom_raw",
  rings,
  waking: "sonde_waking_raw",
}
export const tracepointExtras: ExtraPrograms = {
  files: "sonde_switch_tp",
  oom: "sonde_oom_tp",
  // Of this kind because raw tracepoints are refused.
  rings: [],
  waking: undefined,
}

export const filesFeatureName = "file reads and writes"

export const filesFeature = (hook: string, reason?: Reason): Feature => ({
  name: filesFeatureName,
  on: reason === undefined,
  hook,
  missing: reason?.missing ?? "",
  next: reason?.next ?? "",
})

const filesOff: Reason = {
  missing: "agent.files is off: slow calls on files are not seen",
  next: "set agent.files to true",
}

/** Nobody wants calls on files. `onlyCounted`: because no system call is looked at. */
export const filesMissing = (onlyCounted: Reason | undefined): Feature =>
  filesFeature("", onlyCounted ?? filesOff)

export const filesOfOldKernels: Feature = filesFeature("", {
  missing: "the programs for old kernels do not follow files",
  next: "use a kernel from 5.8 on with CONFIG_DEBUG_INFO_BTF",
})

/** Attaches what is wanted of the extras; the features that come of it. `files`: calls on files are not wanted, and why. */
export const attachExtras = (
  addon: Addon,
  object: BpfObject,
  programs: ExtraPrograms,
  tracepoint: string,
  files: Feature | undefined,
): ReadonlyArray<Feature> => {
  for (const program of [programs.oom, ...programs.rings]) {
    try {
      addon.attach(object, program)
    } catch {
      // Nobody has io_uring do something, or only by the other name; kills of kernels that do not say so are told of as ends by SIGKILL.
    }
  }
  if (files !== undefined) return [files]
  try {
    addon.attach(object, programs.files)
    return [filesFeature(`${tracepoint}/sched_switch`)]
  } catch (cause) {
    return [filesFeature("", bpfReason(cause as Error & { code?: string }))]
  }
}
