// The processes of this host as rows need them: name and service by pid at once, listening ports kept current in the background.
// Entries are read from /proc at first sight (before a short-lived process is gone) and checked against pid reuse by exec events.
// What the background costs grows with what is new, not with what there is: a host may have ten thousand processes.

import { existsSync } from "node:fs"
import { uptime } from "node:os"
import { ListeningPorts, type ListeningPort } from "./ListeningPorts.ts"
import {
  hasChanged,
  listPids,
  type ProcessInfo,
  readDescriptors,
  readListeningSockets,
  readProcess,
} from "./procfs.ts"
import { serviceName } from "./serviceName.ts"

export interface ProcessEntry {
  info: ProcessInfo
  service: string
  listening: ReadonlyArray<ListeningPort>
  /** It has io_uring work with sockets. */
  usesRing: boolean
  /** Requests seen at this process, by protocol number; what the process page shows as captured. */
  readonly requests: Map<number, number>
  /** Set when the process ended; it is forgotten some time later, for rows that arrive late. */
  endedMs: number
  /** Times it was looked at again: young processes still change their title. */
  looks: number
}

const defaultMaxEntries = 32_768
/** Looks at which a young process is read again. */
const youngLooks = 3
/** A process of this age has the title that it wants. */
const youngSeconds = 20
/** USER_HZ is 100 on every architecture Linux runs on today. */
const ticksPerSecond = 100
/** How long an ended process is still known. */
const keepEndedMs = 60_000
/** A socket that listens may be handed to a process that is known: so often everybody is asked what it holds. */
const everybodyMs = 300_000

export class ProcessTable {
  readonly #entries = new Map<number, ProcessEntry>()
  /** Those of them that ended, in that order: the first make room for new ones. */
  readonly #ended = new Set<number>()
  /** Numbers of what is no program: threads of the kernel, and processes that wait to be taken note of. */
  readonly #others = new Set<number>()
  readonly #ports = new ListeningPorts()
  /** To be read, or read again. */
  readonly #toRead = new Set<number>()
  /** Whose descriptors are to be looked at. */
  readonly #toAsk = new Set<number>()
  #askedMs = -everybodyMs
  #dropped = 0
  readonly #maxEntries: number

  constructor(maxEntries = defaultMaxEntries) {
    this.#maxEntries = maxEntries
  }

  /** The process, read from /proc when it is new; undefined when it is gone or the table is full. */
  get(pid: number): ProcessEntry | undefined {
    return this.#entries.get(pid) ?? this.#load(pid)
  }

  /** The process that has the number now: of one that ended /proc is asked again. Undefined when it is gone. */
  now(pid: number): ProcessEntry | undefined {
    const entry = this.get(pid)
    return entry === undefined || entry.endedMs === 0 ? entry : this.#again(entry)
  }

