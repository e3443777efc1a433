// What a process holds in the kernel: BPF programs by its descriptors, packet sockets by theirs. For tests that nothing is left.

import { execFileSync } from "node:child_process"
import { readdirSync, readFileSync, readlinkSync } from "node:fs"

/** Of each descriptor; those that are closed meanwhile are left out. */
const eachDescriptor = (pid: number, read: (fd: string) => string): ReadonlyArray<string> =>
  readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return [read(fd)]
    } catch {
      return []
    }
  })

/** Ids of the BPF programs that this process has loaded. */
export const programsOf = (pid: number): ReadonlyArray<number> => {
  const infos = eachDescriptor(pid, (fd) => readFileSync(`/proc/${pid}/fdinfo/${fd}`, "utf8"))
  return [...new Set(infos.flatMap((info) => /^prog_id:\s+(\d+)$/m.exec(info)?.[1] ?? []).map(Number))]
}

const list = (kind: "prog" | "link"): ReadonlyArray<{ readonly id: number; readonly prog_id?: number }> =>
  JSON.parse(execFileSync("/usr/sbin/bpftool", ["-j", kind, "list"], { encoding: "utf8" }))

/** Those of these programs that the kernel still has, loaded or attached. */
export const remaining = (ids: ReadonlyArray<number>): ReadonlyArray<number> => {
  const known = new Set([...list("prog").map(({ id }) => id), ...list("link").map(({ prog_id: id }) => id)])
  return ids.filter((id) => known.has(id))
}

/** Inodes of this process's packet sockets. */
export const packetSocketsOf = (pid: number): ReadonlyArray<string> => {
  const rows = readFileSync(`/proc/${pid}/net/packet`, "utf8").trim().split("\n").slice(1)
  const packetInodes = new Set(rows.map((row) => row.trim().split(/\s+/).at(-1)!))
  return eachDescriptor(pid, (fd) => readlinkSync(`/proc/${pid}/fd/${fd}`))
    .flatMap((target) => /^socket:\[(\d+)\]$/.exec(target)?.[1] ?? [])
    .filter((inode) => packetInodes.has(inode))
}

/** Inodes of all packet sockets of the network namespace, among them those of closed descriptors. */
export const packetSockets = (): ReadonlyArray<string> =>
  readFileSync("/proc/net/packet", "utf8")
    .trim()
    .split("\n")
    .slice(1)
    .map((row) => row.trim().split(/\s+/).at(-1)!)
