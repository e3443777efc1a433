// What a thread waits in: event loops wait in epoll for whatever comes next, threads that serve one request at a time in the call that they
// need an answer from.

import { readFileSync } from "node:fs"

/** epoll_wait, epoll_pwait, epoll_pwait2 of x86-64 */
const epollCalls: ReadonlySet<number> = new Set([232, 281, 441])

/** Undefined: the thread runs, is gone, or may not be looked at. */
export const waitsAsLoop = (tid: number): boolean | undefined => {
  try {
    // proc_pid_syscall(5): number and arguments, or "running"; -1 outside of system calls.
    const call = Number.parseInt(readFileSync(`/proc/${tid}/syscall`, "latin1"), 10)
    return Number.isNaN(call) || call < 0 ? undefined : epollCalls.has(call)
  } catch {
    return undefined
  }
}
