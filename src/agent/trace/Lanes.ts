// The lanes of all observed processes: threads, goroutines, Tasks. Bounded: those that were silent long make room, and when there is
// none, further ones are not known, and what they do neither. Threads that wait as event loops do are found out by looking at what
// they wait in.

import type { Consumer } from "./Consumer.ts"
import { HandOvers } from "./HandOvers.ts"
import { Lane } from "./Lane.ts"
import { Program } from "./Program.ts"

const maxLanes = 65_536
const idleUs = 120_000_000
/** Silence after which a lane's job is over, whatever became of it: its rows wait no longer. */
const jobUs = 3_000_000
/** Threads looked at in one go: 20 us each. */
const maxLooks = 64
/** As SONDE_TASK_ID in bpf/include/sonde_event.h: what identifies Tasks is not below it. */
const firstTask = 2 ** 52

export interface LanesOptions {
  /** Whether this thread waits in a system call of event loops now; undefined: it does not wait, or that is not to be learnt. */
  readonly waitsAsLoop: (tid: number) => boolean | undefined
}

/** A thread, or a goroutine; the other is 0. */
export interface LaneName {
  readonly tid: number
  readonly coroutine: number
}

/** A lane that serves a request meets one that serves none. */
const contact = (waker: Lane, woken: Lane, waits: number): void => {
  if (waker.isLoop || woken.isLoop) return
  const [serves, served] = [waker.only, woken.only]
  if (serves === null && served !== null && served.answeredAt === 0)
    waker.jobs.woke(served, woken.isGoroutine ? -1 : waits, woken.isGoroutine)
  else if (served === null && serves !== null && serves.answeredAt === 0)
    woken.jobs.wokenFor(serves, woken.isGoroutine)
}

export class Lanes {
  refused = 0
  readonly handOvers = new HandOvers((tgid) => this.#forgetHandOvers(tgid))
  #size = 0
  readonly #options: LanesOptions
  readonly #programs = new Map<number, Program>()
  /** By number of the thread. */
  readonly #threads = new Map<number, Lane>()
  /** Goroutines by process and address, Tasks by process and id. */
  readonly #coroutines = new Map<number, Map<number, Lane>>()
  /** Threads that served their first requests lately. */
  readonly #fresh = new Map<number, Lane>()
  /** Threads that read their first messages of brokers lately. */
  readonly #consuming = new Map<number, Consumer>()

  constructor(options: LanesOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#size
  }

  /** `coroutine` 0: none is known. Null: nothing can be said. */
  of(tgid: number, tid: number, coroutine: number, nowUs: number): Lane | null {
    const lane = coroutine === 0 ? this.#thread(tgid, tid) : this.#coroutine(tgid, coroutine)
    if (lane !== null) {
      lane.lastUs = nowUs
      if (lane.task !== null) lane.program.runTasks.add(tid)
      else if (!lane.isGoroutine && lane.program.carries && !lane.isLoop) lane.becomeLoop()
    }
    return lane
  }

  /** The lane, if it is known, and whether it is an event loop as well. */
  known(tgid: number, tid: number, coroutine: number): Lane | null {
    if (coroutine !== 0) return this.#coroutines.get(tgid)?.get(coroutine) ?? null
    const lane = this.#threads.get(tid)
    const isKnown = lane?.tgid === tgid && lane.program.saysOf(tid) && !this.#fresh.has(tid)
    return isKnown ? lane : null
  }

  /** The lane, if there is one yet. */
  #at(tgid: number, tid: number, coroutine: number): Lane | undefined {
    if (coroutine !== 0) return this.#coroutines.get(tgid)?.get(coroutine)
    const lane = this.#threads.get(tid)
    return lane?.tgid === tgid && lane.program.saysOf(tid) ? lane : undefined
  }

  /** The thread read a message of a broker: how it waits is looked at. */
  consumes(tid: number, consumer: Consumer): void {
    if (!consumer.isKnown && this.#consuming.size < maxLooks) this.#consuming.set(tid, consumer)
  }

  /** One lane of the process woke another, which had waited so often by then. */
  woke(tgid: number, who: LaneName, whom: LaneName, waits: number): void {
    if (!this.handOvers.woke(tgid)) return
    const waker = this.#at(tgid, who.tid, who.coroutine)
    if (waker === undefined) return
    const known = this.#at(tgid, whom.tid, whom.coroutine)
    // One that serves the streams of a connection may have moved no bytes itself.
    const woken = known ?? (waker.isStreaming ? this.of(tgid, whom.tid, whom.coroutine, waker.lastUs) : null)
    if (woken === null) return
    waker.feeds(woken)
    contact(waker, woken, waits)
  }

  /** A goroutine of the process began another, whose place others had before. */
  began(tgid: number, who: number, whom: number, nowUs: number): void {
    if (!this.handOvers.woke(tgid)) return
    this.#at(tgid, 0, whom)?.forget()
    const request = this.#at(tgid, 0, who)?.begins()
    if (request !== undefined && request !== null) this.of(tgid, 0, whom, nowUs)?.adopt(request)
  }

  /** Wake-ups were not told of, of whichever process. */
  wakesLost(): void {
    for (const tgid of this.handOvers.watched) this.#forgetHandOvers(tgid)
  }

  #forgetHandOvers(tgid: number): void {
    for (const lane of this.#threads.values()) if (lane.tgid === tgid) lane.forgetHandOvers()
    for (const lane of this.#coroutines.get(tgid)?.values() ?? []) lane.forgetHandOvers()
  }

  #program(tgid: number): Program {
    let program = this.#programs.get(tgid)
    if (program === undefined) this.#programs.set(tgid, (program = new Program()))
    return program
  }

  #make(tgid: number, isGoroutine: boolean, isTask = false): Lane | null {
    if (this.#size >= maxLanes) {
      this.refused++
      return null
    }
    const program = this.#program(tgid)
    this.#size++
    program.lanes++
    return new Lane(program, tgid, isGoroutine, isTask)
  }

