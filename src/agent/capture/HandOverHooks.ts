// Hooks by which the kernel tells who wakes whom: on wake-ups of threads while a process is watched that has no goroutines, and on the
// runtime of each Go program that is watched. Nothing is attached while nobody is.

import { closeSync, fstatSync, openSync } from "node:fs"
import type { Watcher } from "../trace/HandOvers.ts"
import type { Probes } from "./native/Addon.ts"
import { goFunctions } from "./tls/goFunctions.ts"
import type { Probe } from "./probes/LibraryProbes.ts"

export interface WakeTarget {
  /** False: there is no room. */
  watch(tgid: number): boolean
  unwatch(tgid: number): void
  /** False: the kernel does not tell. */
  attachWaking(): boolean
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
}

const readyFunction = "runtime.ready"
/** Returns the new goroutine. */
const beginFunction = "runtime.newproc1"

export class HandOverHooks implements Watcher {
  readonly #target: WakeTarget
  /** Watched processes without goroutines. */
  readonly #threaded = new Set<number>()
  readonly #runtimes = new Map<string, Runtime>()
  readonly #ofProcess = new Map<number, Runtime>()
  readonly #changing = new Set<Promise<unknown>>()
  failed = 0

  constructor(target: WakeTarget) {
    this.#target = target
  }

  watch(tgid: number, hasGoroutines: boolean): boolean {
    if (!this.#target.watch(tgid)) return false
    if (hasGoroutines ? this.#watchRuntime(tgid) : this.#watchThreads(tgid)) return true
    this.#target.unwatch(tgid)
    this.failed++
    return false
  }

  #watchThreads(tgid: number): boolean {
    if (this.#threaded.size === 0 && !this.#target.attachWaking()) return false
    this.#threaded.add(tgid)
    return true
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
      .catch(() => {
        this.failed++
        return undefined
      })
      .finally(() => closeSync(fd))
    const runtime: Runtime = { id, tgids: new Set(), probes }
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
