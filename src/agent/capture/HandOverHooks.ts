// Hooks by which the kernel tells who wakes whom: on wake-ups of threads while a process is watched that has no goroutines, and on the
// runtime of each Go program that is watched. Nothing is attached while nobody is.

import { closeSync, fstatSync, openSync } from "node:fs"
import type { Feature } from "../../model/AgentStatus.ts"
import type { Watcher } from "../trace/HandOvers.ts"
import type { Probes } from "./native/Addon.ts"
import { probeReason, type Reason } from "./native/privileges.ts"
import { goFunctions } from "./tls/goFunctions.ts"
import { type Probe, probeFeature } from "./probes/LibraryProbes.ts"

export interface WakeTarget {
  /** By which the kernel tells of wake-ups of threads; empty: by none. */
  readonly wakingHook: string
  /** False: there is no room. */
  watch(tgid: number): boolean
  unwatch(tgid: number): void
  /** Why the kernel does not tell; undefined: it does from now on. */
  attachWaking(): Reason | undefined
  detachWaking(): void
  attachProbes(path: string, probes: ReadonlyArray<Probe>): Promise<Probes>
  detachProbes(probes: Probes): Promise<void>
}

/** A file of which Go programs run. */
interface Runtime {
  readonly id: string
  readonly tgids: Set<number>
  /** Undefined: that failed. */
  readonly probes: Promise<Probes | undefined>
  hasFailed: boolean
}

const readyFunction = "runtime.ready"
/** Returns the new goroutine. */
const beginFunction = "runtime.newproc1"

export const handOversFeatureName = "work handed over"

/** Off for this reason. */
export const handOversOff = (reason: Reason): Feature => probeFeature(handOversFeatureName, "", reason)

/** On kernels that only take the programs for old ones. */
export const handOversCompat = handOversOff({
  missing: "the programs for old kernels do not tell which thread wakes which",
  next: "use a newer kernel, or give the types of this one in a file (docs/kernels.md)",
})

/** Of hooks that do not say of which process a thread is. */
export const noWaking: Reason = {
  missing: "between threads it is not followed by this kind of hook, only between goroutines",
  next: "what keeps the kernel from a better hook stands at socket data",
}

const processesText = (count: number): string => `${count} ${count === 1 ? "process" : "processes"}`

export class HandOverHooks implements Watcher {
  readonly #target: WakeTarget
  /** Watched processes without goroutines. */
  readonly #threaded = new Set<number>()
  readonly #runtimes = new Map<string, Runtime>()
  readonly #ofProcess = new Map<number, Runtime>()
  readonly #changing = new Set<Promise<unknown>>()
  /** Why threads, or goroutines, are not told of, as it was when that was asked for last. */
  #noThreads: Reason | undefined
  #noGoroutines: Reason | undefined
  failed = 0

  constructor(target: WakeTarget) {
    this.#target = target
    if (target.wakingHook === "") this.#noThreads = noWaking
  }

