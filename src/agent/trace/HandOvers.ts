// Of which processes the kernel is asked to tell who wakes whom: those that serve requests on some lanes and call on others. It costs them
// something for each wake-up, so that those of whom it explains nothing are left alone again, for longer each time.

import type { Lane } from "./Lane.ts"
import type { Program } from "./Program.ts"

/** What sets the kernel's hooks. */
export interface Watcher {
  /** False: it cannot be had of this process. */
  watch(tgid: number, hasGoroutines: boolean): boolean
  unwatch(tgid: number): void
}

/** As bpf/maps/watched.h has room for, with some that are being taken out. */
const maxWatched = 200
/** Microseconds after which it is judged what came of it. */
const trialUs = 10_000_000
const shortestBreakUs = 60_000_000
const longestBreakUs = 3_600_000_000
const maxBreaks = 4_096
/** One in so many calls has to be joined. */
const leastJoinedOf = 10
/** Wake-ups a second that are too dear. */
const maxWakes = 50_000

interface Watched {
  readonly program: Program
  sinceUs: number
  wakes: number
}

export class HandOvers {
  /** Null: nobody can tell. */
  watcher: Watcher | null = null
  refused = 0
  readonly #watched = new Map<number, Watched>()
  readonly #ended: (tgid: number) => void
  /** When these may be watched again, and how long that was. */
  readonly #breaks = new Map<number, { readonly untilUs: number; readonly us: number }>()

  /** `ended` is called when nothing is told of a process any more. */
  constructor(ended: (tgid: number) => void) {
    this.#ended = ended
  }

  get size(): number {
    return this.#watched.size
  }

  /** Processes of which it is told. */
  get watched(): Iterable<number> {
    return this.#watched.keys()
  }

  /** A call was made on a lane that serves nothing. */
  consider({ isGoroutine, program, tgid }: Lane, nowUs: number): void {
    const { handOver } = program
    if (!handOver.mayBe || handOver.isWatched || this.watcher === null) return
    if ((this.#breaks.get(tgid)?.untilUs ?? 0) > nowUs) return
    handOver.strays = 0
    if (this.#watched.size >= maxWatched) {
      this.refused++
      return
    }
    if (!this.watcher.watch(tgid, isGoroutine)) return this.#pause(tgid, nowUs)
    handOver.begin()
    this.#watched.set(tgid, { program, sinceUs: nowUs, wakes: 0 })
  }

  /** A wake-up of the process was told. False: it is not asked for. */
  woke(tgid: number): boolean {
    const watched = this.#watched.get(tgid)
    if (watched === undefined) return false
    watched.wakes++
    return true
  }

  #pause(tgid: number, nowUs: number): void {
    const before = this.#breaks.get(tgid)?.us ?? shortestBreakUs / 2
    const us = Math.min(before * 2, longestBreakUs)
    this.#breaks.delete(tgid)
    if (this.#breaks.size >= maxBreaks) this.#breaks.delete(this.#breaks.keys().next().value!)
    this.#breaks.set(tgid, { untilUs: nowUs + us, us })
  }

  #end(tgid: number, { program }: Watched): void {
    this.#watched.delete(tgid)
    program.handOver.isWatched = false
    this.watcher?.unwatch(tgid)
    this.#ended(tgid)
  }

  /** Nobody tells any more. */
  stop(): void {
    for (const [tgid, watched] of this.#watched) this.#end(tgid, watched)
    this.watcher = null
  }

  /** To be called about once a second. */
  expire(nowUs: number): void {
    for (const [tgid, watched] of this.#watched) {
      const { wakes } = watched
      watched.wakes = 0
      const isDear = wakes > maxWakes
      if (!isDear && nowUs - watched.sinceUs < trialUs) continue
      const { calls, joined } = watched.program.handOver
      watched.sinceUs = nowUs
      watched.program.handOver.begin()
      if (isDear || joined * leastJoinedOf < calls) this.#pause(tgid, nowUs)
      else if (calls > 0) {
        this.#breaks.delete(tgid)
        continue
      }
      this.#end(tgid, watched)
    }
  }

  /** The process is gone. */
  ended(tgid: number): void {
    this.#breaks.delete(tgid)
    const watched = this.#watched.get(tgid)
    if (watched !== undefined) this.#end(tgid, watched)
  }
}
