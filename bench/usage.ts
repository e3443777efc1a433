// What processes have used so far, from /proc.

import { readdirSync, readFileSync } from "node:fs"
import { listPids, readProcess } from "../src/agent/process/procfs.ts"

export interface Usage {
  /** Time on a CPU, all threads. */
  readonly cpuNs: number
  /** write(2), writev(2) and their kind. */
  readonly writes: number
}

/** A process and its children. */
export const familyOf = (pid: number): ReadonlyArray<number> =>
  listPids().filter((one) => one === pid || readProcess(one)?.parentPid === pid)

/** Since the start of these processes; threads that ended are not counted. */
export const usage = (pids: ReadonlyArray<number>): Usage => {
  let cpuNs = 0
  let writes = 0
  for (const pid of pids) {
    try {
      for (const thread of readdirSync(`/proc/${pid}/task`)) {
        cpuNs += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0])
      }
      writes += Number(/^syscw: (\d+)/m.exec(readFileSync(`/proc/${pid}/io`, "utf8"))?.[1] ?? 0)
    } catch {}
  }
  return { cpuNs, writes }
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
