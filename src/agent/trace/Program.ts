// How the event loops of one process work, as far as it was seen: what that says of guesses about them.

/** How reads of several messages in a row go on to writes. */
export const Order = {
  unknown: 0,
  /** Each is worked on at once: what is written belongs to what was read last (nginx, Node). */
  last: 1,
  /** All are read first and then worked on in turn (asyncio). */
  queue: 2,
} as const
export type Order = (typeof Order)[keyof typeof Order]

const minSeen = 20
/** One in so many may be otherwise. */
const maxRefutedOf = 200
const maxFromNothingOf = 20
const maxOtherOrderOf = 8
const maxFollowedOf = 4
const maxCounted = 10_000
/** Kinds of connections: a port that is served, or that is called. */
const maxKinds = 64
const minLed = 5
const maxOtherLedOf = 10

export class Program {
  /** Its goroutines are known: its threads say nothing. */
  hasGoroutines = false
  /** Lanes that are known of it. */
  lanes = 0
  /** Guesses that came true, and that did not. */
  confirmed = 0
  refuted = 0
  /** Calls on the connection whose answer was just read, which led to nothing else, and to an answer, too. */
  followed = 0
  queued = 0
  /** Calls and answers, and of these those before which the thread had waited since it last read: a timer or another thread led to them. */
  calls = 0
  callsFromNothing = 0
  answers = 0
  answersFromNothing = 0
  /** By kind of what is read, the kind of what is written next. */
  readonly #leads = new Map<number, { readonly write: number; times: number; others: number }>()
  /** Answers in runs of several reads that belong to the last of these, and to the one whose turn it is. */
  byLast = 0
  byQueue = 0

  /** Guesses of which nothing was heard later may be believed. */
  get isReliable(): boolean {
    return this.confirmed >= minSeen && this.refuted * maxRefutedOf <= this.confirmed
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
    return this.queued >= minSeen && this.followed * maxFollowedOf <= this.queued
  }

  /** Answers are often led to by something else. */
  get answersLate(): boolean {
    return this.answers >= minSeen && !this.answersAtOnce
  }

  get order(): Order {
    const { byLast, byQueue } = this
    if (byLast >= minSeen && byQueue * maxOtherOrderOf <= byLast) return Order.last
    return byQueue >= minSeen && byLast * maxOtherOrderOf <= byQueue ? Order.queue : Order.unknown
  }

  /** A read of this kind led to a write of that kind. */
  saw(read: number, write: number): void {
    let led = this.#leads.get(read)
    if (led === undefined) {
      if (this.#leads.size >= maxKinds) return
      this.#leads.set(read, (led = { write, times: 0, others: 0 }))
    }
    if (led.write === write) led.times++
    else if (led.others < led.times) led.others++
    else this.#leads.set(read, { write, times: 1, others: 0 })
  }

  /** Whether reads of that kind lead to such writes, and to hardly anything else. */
  leadsTo(read: number, write: number): boolean {
    const led = this.#leads.get(read)
    return led?.write === write && led.times >= minLed && led.others * maxOtherLedOf <= led.times
  }

  /** To be called now and then: what was long ago counts less. */
  age(): void {
    if (this.calls + this.answers + this.confirmed + this.byLast + this.byQueue < maxCounted) return
    this.confirmed /= 2
    this.refuted /= 2
    this.followed /= 2
    this.queued /= 2
    this.calls /= 2
    this.callsFromNothing /= 2
    this.answers /= 2
    this.answersFromNothing /= 2
    this.byLast /= 2
    this.byQueue /= 2
  }
}