  #gone({ program, tgid }: Lane): void {
    this.#size--
    program.lanes--
    if (program.lanes === 0 && this.#programs.get(tgid) === program) this.#programs.delete(tgid)
  }

  #thread(tgid: number, tid: number): Lane | null {
    const known = this.#threads.get(tid)
    if (known !== undefined) {
      if (known.tgid === tgid) return known.program.saysOf(tid) ? known : null
      this.#threads.delete(tid)
      this.#gone(known)
    }
    if (this.#programs.get(tgid)?.saysOf(tid) === false) return null
    const lane = this.#make(tgid, false)
    if (lane === null) return null
    this.#threads.set(tid, lane)
    if (this.#fresh.size < maxLooks) this.#fresh.set(tid, lane)
    return lane
  }

  #coroutine(tgid: number, id: number): Lane | null {
    let all = this.#coroutines.get(tgid)
    const known = all?.get(id)
    if (known !== undefined) return known
    const isTask = id >= firstTask
    const lane = this.#make(tgid, !isTask, isTask)
    if (lane === null) return null
    if (!isTask) lane.program.hasGoroutines = true
    if (all === undefined) this.#coroutines.set(tgid, (all = new Map()))
    all.set(id, lane)
    return lane
  }

  /** A Task is over; `creator` made it and is not, 0: not known. */
  taskEnded(tgid: number, task: number, creator: number, begunUs: number): void {
    const all = this.#coroutines.get(tgid)
    const lane = all?.get(task)
    if (all === undefined || lane === undefined) return
    all.delete(task)
    const maker = creator === 0 ? null : this.#coroutine(tgid, creator)
    if (maker !== null) maker.lastUs = Math.max(maker.lastUs, lane.lastUs)
    lane.task?.endsFor(maker?.task ?? null, begunUs)
    this.#gone(lane)
  }

  /** The process is gone. */
  ended(tgid: number): void {
    // Of its threads only the first may come back under the same numbers.
    const first = this.#threads.get(tgid)
    if (first !== undefined && this.#threads.delete(tgid)) this.#gone(first)
    for (const lane of this.#coroutines.get(tgid)?.values() ?? []) this.#gone(lane)
    this.#coroutines.delete(tgid)
    this.#programs.delete(tgid)
    this.handOvers.ended(tgid)
  }

  forgetAll(): void {
    for (const lane of this.#threads.values()) lane.forget()
    for (const all of this.#coroutines.values()) for (const lane of all.values()) lane.forget()
  }

  /** To be called about once a second. */
  expire(nowUs: number): void {
    for (const program of this.#programs.values()) {
      program.age()
      program.handOver.age()
    }
    this.handOvers.expire(nowUs)
    this.#look()
    this.#sweep(this.#threads, nowUs)
    for (const [tgid, all] of this.#coroutines) {
      this.#sweep(all, nowUs)
      if (all.size === 0) this.#coroutines.delete(tgid)
    }
  }

  /** A loop is one from the start, not only when two requests meet in it. */
  #look(): void {
    for (const [tid, lane] of this.#fresh) {
      const isLoop = lane.hasServed ? this.#options.waitsAsLoop(tid) : undefined
      if (isLoop === true) lane.becomeLoop()
      if (isLoop !== undefined || lane.looks++ > 10) this.#fresh.delete(tid)
    }
    for (const [tid, consumer] of this.#consuming) {
      const isLoop = this.#options.waitsAsLoop(tid)
      if (isLoop !== undefined) consumer.looked(isLoop)
      // What runs just now, or is gone, is looked at again when the next message comes.
      if (isLoop === undefined || consumer.isKnown) this.#consuming.delete(tid)
    }
  }

  #sweep(lanes: Map<number, Lane>, nowUs: number): void {
    for (const [key, lane] of lanes) {
      if (nowUs - lane.lastUs >= jobUs) lane.jobs.rest()
      if (nowUs - lane.lastUs < idleUs) continue
      lanes.delete(key)
      this.#gone(lane)
    }
  }
}
