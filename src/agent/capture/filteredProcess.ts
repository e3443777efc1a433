// A process as filter rules see it. What is dear to find out is only looked for when a rule asks.

import type { FilteredProcess } from "../../runtime/filterRules.ts"
import { containerNames } from "../process/containerNames.ts"
import { type ProcessInfo, readNetworkNamespace } from "../process/procfs.ts"

/** `netns`: of a connection of the process, where one is at hand. */
export const filteredProcess = (info: ProcessInfo, netns: number | undefined): FilteredProcess => ({
  pid: info.pid,
  comm: info.comm,
  exe: info.exe === "" ? undefined : info.exe,
  cgroups: info.cgroups.length === 0 ? undefined : info.cgroups,
  get container() {
    if (info.cgroups.length === 0) return undefined
    return info.containerId === "" ? [] : [info.containerId, ...containerNames(info.containerId)]
  },
  get netns() {
    return netns ?? readNetworkNamespace(info.pid)
  },
})

/** One that was gone before anybody looked at it. */
export const goneProcess = (pid: number, comm: string, netns: number): FilteredProcess => ({
  pid,
  comm,
  exe: undefined,
  cgroups: undefined,
  container: undefined,
  netns,
})