  /** Finds out whether the kernel would tell, by having it do so for a moment. Not to be called while anybody is watched. */
  check(): void {
    if (this.#attachWaking()) this.#target.detachWaking()
  }

  get feature(): Feature {
    const reason = this.#noThreads ?? this.#noGoroutines
    const threads = this.#noThreads === undefined ? this.#target.wakingHook : ""
    const goroutines = this.#noGoroutines === undefined ? `uprobe on ${readyFunction}` : ""
    const watched: ReadonlyArray<readonly [hook: string, processes: number]> = [
      [threads, this.#threaded.size],
      [goroutines, [...this.#ofProcess.values()].filter(({ hasFailed }) => !hasFailed).length],
    ]
    const inUse = watched.flatMap(([hook, count]) =>
      hook === "" || count === 0 ? [] : [`${hook} for ${processesText(count)}`],
    )
    const possible = watched.flatMap(([hook]) => (hook === "" ? [] : [hook]))
    return {
      name: handOversFeatureName,
      on: possible.length > 0,
      hook:
        inUse.length > 0
          ? inUse.join(", ")
          : possible.length > 0
            ? `${possible.join(", ")}: in no process now`
            : "",
      missing: reason?.missing ?? "",
      next: reason?.next ?? "",
    }
  }

  watch(tgid: number, hasGoroutines: boolean): boolean {
    if (!this.#target.watch(tgid)) return false
    if (hasGoroutines ? this.#watchRuntime(tgid) : this.#watchThreads(tgid)) return true
    this.#target.unwatch(tgid)
    this.failed++
    return false
  }

  #watchThreads(tgid: number): boolean {
    if (this.#threaded.size === 0 && !this.#attachWaking()) return false
    this.#threaded.add(tgid)
    return true
  }

  #attachWaking(): boolean {
    this.#noThreads = this.#target.attachWaking()
    return this.#noThreads === undefined
  }

  #watchRuntime(tgid: number): boolean {
    let fd: number
    try {
      fd = openSync(`/proc/${tgid}/exe`, "r")
    } catch {
      // It is gone.
      return false
    }
    const { dev, ino, mtimeMs } = fstatSync(fd)
    const id = `${dev}:${ino}:${mtimeMs}`
    const known = this.#runtimes.get(id)
    if (known !== undefined) closeSync(fd)
    const runtime = known ?? this.#attach(id, fd)
    if (runtime === undefined) return false
    runtime.tgids.add(tgid)
    this.#ofProcess.set(tgid, runtime)
    return true
  }

  /** By the descriptor, which is closed afterwards: it is this very file even if its process ends meanwhile. */
  #attach(id: string, fd: number): Runtime | undefined {
    const functions = goFunctions(fd, [readyFunction, beginFunction])
    const ready = functions.get(readyFunction)
    if (ready === undefined) {
      closeSync(fd)
      return undefined
    }
    const attached = this.#target.attachProbes(`/proc/self/fd/${fd}`, [
      ["sonde_go_ready", ready.entry, false],
      ...(functions.get(beginFunction)?.returns ?? []).map((at): Probe => ["sonde_go_begin", at, false]),
    ])
    const probes = attached
      .then(
        (probes) => {
          this.#noGoroutines = undefined
          return probes
        },
        (cause: Error & { code?: string }) => {
          this.failed++
          runtime.hasFailed = true
          const { isGeneral, ...reason } = probeReason(cause)
          if (isGeneral) this.#noGoroutines = reason
          return undefined
        },
      )
      .finally(() => closeSync(fd))
    const runtime: Runtime = { id, tgids: new Set(), probes, hasFailed: false }
    this.#runtimes.set(id, runtime)
    this.#change(probes)
    return runtime
  }

  #change(change: Promise<unknown>): void {
    const tracked = change.finally(() => this.#changing.delete(tracked))
    this.#changing.add(tracked)
  }

  unwatch(tgid: number): void {
    this.#target.unwatch(tgid)
    if (this.#threaded.delete(tgid) && this.#threaded.size === 0) this.#target.detachWaking()
    const runtime = this.#ofProcess.get(tgid)
    if (runtime === undefined) return
    this.#ofProcess.delete(tgid)
    runtime.tgids.delete(tgid)
    if (runtime.tgids.size > 0) return
    this.#runtimes.delete(runtime.id)
    this.#change(
      runtime.probes.then((probes) => (probes === undefined ? undefined : this.#target.detachProbes(probes))),
    )
  }

  /** Settles what is under way; for tests and the end. */
  async settle(): Promise<void> {
    while (this.#changing.size > 0) await Promise.all(this.#changing)
  }

  async close(): Promise<void> {
    for (const tgid of [...this.#threaded, ...this.#ofProcess.keys()]) this.unwatch(tgid)
    await this.settle()
  }
}
