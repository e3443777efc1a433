// The lanes of all observed processes. Bounded: those that were silent long make room, and when there is none, further ones are not
// known, and what they do neither.

import { Lane } from "./Lane.ts"
import { Program } from "./Program.ts"

const maxLanes = 65_536
const maxPrograms = 16_384
const idleUs = 120_000_000

export class Lanes {
  refused = 0
  #size = 0
  readonly #programs = new Map<number, Program>()
  /** By number of the thread. */
  readonly #threads = new Map<number, Lane>()
  /** By process and address. */
  readonly #goroutines = new Map<number, Map<number, Lane>>()

  get size(): number {
    return this.#size
  }

  /** `coroutine` 0: none is known. Null: nothing can be said. */
  of(tgid: number, tid: number, coroutine: number, nowUs: number): Lane | null {
    const lane = coroutine === 0 ? this.#thread(tgid, tid) : this.#goroutine(tgid, coroutine)
    if (lane !== null) lane.lastUs = nowUs
    return lane
  }

  #program(tgid: number): Program | null {
    let program = this.#programs.get(tgid)
    if (program !== undefined) return program
    if (this.#programs.size >= maxPrograms) return null
    program = new Program()
    this.#programs.set(tgid, program)
    return program
  }

  #make(tgid: number, isGoroutine: boolean): Lane | null {
    const program = this.#size < maxLanes ? this.#program(tgid) : null
    if (program === null) {
      this.refused++
      return null
    }
    this.#size++
    return new Lane(program, tgid, isGoroutine)
  }

  #thread(tgid: number, tid: number): Lane | null {
    const known = this.#threads.get(tid)
    if (known !== undefined) {
      if (known.tgid === tgid) return known.program.hasGoroutines ? null : known
      this.#threads.delete(tid)
      this.#size--
    }
    if (this.#programs.get(tgid)?.hasGoroutines === true) return null
    const lane = this.#make(tgid, false)
    if (lane !== null) this.#threads.set(tid, lane)
    return lane
  }

  #goroutine(tgid: number, address: number): Lane | null {
    let all = this.#goroutines.get(tgid)
    const known = all?.get(address)
    if (known !== undefined) return known
    const lane = this.#make(tgid, true)
    if (lane === null) return null
    lane.program.hasGoroutines = true
    if (all === undefined) this.#goroutines.set(tgid, (all = new Map()))
    all.set(address, lane)
    return lane
  }

  /** The process is gone. */
  ended(tgid: number): void {
    this.#programs.delete(tgid)
    const goroutines = this.#goroutines.get(tgid)
    if (goroutines === undefined) return
    this.#size -= goroutines.size
    this.#goroutines.delete(tgid)
  }

  forgetAll(): void {
    for (const lane of this.#threads.values()) lane.forget()
    for (const all of this.#goroutines.values()) for (const lane of all.values()) lane.forget()
  }

  /** To be called about once a second. */
  expire(nowUs: number): void {
    for (const program of this.#programs.values()) program.age()
    this.#sweep(this.#threads, nowUs)
    for (const [tgid, all] of this.#goroutines) {
      this.#sweep(all, nowUs)
      if (all.size === 0) this.#goroutines.delete(tgid)
    }
  }

  #sweep(lanes: Map<number, Lane>, nowUs: number): void {
    for (const [key, lane] of lanes) {
      if (nowUs - lane.lastUs < idleUs) continue
      lanes.delete(key)
      this.#size--
    }
  }
}
