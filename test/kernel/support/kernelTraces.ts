// What a process has in the kernel, of every kind that could outlive it, and what of it is still there: BPF programs, maps and links,
// perf events on functions, packet sockets; and what would stay for sure: pinned objects, events in tracefs, modes of interfaces.

import { execFileSync } from "node:child_process"
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { packetSockets, packetSocketsOf } from "./kernelObjects.ts"

const bpftool = "/usr/sbin/bpftool"

const kinds = ["prog", "map", "link"] as const
type Kind = (typeof kinds)[number]

export interface Held extends Readonly<Record<Kind, ReadonlyArray<number>>> {
  /** Functions of files that it has programs on. */
  readonly functions: number
  readonly packetSockets: ReadonlyArray<string>
}

const list = <A>(...args: ReadonlyArray<string>): ReadonlyArray<A> =>
  JSON.parse(execFileSync(bpftool, ["-j", ...args], { encoding: "utf8", maxBuffer: 2 ** 26 })) as Array<A>

const functionsOf = (pid: number): number =>
  list<{ readonly pid: number; readonly fd_type: string }>("perf", "list").filter(
    (event) => event.pid === pid && event.fd_type.includes("uprobe"),
  ).length

export const heldBy = (pid: number): Held => {
  const folder = `/proc/${pid}/fdinfo`
  const infos = readdirSync(folder).flatMap((fd) => {
    try {
      return [readFileSync(join(folder, fd), "utf8")]
    } catch {
      return []
    }
  })
  const ids = (kind: Kind): ReadonlyArray<number> => [
    ...new Set(
      infos.flatMap((info) => new RegExp(`^${kind}_id:\\s+(\\d+)$`, "m").exec(info)?.[1] ?? []).map(Number),
    ),
  ]
  return {
    prog: ids("prog"),
    map: ids("map"),
    link: ids("link"),
    functions: functionsOf(pid),
    packetSockets: packetSocketsOf(pid),
  }
}

/** What of it the kernel still has; empty: nothing. */
export const leftOf = (held: Held, pid: number): ReadonlyArray<string> => [
  ...kinds.flatMap((kind) => {
    const known = new Set(list<{ readonly id: number }>(kind, "list").map(({ id }) => id))
    return held[kind].filter((id) => known.has(id)).map((id) => `${kind} ${id}`)
  }),
  ...(functionsOf(pid) > 0 ? ["uprobes"] : []),
  ...packetSockets()
    .filter((inode) => held.packetSockets.includes(inode))
    .map((inode) => `packet socket ${inode}`),
]

/** Of the whole machine, as text to compare: what is there until somebody takes it away. */
export const lastingState = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "sonde-tracefs-"))
  try {
    // tracefs is one and the same wherever it is mounted; instances, events on functions of the kernel and of programs.
    const script = `mount -t tracefs tracefs ${folder} && cd ${folder} &&
      ls instances && cat kprobe_events uprobe_events dynamic_events 2>/dev/null; find /sys/fs/bpf -mindepth 1`
    const events = execFileSync("unshare", ["-m", "sh", "-c", script], { encoding: "utf8" })
    const links = JSON.parse(
      execFileSync("/usr/sbin/ip", ["-j", "-d", "link"], { encoding: "utf8" }),
    ) as Array<{
      readonly ifname: string
      readonly promiscuity?: number
      readonly xdp?: unknown
    }>
    const modes = links.map(({ ifname, promiscuity, xdp }) => ({ ifname, promiscuity, xdp }))
    return `${events}\n${JSON.stringify(modes)}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
