// How the event loops of one process work, as far as it was seen: what that says of guesses about them.

import { HandOver } from "./HandOver.ts"

/** How reads of several messages in a row go on to writes. */
export const Order = {
  unknown: 0,
  /** Each is worked on at once: what is written belongs to what was read last (nginx, Node). */
  last: 1,
  /** All are read first and then worked on in turn (asyncio, HAProxy). */
  queue: 2,
} as const
export type Order = (typeof Order)[keyof typeof Order]

const minSeen = 20
/** Fewer are enough for what is rare by itself. */
const minStrange = 5
const minMoved = 3
/** One in so many may be otherwise. */
const maxRefutedOf = 200
const maxFromNothingOf = 20
const maxOtherOrderOf = 8
const maxFollowedOf = 10
const maxCounted = 10_000
/** Kinds of connections: a port that is served, or that is called. */
const maxKinds = 64
/** Kinds are less. */
const maxKind = 131_072
const maxOtherOf = 10
const maxUnusualOf = 20
const maxTransitions = 1_024

/** A number that is nearly always the same. */
class UsualCount {
  #usual = 0
  #times = 0
  #others = 0
  #last = 0

  saw(count: number): void {
    this.#last = count
    if (count === this.#usual) this.#times++
    else if (this.#others < this.#times) this.#others++
    else {
      this.#usual = count
      this.#times = 1
      this.#others = 0
    }
    if (this.#times + this.#others < maxCounted) return
    this.#times /= 2
    this.#others /= 2
  }

  /** The last one is as nearly all are. */
  get isUsual(): boolean {
    return this.#last === this.#usual && this.#times >= minSeen && this.#others * maxUnusualOf <= this.#times
  }
}

/** A read of one kind that leads to a call of another: how often that was thought, and came true or did not. */
export class Transition {
  confirmed = 0
  refuted = 0
  /** Such calls of one request, and those of them of which nothing was heard later: as many as in other requests are its own. */
  readonly calls = new UsualCount()
  readonly unheard = new UsualCount()

  /** Most of them come true. */
  get isReliable(): boolean {
    return this.confirmed >= minSeen && this.refuted * maxRefutedOf <= this.confirmed
  }
}

/** What is most often seen together with each of several kinds. */
class Usual {
  readonly #seen = new Map<number, { readonly other: number; times: number; others: number }>()

  saw(kind: number, other: number): void {
    let seen = this.#seen.get(kind)
    if (seen === undefined) {
      if (this.#seen.size >= maxKinds) return
      this.#seen.set(kind, (seen = { other, times: 0, others: 0 }))
    }
    if (seen.other === other) seen.times++
    else if (seen.others < seen.times) seen.others++
    else this.#seen.set(kind, { other, times: 1, others: 0 })
  }

  /** Undefined: it is not known yet, or differs. */
  of(kind: number): number | undefined {
    const seen = this.#seen.get(kind)
    return seen !== undefined && seen.times >= minStrange && seen.others * maxOtherOf <= seen.times
      ? seen.other
      : undefined
  }
}

export class Program {
  readonly handOver = new HandOver()
  /** Its goroutines are known: its threads say nothing. */
  hasGoroutines = false
  /** Threads whose Tasks are known: what such a thread does outside of a Task is for any of them. */
  readonly runTasks = new Set<number>()
  /** How often a thread that serves read the answer to what another one had called for a request of its own. */
  moved = 0
  /** Lanes that are known of it. */
  lanes = 0
  /** Answers that were written after the answer to a call that may be theirs, and after something that cannot have led to them. */
  led = 0
  strayed = 0
  /** Calls on the connection whose answer was just read, which led to nothing else, and to an answer, too. */
  followed = 0
  queued = 0
  /** Calls and answers, and of these those before which the thread had waited since it last read: a timer or another thread led to them. */
  calls = 0
  callsFromNothing = 0
  answers = 0
  answersFromNothing = 0
  /** By kind of what is written, the kind of what was read before. */
  readonly #sources = new Usual()
  /** By kind of call that waited for a connection, the kind of what was read before it waited. */
  readonly waitsAfter = new Usual()
  readonly #transitions = new Map<number, Transition>()
  /** Answers in runs of several reads that belong to the last of these, and to the one whose turn it is. */
  byLast = 0
  byQueue = 0
  /** Runs of several reads that led to one write, and to as many as they are. */
  runsByLast = 0
  runsByQueue = 0

  /** Of guesses by which a read of one kind leads to a call of another, at once or after it waited for a connection. */
  transition(read: number, call: number, isQueued: boolean): Transition | null {
    const key = (read * maxKind + call) * 2 + (isQueued ? 1 : 0)
    let transition = this.#transitions.get(key)
    if (transition === undefined) {
      if (this.#transitions.size >= maxTransitions) return null
      this.#transitions.set(key, (transition = new Transition()))
    }
    return transition
  }

  /** An answer comes of what was read before it, as far as can be told from those that cannot. */
  get isLedAtOnce(): boolean {
    return this.answersAtOnce && this.led >= minSeen && this.strayed * maxRefutedOf <= this.led
  }

  /** Its threads carry lighter ones, each now on the one and now on the other: they work on many at once, as event loops do. */
  get carries(): boolean {
    return this.moved >= minMoved
  }

  /** Whether this thread says anything of what is done in it. */
  saysOf(thread: number): boolean {
    return !this.hasGoroutines && !this.runTasks.has(thread)
  }

  /** Calls follow what they are made for at once. */
  get callsAtOnce(): boolean {
    return this.calls >= minSeen && this.callsFromNothing * maxFromNothingOf <= this.calls
  }

  /** Answers follow at once what they were waiting for. */
  get answersAtOnce(): boolean {
    return this.answers >= minSeen && this.answersFromNothing * maxFromNothingOf <= this.answers
  }

  /** Calls queue for connections: an answer leads to whatever call is next. */
  get queuesForConnections(): boolean {
    return this.queued >= minStrange && this.followed <= this.queued * maxFollowedOf
  }

  /** Answers are often led to by something else. */
  get answersLate(): boolean {
    return this.answers >= minSeen && !this.answersAtOnce
  }

  get order(): Order {
    // Answers say more, but there are programs in which none can be told.
    const isTold = this.byLast + this.byQueue >= minSeen
    const last = isTold ? this.byLast : this.runsByLast
    const queue = isTold ? this.byQueue : this.runsByQueue
    if (last >= minSeen && queue * maxOtherOrderOf <= last) return Order.last
    return queue >= minSeen && last * maxOtherOrderOf <= queue ? Order.queue : Order.unknown
  }

  /** Nothing speaks for another order than that each read is worked on at once. */
  get worksAtOnce(): boolean {
    return this.order === Order.last || (this.byQueue < minStrange && this.runsByQueue < minStrange)
  }

  /** A read of this kind led to a write of that kind. */
  saw(read: number, write: number): void {
    this.#sources.saw(write, read)
  }

  /** The kind of reads that lead to writes of this one; undefined: not known, or there are several. */
  sourceOf(write: number): number | undefined {
    return this.#sources.of(write)
  }

  /** To be called now and then: what was long ago counts less. */
  age(): void {
    for (const transition of this.#transitions.values()) {
      if (transition.confirmed + transition.refuted < maxCounted) continue
      transition.confirmed /= 2
      transition.refuted /= 2
    }
    if (this.calls + this.answers + this.byLast + this.byQueue < maxCounted) return
    this.led /= 2
    this.strayed /= 2
    this.followed /= 2
    this.queued /= 2
    this.calls /= 2
    this.callsFromNothing /= 2
    this.answers /= 2
    this.answersFromNothing /= 2
    this.byLast /= 2
    this.byQueue /= 2
    this.runsByLast /= 2
    this.runsByQueue /= 2
  }
}
