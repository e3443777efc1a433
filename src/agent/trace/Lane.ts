// One line of execution: a thread, or a goroutine. Tells for which request a call is made that is made here.
// A lane serves one request after another, or it is an event loop, which is seen when it reads a request while another one
// waits. Invariant: what a lane serves alone is certain; everything an event loop does is a guess that later events must confirm.

import { Belief, ClientCall, confirm, refute, ServedRequest, type Cause } from "./Cause.ts"

/** How often guesses about the event loops of one process came true. */
export class Program {
  confirmed = 0
  refuted = 0
  /** Its goroutines are known: its threads say nothing. */
  hasGoroutines = false

  /** Guesses of which nothing was heard later may be believed. */
  get isReliable(): boolean {
    return this.confirmed >= minConfirmed && this.refuted * maxRefutedOf <= this.confirmed
  }

  /** What was long ago counts less. */
  age(): void {
    if (this.confirmed + this.refuted < maxCounted) return
    this.confirmed /= 2
    this.refuted /= 2
  }
}

const minConfirmed = 20
const maxRefutedOf = 200
const maxCounted = 10_000
/** Requests that a lane which is no event loop has read and not answered. */
const maxServed = 8
/** Reads in a row that are told apart. */
const maxReads = 128
/** Requests in a row, each alone, after which a lane is no event loop any more. */
const aloneAgain = 64

const rootOf = (cause: Cause | null): ServedRequest | null => {
  if (cause === null) return null
  const request = cause instanceof ServedRequest ? cause : cause.belief === Belief.refuted ? null : cause.parent
  return request === null || request.isOver ? null : request
}

export class Lane {
  readonly program: Program
  readonly tgid: number
  readonly isGoroutine: boolean
  lastUs = 0
  /** Requests read here that are not over. */
  readonly #served: Array<ServedRequest> = []
  #isLoop = false
  #alone = 0
  /** Whole messages read in a row since the last write, and how often the thread had waited by then. */
  readonly #reads: Array<Cause | null> = []
  /** The message of which a part was read in that time; undefined: none; null: several. */
  #partial: Cause | null | undefined = undefined
  #waits = 0
  #writes = 0
  #hasWritten = false
  /** Calls that were matched to reads by order, until it is known that there were as many. */
  #byOrder: Array<ClientCall> = []

  constructor(program: Program, tgid: number, isGoroutine: boolean) {
    this.program = program
    this.tgid = tgid
    this.isGoroutine = isGoroutine
  }

  get isLoop(): boolean {
    return this.#isLoop
  }

  get open(): number {
    return this.#served.length
  }

  /** A request begins to be read here, on the connection of which `others` wait for their answers. */
  serve(request: ServedRequest, others: ReadonlyArray<ServedRequest>): void {
    const served = this.#served
    if (served.length === 0) {
      if (this.#isLoop && ++this.#alone >= aloneAgain) this.#isLoop = false
    } else if (others.length === 0) {
      // A goroutine's place is taken by another one as soon as it ends: what it served is not this one's.
      if (this.isGoroutine) served.length = 0
      else this.#interleaves()
    }
    if (served.length >= maxServed) served.shift()
    served.push(request)
  }

  #interleaves(): void {
    this.#alone = 0
    if (this.#isLoop) return
    this.#isLoop = true
    this.#endRun()
  }

  /** The request is over, or read on elsewhere. */
  leave(request: ServedRequest): void {
    const at = this.#served.indexOf(request)
    if (at >= 0) this.#served.splice(at, 1)
  }

  /** Nothing is known of what this lane does now. */
  forget(): void {
    this.#served.length = 0
    this.#endRun()
  }

  #endRun(): void {
    if (this.#reads.length > 1 && this.#writes !== this.#reads.length)
      for (const call of this.#byOrder) refute(call, this.program)
    if (this.#byOrder.length > 0) this.#byOrder = []
    this.#reads.length = 0
    this.#partial = undefined
    this.#writes = 0
    this.#hasWritten = false
  }

  /** A message, or a part of one, was read here. */
  read(cause: Cause | null, isWhole: boolean, waits: number): void {
    if (!this.#isLoop) return
    if (this.#hasWritten) this.#endRun()
    this.#waits = waits
    if (!isWhole) {
      if (this.#partial === undefined) this.#partial = cause
      else if (this.#partial !== cause) this.#partial = null
    } else if (this.#reads.length < maxReads) this.#reads.push(cause)
  }

  /** What was read here led to this write; null: not known. */
  #led(waits: number): Cause | null {
    this.#hasWritten = true
    const at = this.#writes++
    // It waited in between: something else woke it.
    if (waits !== this.#waits) return null
    const reads = this.#reads
    if (reads.length === 0) return this.#partial ?? null
    if (reads.length === 1) return reads[0]!
    return reads.length < maxReads ? (reads[at] ?? null) : null
  }

  /** A call begins to be made here. */
  call(waits: number): ClientCall {
    if (!this.#isLoop)
      return new ClientCall(this.#served.length === 1 ? this.#served[0]! : null, Belief.settled)
    const led = this.#led(waits)
    const parent = rootOf(led)
    if (parent === null) return new ClientCall(null, Belief.settled)
    const isByOrder = this.#reads.length > 1
    const call = new ClientCall(
      parent,
      Belief.open,
      led instanceof ClientCall ? led : null,
      this.#writes === 1,
      isByOrder,
    )
    if (isByOrder) this.#byOrder.push(call)
    parent.calls.push(call)
    return call
  }

  /** Another message of the same write as `call`. */
  callWith(call: ClientCall): ClientCall {
    const { before, isByOrder, isNext, parent } = call
    if (call.belief === Belief.settled || parent === null || parent.isOver)
      return new ClientCall(parent, Belief.settled)
    const other = new ClientCall(parent, Belief.open, before, isNext, isByOrder)
    if (isByOrder) this.#byOrder.push(other)
    parent.calls.push(other)
    return other
  }

  /** Bytes go on to be written here that were begun before. */
  writesOn(): void {
    if (this.#isLoop) this.#hasWritten = true
  }

  /** The first byte of the request's answer is written here. */
  answer(request: ServedRequest, waits: number): void {
    if (!this.#isLoop) return
    const isAlone = this.#reads.length <= 1
    const isFirst = this.#writes === 0
    const led = this.#led(waits)
    if (!(led instanceof ClientCall) || led.belief !== Belief.open) return
    if (led.parent === request) confirm(led, this.program)
    else if (isFirst || !isAlone) refute(led, this.program)
  }
}
