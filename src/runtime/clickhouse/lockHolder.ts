// Who holds the lock on a file, as the kernel tells it (/proc/locks): no lock file of our own that could be stale.

import { readdirSync, readFileSync, readlinkSync, realpathSync, statSync } from "node:fs"

export interface LockHolder {
  /** 0 when the holder is in another process namespace. */
  readonly pid: number
  readonly command: string
  /** The holder's parent is gone: it is ending. */
  readonly isOrphan: boolean
}

const read = (path: string): string => {
  try {
    return readFileSync(path, "latin1")
  } catch {
    return ""
  }
}

const commandOf = (pid: number): string => read(`/proc/${pid}/cmdline`).replaceAll("\0", " ").trim()

const parentOf = (pid: number): number =>
  Number(/^PPid:\s*(\d+)/m.exec(read(`/proc/${pid}/status`))?.[1] ?? 0)

/** Inode numbers repeat from file system to file system; what cannot be looked at counts as open. */
const hasOpen = (pid: number, path: string): boolean => {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      try {
        return readlinkSync(`/proc/${pid}/fd/${fd}`) === path
      } catch {
        return false
      }
    })
  } catch {
    return true
  }
}

/** `locks` is the text of /proc/locks, whose lines read `1: FLOCK ADVISORY WRITE pid major:minor:inode start end`. */
export const pidOfLock = (locks: string, inode: number): number | undefined => {
  for (const line of locks.split("\n")) {
    const fields = line.trim().split(/\s+/)
    if (fields[1] === "FLOCK" && Number(fields[5]?.split(":")[2]) === inode)
      return Math.max(0, Number(fields[4]))
  }
  return undefined
}

/** The holder of `path`; undefined when nobody holds it or there is no such file. */
export const lockHolder = (path: string): LockHolder | undefined => {
  const inode = statSync(path, { throwIfNoEntry: false })?.ino
  if (inode === undefined) return undefined
  const pid = pidOfLock(read("/proc/locks"), inode)
  if (pid === undefined) return undefined
  if (pid === 0) return { pid, command: "a process of another container", isOrphan: false }
  if (!hasOpen(pid, realpathSync(path))) return undefined
  const parent = parentOf(pid)
  const command = parent > 1 ? commandOf(parent) : commandOf(pid)
  return { pid: parent > 1 ? parent : pid, command: command.slice(0, 120), isOrphan: parent <= 1 }
}
