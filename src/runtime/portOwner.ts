// Who listens on a TCP port of this host, as far as /proc tells: for the message that a port is taken.

import { readdirSync, readFileSync, readlinkSync } from "node:fs"

const listening = "0A"

const read = (path: string): string => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return ""
  }
}

const list = (path: string): ReadonlyArray<string> => {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

const link = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ""
  }
}

/** Columns of /proc/net/tcp: slot, local address:port, remote, state, ..., inode (the tenth). */
const listenerInodes = (port: number): ReadonlySet<string> => {
  const suffix = `:${port.toString(16).toUpperCase().padStart(4, "0")}`
  const rows = (read("/proc/net/tcp") + read("/proc/net/tcp6"))
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
  return new Set(
    rows.filter((row) => row[3] === listening && row[1].endsWith(suffix)).map((row) => `socket:[${row[9]}]`),
  )
}

/** `pid N (name)`, or undefined when the owner cannot be seen (it belongs to another user). */
export const portOwner = (port: number): string | undefined => {
  const inodes = listenerInodes(port)
  if (inodes.size === 0) return undefined
  for (const pid of list("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    if (list(`/proc/${pid}/fd`).some((fd) => inodes.has(link(`/proc/${pid}/fd/${fd}`)))) {
      return `pid ${pid} (${read(`/proc/${pid}/comm`).trim()})`
    }
  }
  return undefined
}
