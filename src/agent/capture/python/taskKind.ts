// Modules with asyncio's Tasks as files to be hooked, and what is said of them.

import type { Feature } from "../../../model/AgentStatus.ts"
import type { Reason } from "../native/privileges.ts"
import { probeFeature, type ProbeKind } from "../probes/LibraryProbes.ts"
import { findTaskHooks } from "./taskHooks.ts"

const feature = "tasks of asyncio (Python)"

/** `follow`: whether any process may have Tasks that are followed. */
export const taskKind = (follow: (follows: boolean) => void): ProbeKind => ({
  feature,
  name: "asyncio",
  lacks: (file) => `calls of Tasks that ${file} runs are not told apart`,
  find: findTaskHooks,
  linked: () => [],
  hooked: (files) => follow(files > 0),
})

/** Off for this reason. */
export const tasksOff = (reason: Reason): Feature => probeFeature(feature, "", reason)

/** On kernels that only take the programs for old ones. */
export const tasksCompat = tasksOff({
  missing: "the programs for old kernels do not follow functions of programs",
  next: "use a newer kernel, or give the types of this one in a file (docs/kernels.md)",
})
