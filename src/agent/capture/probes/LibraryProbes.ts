// Which files have the kernel's programs for user functions attached: every file that some process maps and in which one of the kinds
// finds a library that it hooks; and the libraries that the dynamic linker gives to programs of this host, before any maps them, so
// that a program that lives for milliseconds is seen. Detached some time after the last process is gone that maps them.

import { closeSync, fstatSync, openSync } from "node:fs"
import type { Feature } from "../../../model/AgentStatus.ts"
import { listPids } from "../../process/procfs.ts"
import type { Probes } from "../native/Addon.ts"
import { probeReason, type Reason } from "../native/privileges.ts"
import { type JavaTls, jvmFileName } from "../tls/java/JavaTls.ts"
import { type MappedFile, mappedFiles } from "./mappedFiles.ts"

/** A program of the kernel side, where in the file it goes, and whether it is called when the function there returns. */
export type Probe = readonly [program: string, offset: number, isReturn: boolean]

export interface Library {
  readonly name: string
  readonly probes: ReadonlyArray<Probe>
}

/** One kind of library. */
export interface ProbeKind {
  /** What it is for, as `sonde doctor` shows it. */
  readonly feature: string
  /** In names of counters. */
  readonly name: string
  /** What of a file is not seen when it cannot be hooked. */
  readonly lacks: (file: string) => string
  /** What a file of this name has of it; undefined: nothing. */
  readonly find: (fd: number, name: string) => Library | undefined
  /** Paths of libraries that programs are going to map. */
  readonly linked: () => ReadonlyArray<string>
  /** So many files are hooked from now on. */
  readonly hooked?: (files: number) => void
}

export interface ProbesTarget {
  attachProbes(path: string, probes: ReadonlyArray<Probe>): Promise<Probes>
  detachProbes(probes: Probes): Promise<void>
  /** The kernel tells of this file again when it is mapped. */
  forgetMapped(key: Uint8Array): void
  /** ... of all files. */
  forgetAllMapped(): void
}

export interface LibraryProbesOptions {
  readonly target: ProbesTarget
  /** Files that such a process maps are left alone, as far as no other maps them. */
  readonly isForbidden: (pid: number) => boolean
  readonly log: (level: "info" | "warn", message: string) => void
}

/** One file that is hooked. */
interface Attached {
  readonly id: string
  readonly kind: ProbeKind
  readonly name: string
  readonly library: string
  readonly isLinked: boolean
  readonly pids: Set<number>
  /** Undefined while it is being attached, or after that failed. */
  probes: Probes | undefined
  /** When the last process that maps it was gone; 0: there is one, or it is not known yet. */
  idleMs: number
  /** All processes are being looked at, whether one of them maps it. */
  isDoubted: boolean
}

const maxAttached = 256
/** Files that hold none are remembered, and looked at again when there are more. */
const maxKnown = 16_384
/** What one look at processes may take of the worker's time. */
const budgetMs = 2
const keepIdleMs = 60_000
/** Names of files in the feature's text. */
const maxNamed = 6

/** On by this hook, or off for a reason. */
export const probeFeature = (name: string, hook: string, reason?: Reason): Feature => ({
  name,
  on: reason === undefined,
  hook,
  missing: reason?.missing ?? "",
  next: reason?.next ?? "",
})

/** What of these files says which library it is, if its own name does not. */
export const hookText = (
  files: ReadonlyArray<{ readonly name: string; readonly library: string }>,
): string => {
  const names = [
    ...new Set(files.map(({ library, name }) => (name.startsWith("lib") ? name : `${name} (${library})`))),
  ]
  if (names.length === 0) return "uprobe: in no file now"
  const more = names.length > maxNamed ? `, ${names.length - maxNamed} more` : ""
  return `uprobe on ${names.slice(0, maxNamed).join(", ")}${more}`
}

