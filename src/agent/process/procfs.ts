// Reads what /proc tells of a process, of its sockets and of listening ports. Every reader answers undefined or an empty list
// for a process that is gone or hidden; none throws.

import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from "node:fs"

export interface ProcessInfo {
  readonly pid: number
  readonly parentPid: number
  readonly comm: string
  readonly args: ReadonlyArray<string>
  /** Path of the program; empty where it may not be read. */
  readonly exe: string
  readonly uid: number
  readonly containerId: string
  /** Paths of its control groups, one for each hierarchy in which it has another. */
  readonly cgroups: ReadonlyArray<string>
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

/** Lines are "hierarchy:controllers:path". */
const cgroupPaths = (text: string): ReadonlyArray<string> => [
  ...new Set(text.split("\n").flatMap((line) => /^\d+:[^:]*:(.+)$/.exec(line)?.[1] ?? [])),
]

/** Inode number of its network namespace; undefined when it is gone or hidden. */
export const readNetworkNamespace = (pid: number): number | undefined => {
  const number = /^net:\[(\d+)\]$/.exec(link(`/proc/${pid}/ns/net`))?.[1]
  return number === undefined ? undefined : Number(number)
}

/** Arguments, one for each of `/proc/PID/cmdline`. */
const argumentsOf = (commandLine: string): ReadonlyArray<string> =>
  commandLine.split("\0").filter((part, index, all) => part !== "" || index < all.length - 1)

const userOf = (status: string): number => {
  const uid = /^Uid:\s+(\d+)/m.exec(status)
  return uid === null ? -1 : Number(uid[1])
}

/** Whether a process may have another title, name or user by now; a fraction of what reading all of it takes. */
export const hasChanged = ({ args, comm, pid, uid }: ProcessInfo): boolean => {
  const status = read(`/proc/${pid}/status`) ?? ""
  const now = argumentsOf(read(`/proc/${pid}/cmdline`) ?? "")
  return (
    userOf(status) !== uid ||
    !status.startsWith(`Name:\t${comm}\n`) ||
    now.length !== args.length ||
    now.some((part, at) => part !== args[at])
  )
}

export const readProcess = (pid: number): ProcessInfo | undefined => {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === undefined) return undefined
  // The name is in parentheses and may itself hold any of them: fields follow the last ")".
  const nameEnd = stat.lastIndexOf(")")
  const fields = stat.slice(nameEnd + 2).split(" ")
  const commandLine = read(`/proc/${pid}/cmdline`) ?? ""
  const cgroup = read(`/proc/${pid}/cgroup`) ?? ""
  return {
    pid,
    parentPid: Number(fields[1]),
    comm: stat.slice(stat.indexOf("(") + 1, nameEnd),
    args: argumentsOf(commandLine),
    exe: link(`/proc/${pid}/exe`),
    uid: userOf(read(`/proc/${pid}/status`) ?? ""),
    containerId: containerIdPattern.exec(cgroup)?.[0] ?? "",
    cgroups: cgroupPaths(cgroup),
    startTicks: Number(fields[19]),
  }
}

/** The kernel's name of a process; empty when it is gone. */
export const readComm = (pid: number): string => read(`/proc/${pid}/comm`)?.trimEnd() ?? ""

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

export interface ListeningSocket {
  /** 16 bytes, IPv4 as ::ffff:a.b.c.d. */
  readonly ip: Uint8Array
  readonly port: number
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

const listening = "0A"
const chunkBytes = 16_384
/** More than a line has. */
const mostLine = 512

/** Calls `line` with each line but the first of a file, for as long as it answers true, and reads no further. */
const eachLine = (path: string, line: (text: string) => boolean): void => {
  let fd: number
  try {
    fd = openSync(path, "r")
  } catch {
    return
  }
  try {
    const chunk = Buffer.alloc(chunkBytes)
    let rest = ""
    let isFirst = true
    while (rest.length < mostLine) {
      const length = readSync(fd, chunk)
      const lines = (rest + chunk.toString("latin1", 0, length)).split("\n")
      rest = lines.pop()!
      for (const text of lines) {
        if (!isFirst && !line(text)) return
        isFirst = false
      }
      if (length === 0) return
    }
  } catch {
    // The process has ended meanwhile.
  } finally {
    closeSync(fd)
  }
}

/**
 * The TCP sockets that listen in a process' network namespace. The kernel lists them in front of all connections, so that these are
 * not read, however many there are.
 */
export const readListeningSockets = (pid: number | "self" = "self"): Array<ListeningSocket> => {
  const sockets: Array<ListeningSocket> = []
  for (const file of ["tcp", "tcp6"]) {
    eachLine(`/proc/${pid}/net/${file}`, (line) => {
      const fields = line.trim().split(/\s+/)
      if (fields[3] !== listening) return false
      const [ip, port] = fields[1]!.split(":") as [string, string]
      sockets.push({ ip: address(ip), port: Number.parseInt(port, 16), inode: Number(fields[9]) })
      return true
    })
  }
  return sockets
}

export interface TcpSocket extends ListeningSocket {
  readonly remoteIp: Uint8Array
  readonly remotePort: number
}

/** All TCP sockets of a process' network namespace, by inode. Takes a millisecond for some hundred of them. */
export const readTcpSockets = (pid: number | "self"): ReadonlyMap<number, TcpSocket> => {
  const sockets = new Map<number, TcpSocket>()
  for (const file of ["tcp", "tcp6"]) {
    eachLine(`/proc/${pid}/net/${file}`, (line) => {
      const fields = line.trim().split(/\s+/)
      const inode = Number(fields[9])
      // One that waits for its end has none.
      if (!(inode > 0)) return true
      const [ip, port] = fields[1]!.split(":") as [string, string]
      const [remoteIp, remotePort] = fields[2]!.split(":") as [string, string]
      sockets.set(inode, {
        ip: address(ip),
        port: Number.parseInt(port, 16),
        remoteIp: address(remoteIp),
        remotePort: Number.parseInt(remotePort, 16),
        inode,
      })
      return true
    })
  }
  return sockets
}

/** Inode of the socket behind a descriptor; 0: it is none, undefined: there is no such descriptor any more. */
export const readSocketInode = (pid: number, fd: number): number | undefined => {
  const target = link(`/proc/${pid}/fd/${fd}`)
  if (target === "") return undefined
  return target.startsWith("socket:[") ? Number(target.slice(8, -1)) : 0
}

/** Which network namespace a process is in; empty: it is gone. */
export const readNetns = (pid: number): string => link(`/proc/${pid}/ns/net`)

export interface Descriptors {
  /** Inodes of sockets. */
  readonly sockets: ReadonlyArray<number>
  /** Their descriptors, in the same order. */
  readonly fds: ReadonlyArray<number>
}

/** What a process holds open; at most `limit` descriptors are looked at. */
export const readDescriptors = (pid: number, limit = 4_096): Descriptors => {
  let descriptors: Array<string>
  try {
    descriptors = readdirSync(`/proc/${pid}/fd`)
  } catch {
    return { sockets: [], fds: [] }
  }
  const sockets: Array<number> = []
  const fds: Array<number> = []
  for (const descriptor of descriptors.slice(0, limit)) {
    const target = link(`/proc/${pid}/fd/${descriptor}`)
    if (target.startsWith("socket:[")) {
      sockets.push(Number(target.slice(8, -1)))
      fds.push(Number(descriptor))
    }
  }
  return { sockets, fds }
}
