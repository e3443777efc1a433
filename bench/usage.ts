// What processes have used so far, from /proc.

import { readdirSync, readFileSync } from "node:fs"
import { listPids, readProcess } from "../src/agent/process/procfs.ts"

export interface Usage {
  /** Time on a CPU, all threads. */
  readonly cpuNs: number
  /** Bytes that went through read(2) and its kind. */
  readonly readBytes: number
}

/** A process and all below it. */
export const familyOf = (pid: number): ReadonlyArray<number> => {
  const family = new Set([pid])
  // A child's number is nearly always the greater one, not always.
  for (let size = 0; size < family.size;) {
    size = family.size
    for (const one of listPids()) if (family.has(readProcess(one)?.parentPid ?? 0)) family.add(one)
  }
  return [...family]
}

/** Since the start of these processes; threads that ended are not counted. */
export const usage = (pids: ReadonlyArray<number>): Usage => {
  let cpuNs = 0
  let readBytes = 0
  for (const pid of pids) {
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        cpuNs += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0])
      }
      readBytes += Number(/^rchar: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0)
    } catch {}
  }
  return { cpuNs, readBytes }
}

export interface Memory {
  readonly pid: number
  readonly name: string
  readonly anonymousKiB: number
  /** Pages of libraries and programs: the kernel drops them when it needs the room. */
  readonly fileBackedKiB: number
}

export const memory = (pid: number): Memory => {
  const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8")
  const field = (name: string): number =>
    Number(new RegExp(`^${name}: +(\\d+) kB`, "m").exec(rollup)?.[1] ?? 0)
  const rss = field("Rss")
  const anonymous = field("Anonymous")
  return { pid, name: readProcess(pid)?.comm ?? "", anonymousKiB: anonymous, fileBackedKiB: rss - anonymous }
}
