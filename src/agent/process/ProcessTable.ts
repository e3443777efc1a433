// The processes of this host as rows need them: name and service by pid at once, listening ports kept current in the background.
// Entries are read from /proc at first sight (before a short-lived process is gone) and checked against pid reuse by exec events.

import { listPids, type ProcessInfo, readProcess, readSocketInodes, readTcpSockets } from "./procfs.ts"
import { serviceName } from "./serviceName.ts"

export interface ProcessEntry {
  info: ProcessInfo
  service: string
  listening: ReadonlyArray<{ readonly ip: Uint8Array; readonly port: number }>
  /** Requests seen at this process, by protocol number; what the process page shows as captured. */
  readonly requests: Map<number, number>
  /** Set when the process ended; it is forgotten some time later, for rows that arrive late. */
  endedMs: number
  /** Times it was looked at again: young processes still change their title. */
  looks: number
}

const maxEntries = 32_768
/** Refreshes in which a new process is read again. */
const youngLooks = 3
/** How long an ended process is still known. */
const keepEndedMs = 60_000

export class ProcessTable {
  readonly #entries = new Map<number, ProcessEntry>()
  /** Pid of the process that listens on a port (any local address). */
  readonly #listeners = new Map<number, number>()
  #dropped = 0

  /** The process, read from /proc when it is new; undefined when it is gone or the table is full. */
  get(pid: number): ProcessEntry | undefined {
    return this.#entries.get(pid) ?? this.#load(pid)
  }

  #load(pid: number): ProcessEntry | undefined {
    const info = readProcess(pid)
    // Kernel threads have no command line and no program.
    if (info === undefined || (info.args.length === 0 && info.exe === "")) return undefined
    if (this.#entries.size >= maxEntries) {
      this.#dropped++
      return undefined
    }
    const entry: ProcessEntry = {
      info,
      service: serviceName(info.comm, info.args),
      listening: [],
      requests: new Map(),
      endedMs: 0,
      looks: 0,
    }
    this.#entries.set(pid, entry)
    return entry
  }

  #reread(entry: ProcessEntry): void {
    const info = readProcess(entry.info.pid)
    if (info === undefined || info.args.length === 0) return
    entry.info = info
    entry.service = serviceName(info.comm, info.args)
  }

  /** A process began a program: what was known of its pid is old. */
  exec(pid: number): void {
    this.#entries.delete(pid)
    this.#load(pid)
  }

  exit(pid: number, nowMs: number): void {
    const entry = this.#entries.get(pid)
    if (entry !== undefined) entry.endedMs = nowMs
  }

  /** The process listening on a local port, where one is known. */
  listener(port: number): ProcessEntry | undefined {
    const pid = this.#listeners.get(port)
    return pid === undefined ? undefined : this.get(pid)
  }

  /** Brings processes and listening ports up to date with /proc. */
  refresh(nowMs: number): void {
    const pids = listPids()
    const alive = new Set(pids)
    for (const [pid, entry] of this.#entries) {
      if (alive.has(pid)) continue
      if (entry.endedMs === 0) entry.endedMs = nowMs
      else if (nowMs - entry.endedMs > keepEndedMs) this.#entries.delete(pid)
    }
    const byInode = new Map<number, { ip: Uint8Array; port: number }>()
    for (const socket of readTcpSockets()) {
      if (socket.state === 10) byInode.set(socket.inode, { ip: socket.localIp, port: socket.localPort })
    }
    this.#listeners.clear()
    for (const pid of pids) {
      const entry = this.get(pid)
      if (entry === undefined) continue
      if (entry.looks++ < youngLooks) this.#reread(entry)
      const listening: Array<{ ip: Uint8Array; port: number }> = []
      for (const inode of readSocketInodes(pid)) {
        const socket = byInode.get(inode)
        if (socket === undefined || listening.some((one) => one.port === socket.port)) continue
        listening.push(socket)
        // Workers inherit the socket: the oldest process that holds it, usually the master, names the service.
        if (!this.#listeners.has(socket.port)) this.#listeners.set(socket.port, pid)
      }
      entry.listening = listening
    }
  }

  all(): Array<ProcessEntry> {
    return [...this.#entries.values()].filter((entry) => entry.endedMs === 0)
  }

  /** Processes not taken in because the table was full. */
  get dropped(): number {
    return this.#dropped
  }
}
