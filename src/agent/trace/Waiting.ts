// What an event loop read and did not go on with at once: its calls wait for a connection of a pool, first come, first served.
// Whether they really do shows when such a call's answer is used; a queue that got out of step is moved back into it.

import { type Cause, rootOf, type ServedRequest } from "./Cause.ts"

const maxWaiting = 1_024
/** Those that were taken lately stay: the queue may have to be moved back. */
const maxTaken = 256

export class WaitingRead {
  readonly cause: Cause
  /** For which it was thought to be read then; null: not known. */
  readonly request: ServedRequest | null
  /** Number in its queue. */
  readonly number: number
  readonly queue: WaitingQueue
  /** How often the queue had been moved when it was taken. */
  moves = 0

  constructor(cause: Cause, number: number, queue: WaitingQueue) {
    this.cause = cause
    this.request = rootOf(cause)
    this.number = number
    this.queue = queue
  }
}

/** Reads of one kind. */
export class WaitingQueue {
  /** Of what was read. */
  readonly kind: number
  readonly #reads: Array<WaitingRead> = []
  /** Numbers of the first that is kept, and of the next to be taken. */
  #first = 0
  #next = 0
  #moves = 0

  constructor(kind: number) {
    this.kind = kind
  }

  add(cause: Cause): void {
    const reads = this.#reads
    if (reads.length >= maxWaiting) {
      this.#first += reads.splice(0, maxTaken).length
      this.#next = Math.max(this.#next, this.#first)
    }
    const read = new WaitingRead(cause, this.#first + reads.length, this)
    reads.push(read)
    if (read.request !== null) read.request.waiting = read
  }

  /** Whose turn it is; null: nobody waits. */
  take(): WaitingRead | null {
    const reads = this.#reads
    const done = this.#next - this.#first
    if (done > 2 * maxTaken) this.#first += reads.splice(0, maxTaken).length
    while (this.#next < this.#first + reads.length) {
      const read = reads[this.#next++ - this.#first]!
      // Its request is over: it waited for nothing.
      if (read.request?.isOver === true) continue
      read.moves = this.#moves
      return read
    }
    return null
  }

  /** Whose turn it was thought to be, and whose it really was: the queue is as many ahead or behind. */
  correct(thought: WaitingRead, really: WaitingRead): void {
    if (thought === really || thought.moves !== this.#moves) return
    this.#moves++
    const next = this.#next + really.number - thought.number
    this.#next = Math.min(Math.max(next, this.#first), this.#first + this.#reads.length)
  }

  clear(): void {
    this.#first += this.#reads.length
    this.#next = this.#first
    this.#reads.length = 0
  }
}

/** Kinds of reads that may wait. */
const maxQueues = 64

/** The queues of one event loop. */
export class Waiting {
  readonly #queues = new Map<number, WaitingQueue>()

  add(cause: Cause, kind: number): void {
    let queue = this.#queues.get(kind)
    if (queue === undefined) {
      if (this.#queues.size >= maxQueues) return
      this.#queues.set(kind, (queue = new WaitingQueue(kind)))
    }
    queue.add(cause)
  }

  take(kind: number): WaitingRead | null {
    return this.#queues.get(kind)?.take() ?? null
  }

  clear(): void {
    for (const queue of this.#queues.values()) queue.clear()
  }
}