  /** The number came back without a program of its own. */
  #again({ info: { pid, startTicks } }: ProcessEntry): ProcessEntry | undefined {
    const info = readProcess(pid)
    if (info === undefined || info.startTicks === startTicks) return undefined
    this.#forget(pid)
    this.#ports.gone(pid)
    return this.#load(pid)
  }

  /** No process has this number. */
  isGone(pid: number): boolean {
    return this.known(pid) === undefined && !existsSync(`/proc/${pid}`)
  }

  /** The process that has this number now, if it was looked at before. */
  known(pid: number): ProcessEntry | undefined {
    const entry = this.#entries.get(pid)
    return entry === undefined || entry.endedMs !== 0 ? undefined : entry
  }

  #load(pid: number): ProcessEntry | undefined {
    const info = readProcess(pid)
    if (info === undefined) return undefined
    // Kernel threads have no command line and no program.
    if (info.args.length === 0 && info.exe === "") {
      if (this.#others.size < this.#maxEntries) this.#others.add(pid)
      return undefined
    }
    if (this.#entries.size >= this.#maxEntries) {
      const oldest = this.#ended.values().next().value
      if (oldest === undefined) {
        this.#dropped++
        return undefined
      }
      this.#forget(oldest)
    }
    const entry: ProcessEntry = {
      info,
      service: serviceName(info.comm, info.args),
      listening: [],
      usesRing: false,
      requests: new Map(),
      endedMs: 0,
      looks: uptime() - info.startTicks / ticksPerSecond > youngSeconds ? youngLooks : 0,
    }
    this.#entries.set(pid, entry)
    return entry
  }

  #reread(entry: ProcessEntry): void {
    if (!hasChanged(entry.info)) return
    const info = readProcess(entry.info.pid)
    if (info === undefined || info.args.length === 0) return
    entry.info = info
    entry.service = serviceName(info.comm, info.args)
  }

  /** A process began a program: what was known of its pid is old. */
  exec(pid: number): void {
    this.#forget(pid)
    this.#others.delete(pid)
    this.#load(pid)
  }

  exit(pid: number, nowMs: number): void {
    const entry = this.#entries.get(pid)
    if (entry === undefined || entry.endedMs !== 0) return
    entry.endedMs = nowMs
    this.#ended.add(pid)
  }

  #forget(pid: number): void {
    this.#entries.delete(pid)
    this.#ended.delete(pid)
  }

  /** A process was seen having io_uring work with a socket. */
  usesRing(pid: number): void {
    const entry = this.get(pid)
    if (entry !== undefined) entry.usesRing = true
  }

  /** The process listening on a local port, where one is known. */
  listener(port: number): ProcessEntry | undefined {
    const pid = this.#ports.owner(port)
    return pid === undefined ? undefined : this.get(pid)
  }

  /** What a process listens on; looked up when it is young and nothing is known of that. */
  listening(pid: number): ReadonlyArray<ListeningPort> {
    const entry = this.get(pid)
    if (entry === undefined) return []
    if (entry.listening.length === 0 && entry.looks < youngLooks) {
      entry.looks++
      this.#ports.update(readListeningSockets())
      this.#ask(pid)
    }
    return entry.listening
  }

  /** Brings processes and listening ports up to date with /proc, at once. */
  refresh(nowMs: number): void {
    this.begin(nowMs)
    this.look(Number.POSITIVE_INFINITY)
  }

  /** Finds out what is new; `look` reads it. To be called every few seconds. */
  begin(nowMs: number): void {
    const pids = listPids()
    const alive = new Set(pids)
    for (const [pid, entry] of this.#entries) {
      if (alive.has(pid)) continue
      this.#ports.gone(pid)
      if (entry.endedMs === 0) this.exit(pid, nowMs)
    }
    for (const pid of this.#ended) {
      if (nowMs - this.#entries.get(pid)!.endedMs <= keepEndedMs) break
      this.#forget(pid)
    }
    for (const pid of this.#others) if (!alive.has(pid)) this.#others.delete(pid)
    const { changed, hasUnheld, isUnheld } = this.#ports.update(readListeningSockets())
    for (const pid of changed) {
      const entry = this.#entries.get(pid)
      if (entry !== undefined) entry.listening = this.#ports.of(pid)
    }
    const isEverybody = isUnheld || nowMs - this.#askedMs >= everybodyMs
    if (isEverybody) {
      this.#askedMs = nowMs
      // One of them may have ended, and its number be that of a program by now.
      this.#others.clear()
    }
    for (const pid of pids) {
      const entry = this.#entries.get(pid)
      if (entry === undefined) {
        if (!this.#others.has(pid)) this.#toRead.add(pid)
      } else if (entry.endedMs > 0) this.#toRead.add(pid)
      else if (entry.looks < youngLooks) {
        entry.looks++
        this.#toRead.add(pid)
        if (hasUnheld) this.#toAsk.add(pid)
      } else if (isEverybody) this.#toAsk.add(pid)
    }
  }

  /** Reads what waits, until the time (of `performance.now`); true when nothing waits any more. To be called often. */
  look(untilMs: number): boolean {
    for (const pid of this.#toRead) {
      this.#toRead.delete(pid)
      const entry = this.#entries.get(pid)
      if (entry !== undefined && entry.endedMs > 0) {
        if (this.#again(entry) !== undefined) this.#toAsk.add(pid)
      } else if (entry !== undefined) this.#reread(entry)
      else if (this.#load(pid) !== undefined) this.#toAsk.add(pid)
      if (performance.now() > untilMs) return false
    }
    for (const pid of this.#toAsk) {
      this.#toAsk.delete(pid)
      this.#ask(pid)
      if (performance.now() > untilMs) return false
    }
    return true
  }

  #ask(pid: number): void {
    const entry = this.#entries.get(pid)
    if (entry === undefined || entry.endedMs > 0) return
    entry.listening = this.#ports.holds(pid, readDescriptors(pid).sockets)
  }

  all(): Array<ProcessEntry> {
    return [...this.#entries.values()].filter((entry) => entry.endedMs === 0)
  }

  /** Processes not taken in because the table was full. */
  get dropped(): number {
    return this.#dropped
  }

  /** Processes that are still to be looked at. */
  get waiting(): number {
    return this.#toRead.size + this.#toAsk.size
  }
}
