// Reads what /proc tells of a process, of its sockets and of listening ports. Every reader answers undefined or an empty list
// for a process that is gone or hidden; none throws.

import { readdirSync, readFileSync, readlinkSync } from "node:fs"

export interface ProcessInfo {
  readonly pid: number
  readonly parentPid: number
  readonly comm: string
  readonly args: ReadonlyArray<string>
  /** Path of the program; empty where it may not be read. */
  readonly exe: string
  readonly uid: number
  readonly containerId: string
  /** Clock ticks since boot at which the process started: tells a reused pid. */
  readonly startTicks: number
}

const read = (path: string): string | undefined => {
  try {
    return readFileSync(path, "utf8")
  } catch {
    return undefined
  }
}

const link = (path: string): string => {
  try {
    return readlinkSync(path)
  } catch {
    return ""
  }
}

/** Docker, containerd, CRI-O and Podman put 64 hexadecimal digits into the control group's path. */
const containerIdPattern = /[0-9a-f]{64}/

export const readProcess = (pid: number): ProcessInfo | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name is in parentheses and may itself hold any of them: fields follow the last ")".
  const nameEnd = stat.lastIndexOf(")")
  const fields = stat.slice(nameEnd + 2).split(" ")
  const commandLine = read(`/proc/${pid}/cmdline`) ?? ""
  const uid = /^Uid:\s+(\d+)/m.exec(read(`/proc/${pid}/status`) ?? "")
  return {
    pid,
    parentPid: Number(fields[1]),
    comm: stat.slice(stat.indexOf("(") + 1, nameEnd),
    args: commandLine.split("\0").filter((part, index, all) => part !== "" || index < all.length - 1),
    exe: link(`/proc/${pid}/exe`),
    uid: uid === null ? -1 : Number(uid[1]),
    containerId: containerIdPattern.exec(read(`/proc/${pid}/cgroup`) ?? "")?.[0] ?? "",
    startTicks: Number(fields[19]),
  }
}

/** Ids of all processes visible here. */
export const listPids = (): Array<number> => {
  try {
    return readdirSync("/proc")
      .map(Number)
      .filter((pid) => Number.isInteger(pid) && pid > 0)
  } catch {
    return []
  }
}

export interface SocketLine {
  /** 16 bytes, IPv4 as ::ffff:a.b.c.d. */
  readonly localIp: Uint8Array
  readonly localPort: number
  readonly remoteIp: Uint8Array
  readonly remotePort: number
  /** TCP state as the kernel numbers it; 1 established, 10 listening. */
  readonly state: number
  readonly inode: number
}

/** /proc/net/tcp prints each 32-bit word in host (little-endian) byte order. */
const address = (hex: string): Uint8Array => {
  const ip = new Uint8Array(16)
  const words = hex.length / 8
  for (let word = 0; word < words; word++) {
    for (let byte = 0; byte < 4; byte++) {
      const at = word * 8 + (3 - byte) * 2
      ip[(words === 1 ? 12 : word * 4) + byte] = Number.parseInt(hex.slice(at, at + 2), 16)
    }
  }
  if (words === 1) ip[10] = ip[11] = 0xff
  return ip
}

/** The TCP sockets of a process' network namespace. */
export const readTcpSockets = (pid: number | "self" = "self"): Array<SocketLine> => {
  const sockets: Array<SocketLine> = []
  for (const file of ["tcp", "tcp6"]) {
    const lines = (read(`/proc/${pid}/net/${file}`) ?? "").split("\n")
    for (let i = 1; i < lines.length; i++) {
      const fields = lines[i]!.trim().split(/\s+/)
      if (fields.length < 10) continue
      const [localIp, localPort] = fields[1]!.split(":") as [string, string]
      const [remoteIp, remotePort] = fields[2]!.split(":") as [string, string]
      sockets.push({
        localIp: address(localIp),
        localPort: Number.parseInt(localPort, 16),
        remoteIp: address(remoteIp),
        remotePort: Number.parseInt(remotePort, 16),
        state: Number.parseInt(fields[3]!, 16),
        inode: Number(fields[9]),
      })
    }
  }
  return sockets
}

/** Inodes of the sockets a process holds open; at most `limit` descriptors are looked at. */
export const readSocketInodes = (pid: number, limit = 4_096): Array<number> => {
  let descriptors: Array<string>
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`)
  } catch {
    return []
  }
  const inodes: Array<number> = []
  for (const descriptor of descriptors.slice(0, limit)) {
    const target = link(`/proc/${pid}/fd/${descriptor}`)
    if (target.startsWith("socket:[")) inodes.push(Number(target.slice(8, -1)))
  }
  return inodes
}
