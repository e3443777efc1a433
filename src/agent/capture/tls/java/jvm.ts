// What must be known of a process before anything is asked of the JVM within: read from /proc, where a JVM has no say.

import { readFileSync } from "node:fs"

export interface Jvm {
  readonly pid: number
  /** Its number in its own namespace, by which its files are named. */
  readonly ownPid: number
  readonly uid: number
  readonly gid: number
  /** Its temporary directory as seen from here; a JVM always takes /tmp. */
  readonly tmp: string
  /**
   * It handles the signal by which a JVM is asked to listen. Others would die of it: a JVM that has not begun yet, or that leaves signals
   * alone (-Xrs).
   */
  readonly listensToSignal: boolean
  /** It was told not to be attached to, and would print its threads instead. */
  readonly isRefusing: boolean
}

const quit = 3
const refusal = "-XX:+DisableAttachMechanism"

const line = (status: string, name: string): ReadonlyArray<string> =>
  new RegExp(`^${name}:\\s*(.*)$`, "m").exec(status)?.[1]?.split(/\s+/) ?? []

/** From the texts of /proc/PID/status, cmdline, environ. */
export const describeJvm = (pid: number, status: string, told: string): Jvm | undefined => {
  const ownPid = Number(line(status, "NSpid").at(-1))
  const uid = Number(line(status, "Uid")[1])
  const gid = Number(line(status, "Gid")[1])
  const caught = line(status, "SigCgt")[0]
  if (!(ownPid > 0 && uid >= 0 && gid >= 0) || caught === undefined || !/^[0-9a-f]+$/.test(caught))
    return undefined
  return {
    pid,
    ownPid,
    uid,
    gid,
    tmp: `/proc/${pid}/root/tmp`,
    listensToSignal: (BigInt(`0x${caught}`) & (1n << BigInt(quit - 1))) !== 0n,
    isRefusing: told.includes(refusal),
  }
}

/** Undefined: the process is gone or hidden. */
export const readJvm = (pid: number): Jvm | undefined => {
  try {
    const [status, ...told] = ["status", "cmdline", "environ"].map((name) =>
      readFileSync(`/proc/${pid}/${name}`, "latin1"),
    )
    return describeJvm(pid, status!, told.join("\0"))
  } catch {
    return undefined
  }
}