export class LibraryProbes {
  /** Is told which processes are JVMs; undefined: these are left as they are. */
  java: JavaTls | undefined
  readonly #options: LibraryProbesOptions
  /** The first that finds something in a file has it. */
  readonly #kinds = new Set<ProbeKind>()
  /** By device, inode and times of its content: survives the names under which a file is mapped, and that it has none any more. */
  readonly #attached = new Map<string, Attached>()
  /** What was looked at, by MappedFile's key; null: nothing to hook. */
  #known = new Map<string, Attached | null>()
  /** Processes to look at, in order. */
  readonly #waiting = new Set<number>()
  /** What the kernel told of processes that wait, by process. */
  readonly #told = new Map<number, Array<Uint8Array>>()
  readonly #changing = new Set<Promise<void>>()
  #refused: Reason | undefined
  #failed = 0
  #isClosed = false

  constructor(options: LibraryProbesOptions) {
    this.#options = options
  }

  /** Libraries of this kind are hooked from now on. */
  add(kind: ProbeKind): void {
    if (this.#kinds.has(kind)) return
    this.#kinds.add(kind)
    this.#known = new Map()
    // Of what was looked at without this kind nothing more would be heard.
    this.#options.target.forgetAllMapped()
    for (const path of kind.linked()) this.#open([path], path.slice(path.lastIndexOf("/") + 1), true)
    for (const pid of listPids()) this.#waiting.add(pid)
  }

  /** And from now on not. */
  drop(kind: ProbeKind): void {
    this.#kinds.delete(kind)
    for (const file of this.#attached.values()) if (file.kind === kind) this.#detach(file)
  }

  /** A process began a program. */
  started(pid: number): void {
    this.java?.ended(pid)
    this.#waiting.add(pid)
  }

  /** A process mapped a file that the kernel had not seen before: `key` is what `forgetMapped` takes. */
  mapped(pid: number, key: Uint8Array): void {
    this.#waiting.add(pid)
    const told = this.#told.get(pid)
    if (told === undefined) this.#told.set(pid, [key])
    else told.push(key)
  }

  ended(pid: number): void {
    this.java?.ended(pid)
    for (const file of this.#attached.values())
      if (file.pids.delete(pid) && file.pids.size === 0) file.idleMs = -1
  }

  /** Looks at processes that wait, as far as the time goes. To be called often. */
  look(): void {
    if (this.#kinds.size === 0) {
      this.#waiting.clear()
      this.#told.clear()
    }
    this.java?.look(performance.now())
    if (this.#waiting.size === 0) return
    const until = performance.now() + budgetMs
    for (const pid of this.#waiting) {
      this.#waiting.delete(pid)
      this.#look(pid)
      if (performance.now() > until) return
    }
  }

  #look(pid: number): void {
    const told = this.#told.get(pid)
    this.#told.delete(pid)
    if (this.#refused !== undefined) return
    const files = this.#options.isForbidden(pid) ? undefined : mappedFiles(pid)
    if (files === undefined) {
      // Nobody looked at what it mapped.
      for (const key of told ?? []) this.#options.target.forgetMapped(key)
      return
    }
    for (const file of files) {
      if (file.name === jvmFileName) this.java?.found(pid)
      const known = this.#known.get(file.key)
      const found = known === undefined ? this.#examine(file) : known
      if (found === null) continue
      found.pids.add(pid)
      found.idleMs = 0
      found.isDoubted = false
    }
  }

  #examine(file: MappedFile): Attached | null {
    if (this.#known.size >= maxKnown) this.#known = new Map()
    const found = this.#open(file.paths, file.name, false)
    this.#known.set(file.key, found)
    return found
  }

  /** The file under one of these paths, attached if there is something to hook in it. */
  #open(paths: ReadonlyArray<string>, name: string, isLinked: boolean): Attached | null {
    let fd: number | undefined
    for (const path of paths) {
      try {
        fd = openSync(path, "r")
        break
      } catch {}
    }
    if (fd === undefined) return null
    try {
      const { birthtimeMs, dev, ino, mtimeMs } = fstatSync(fd)
      const id = `${dev}:${ino}:${birthtimeMs}:${mtimeMs}`
      const known = this.#attached.get(id)
      const found = known === undefined ? this.#find(fd, name) : undefined
      if (found !== undefined && this.#attached.size >= maxAttached) this.#failed++
      else if (found !== undefined) {
        const [kind, library] = found
        const file: Attached = {
          id,
          kind,
          name,
          library: library.name,
          isLinked,
          pids: new Set(),
          probes: undefined,
          idleMs: 0,
          isDoubted: false,
        }
        this.#attached.set(id, file)
        this.#attach(file, fd, library.probes)
        fd = undefined
        return file
      }
      return known ?? null
    } finally {
      if (fd !== undefined) closeSync(fd)
    }
  }

  #find(fd: number, name: string): readonly [ProbeKind, Library] | undefined {
    for (const kind of this.#kinds) {
      const library = kind.find(fd, name)
      if (library !== undefined) return [kind, library]
    }
    return undefined
  }

  /** By the descriptor, so that it is this very file even if its process ends meanwhile. */
  #attach(file: Attached, fd: number, probes: ReadonlyArray<Probe>): void {
    this.#change(
      this.#options.target.attachProbes(`/proc/self/fd/${fd}`, probes).then(
        (attached) => {
          closeSync(fd)
          file.probes = attached
          if (this.#kinds.has(file.kind)) this.#say(file.kind)
          else this.#detach(file)
        },
        (cause: Error & { code?: string }) => {
          closeSync(fd)
          this.#failed++
          const reason = probeReason(cause)
          this.#options.log("warn", `${file.kind.lacks(file.name)}: ${reason.missing}. ${reason.next}`)
          if (reason.isGeneral) this.#refused = reason
        },
      ),
    )
  }

  #change(change: Promise<void>): void {
    const tracked = change.finally(() => this.#changing.delete(tracked))
    this.#changing.add(tracked)
  }

  /** To be called about once a second. */
  expire(nowMs: number): void {
    for (const file of this.#attached.values()) {
      if (file.isLinked || file.idleMs === 0 || file.probes === undefined) continue
      if (file.idleMs < 0) file.idleMs = nowMs
      if (nowMs - file.idleMs < keepIdleMs) continue
      // Children that never began a program of their own were not told of: all are looked at, a few at a time.
      if (!file.isDoubted) {
        file.isDoubted = true
        for (const pid of listPids()) this.#waiting.add(pid)
      } else if (this.#waiting.size === 0) this.#detach(file)
    }
  }

  #detach(file: Attached): void {
    const { probes } = file
    if (probes === undefined) return
    file.probes = undefined
    this.#attached.delete(file.id)
    for (const [key, known] of this.#known) if (known === file) this.#known.delete(key)
    this.#say(file.kind)
    this.#change(this.#options.target.detachProbes(probes))
  }

  #files(kind: ProbeKind): ReadonlyArray<Attached> {
    return [...this.#attached.values()].filter((file) => file.kind === kind && file.probes !== undefined)
  }

  #say(kind: ProbeKind): void {
    kind.hooked?.(this.#files(kind).length)
  }

  stats(): Record<string, number> {
    return {
      ...Object.fromEntries([...this.#kinds].map((kind) => [`${kind.name}_files`, this.#files(kind).length])),
      probes_failed_total: this.#failed,
      /** Processes and files that wait for their turn. */
      probes_waiting: this.#waiting.size + this.#changing.size,
      ...this.java?.stats(),
    }
  }

  /** Undefined: it was not added, or dropped. */
  feature(kind: ProbeKind): Feature | undefined {
    if (!this.#kinds.has(kind)) return undefined
    return this.#refused === undefined
      ? probeFeature(kind.feature, hookText(this.#files(kind)))
      : probeFeature(kind.feature, "", this.#refused)
  }

  /** Settles what is under way; for tests and the end. */
  async settle(): Promise<void> {
    while (this.#changing.size > 0) await Promise.all(this.#changing)
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#waiting.clear()
    await this.java?.close()
    await this.settle()
    for (const file of this.#attached.values()) this.#detach(file)
    await this.settle()
  }
}
