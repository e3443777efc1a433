// One line of execution: a thread, or a goroutine. Tells for which request a call is made that is made here.
// A lane serves one request after another, or it is an event loop, which is seen when it reads a request while another one
// waits. Invariant: what a lane serves alone is certain; everything an event loop does is a guess that later events must confirm.

import {
  abandon,
  Belief,
  type Cause,
  claim,
  ClientCall,
  confirm,
  type Guess,
  refute,
  ServedRequest,
} from "./Cause.ts"
import type { Exchange } from "./Exchange.ts"
import { Order, type Program } from "./Program.ts"

/** Requests that a lane which is no event loop has read and not answered. */
const maxServed = 8
/** Reads in a row that are told apart. */
const maxReads = 1_024
/** Requests in a row, each alone, after which a lane is no event loop any more. */
const aloneAgain = 64
/** Calls that a lane made since it last answered somebody else's request. */
const maxOwn = 64

const rootOf = (cause: Cause | null): ServedRequest | null => {
  if (cause === null) return null
  const request =
    cause instanceof ServedRequest ? cause : cause.belief === Belief.refuted ? null : cause.parent
  return request === null || request.isOver ? null : request
}

export class Lane {
  readonly program: Program
  readonly tgid: number
  readonly isGoroutine: boolean
  lastUs = 0
  /** It has read a request. */
  hasServed = false
  /** How often Lanes looked what it is. */
  looks = 0
  /** Requests read here that are not over. */
  readonly #served: Array<ServedRequest> = []
  #isLoop = false
  /** It waits as event loops do. */
  #isEventLoop = false
  #alone = 0
  /** Whole messages read in a row since the last write, and how often the thread had waited by then. */
  readonly #reads: Array<Cause | null> = []
  /** Of which kind of connection each of these is. */
  readonly #kinds: Array<number> = []
  /** All that was read before this run was worked on: the thread has waited since, or the runs went up. */
  #isClean = true
  /** As far as they go, the writes of this run are such as its reads lead to, in this order. */
  #isAligned = true
  /** Several kinds among those that led to a write: another order would have shown. */
  #isMixed = false
  /** All are of one kind. */
  #isUniform = true
  /** Calls that were matched to reads by order, until it is known whether the run goes up. */
  #byOrder: Array<ClientCall> = []
  /** The message of which a part was read in that time; undefined: none; null: several. */
  #partial: Cause | null | undefined = undefined
  #waits = 0
  #writes = 0
  #answers = 0
  /** Called on the connection whose answer was read. */
  #callsOnSame = false
  #hasWritten = false

  /** It answers requests that other lanes read: what it called before it does is for these. */
  #answersForOthers = false
  readonly #own: Array<ClientCall> = []

  constructor(program: Program, tgid: number, isGoroutine: boolean) {
    this.program = program
    this.tgid = tgid
    this.isGoroutine = isGoroutine
  }

  get isLoop(): boolean {
    return this.#isLoop
  }

  /** What is served here and nothing else; null in event loops, where that would be a guess. */
  get only(): ServedRequest | null {
    const [request] = this.#served
    return this.#isLoop || this.#served.length !== 1 || request!.isOver ? null : request!
  }

  /** A request begins to be read here, on the connection of which `others` wait for their answers. */
  serve(request: ServedRequest, others: ReadonlyArray<ServedRequest>): void {
    const served = this.#served
    this.hasServed = true
    if (served.length === 0) {
      if (this.#isLoop && !this.#isEventLoop && ++this.#alone >= aloneAgain) this.#isLoop = false
    } else if (others.length === 0) {
      // A goroutine's place is taken by another one as soon as it ends: what it served is not this one's.
      if (this.isGoroutine) served.length = 0
      else this.#interleaves()
    }
    if (served.length >= maxServed) served.shift()
    served.push(request)
  }

  becomeLoop(): void {
    this.#isEventLoop = true
    this.#interleaves()
  }

  #interleaves(): void {
    this.#alone = 0
    if (this.#isLoop) return
    this.#isLoop = true
    this.#own.splice(0).forEach(abandon)
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
    this.#own.splice(0).forEach(abandon)
    this.#endRun()
    this.#isClean = false
  }

  #endRun(): void {
    const reads = this.#reads
    if (reads.length > 0) {
      const goesUp = this.#isAligned && this.#writes === reads.length
      if (!goesUp)
        for (const call of this.#byOrder) if (call.belief === Belief.open) call.belief = Belief.refuted
      this.#isClean = goesUp && (this.#isClean || this.#isMixed)
    }
    // Whoever goes on to ask does not answer yet: that call was another one's, which waited for the connection.
    if (this.#callsOnSame && reads.length === 1) {
      if (this.#answers > 0) this.program.queued++
      else this.program.followed++
    }
    this.#callsOnSame = false
    if (this.#byOrder.length > 0) this.#byOrder = []
    for (const read of reads) if (read instanceof ClientCall && read.parent === null) abandon(read)
    reads.length = 0
    this.#kinds.length = 0
    this.#partial = undefined
    this.#writes = 0
    this.#answers = 0
    this.#hasWritten = false
    this.#isAligned = true
    this.#isMixed = false
    this.#isUniform = true
  }

  /** A message, or a part of one, was read here, on a connection of this kind. */
  read(cause: Cause | null, isWhole: boolean, waits: number, kind: number): void {
    if (!this.#isLoop) return
    const hasWaited = waits !== this.#waits
    // Before it waited it worked on everything that it had read.
    if (this.#hasWritten || hasWaited) this.#endRun()
    if (hasWaited) this.#isClean = true
    this.#waits = waits
    if (!isWhole) {
      if (this.#partial === undefined) this.#partial = cause
      else if (this.#partial !== cause) this.#partial = null
    } else if (this.#reads.length < maxReads) {
      this.#reads.push(cause)
      if (kind !== this.#kinds[0] && this.#kinds.length > 0) this.#isUniform = false
      this.#kinds.push(kind)
    }
  }

  /** What was read here led to write number `at` of this run, to a connection of this kind; null: not known. */
  #led(at: number, kind: number): Cause | null {
    const reads = this.#reads
    const kinds = this.#kinds
    const { program } = this
    if (reads.length === 0) return this.#partial ?? null
    if (program.order === Order.last) return reads[reads.length - 1]!
    // Whichever of the reads led here: they are all of one kind.
    if (this.#isUniform) program.saw(kinds[0]!, kind)
    if (reads.length === 1 && program.order === Order.unknown) return reads[0]!
    const root = rootOf(reads[0]!)
    // All are of one request: whatever the order.
    if (root !== null && reads.every((read) => rootOf(read) === root)) return reads[reads.length - 1]!
    if (!this.#isAligned || at >= reads.length || !program.leadsTo(kinds[at]!, kind)) {
      this.#isAligned = false
      return null
    }
    if (kinds[at] !== kinds[0]) this.#isMixed = true
    return this.#isClean || this.#isMixed ? reads[at]! : null
  }

  /** A call begins to be made here. */
  call(waits: number, step: number, kind: number, on: Exchange | null): ClientCall {
    if (!this.#isLoop) {
      const [parent, ...more] = this.#served
      if (parent === undefined && this.#answersForOthers) return this.#addOwn(step)
      return new ClientCall(step, more.length === 0 ? (parent ?? null) : null, Belief.settled)
    }
    const { program } = this
    const at = this.#writes++
    this.#hasWritten = true
    program.calls++
    if (waits !== this.#waits) {
      // It waited in between: something else woke it.
      program.callsFromNothing++
      return this.#guessed(step, null, null, at)
    }
    const led = this.#led(at, kind)
    const before = led instanceof ClientCall ? led : null
    const isOnSame = on !== null && before?.on === on
    if (isOnSame) this.#callsOnSame = true
    if (isOnSame && program.queuesForConnections && program.answersAtOnce)
      return new ClientCall(step, null, Belief.open)
    return this.#guessed(step, rootOf(led), before, at)
  }

  #guessed(step: number, parent: ServedRequest | null, led: ClientCall | null, at: number): ClientCall {
    if (parent === null) return new ClientCall(step, null, this.#mayBeClaimed ? Belief.open : Belief.settled)
    const { order } = this.program
    const isByOrder = order === Order.queue || (order === Order.unknown && this.#reads.length > 1)
    return this.#add(step, parent, { before: led, isNext: at === 0, isByOrder })
  }

  /** Calls are made late, but their answers lead on at once: these tell what the calls were for. */
  get #mayBeClaimed(): boolean {
    return this.program.answersAtOnce && !this.program.callsAtOnce
  }

  #add(step: number, parent: ServedRequest | null, guess: Guess): ClientCall {
    const call = new ClientCall(step, parent, Belief.open, guess)
    if (guess.isByOrder) this.#byOrder.push(call)
    parent?.calls.push(call)
    return call
  }

  #addOwn(step: number): ClientCall {
    const call = new ClientCall(step, null, Belief.open)
    if (this.#own.length >= maxOwn) abandon(this.#own.shift()!)
    this.#own.push(call)
    return call
  }

  /** Another message of the same write as `call`. */
  callWith({ begunAt, belief, guess, parent }: ClientCall): ClientCall {
    if (!this.#isLoop && belief === Belief.open) return this.#addOwn(begunAt)
    return belief === Belief.settled || parent === null || parent.isOver
      ? new ClientCall(begunAt, parent, Belief.settled)
      : this.#add(begunAt, parent, guess)
  }

  /** Bytes go on to be written here that were begun before. */
  writesOn(): void {
    if (this.#isLoop) this.#hasWritten = true
  }

  /** The first byte of the request's answer is written here. */
  answer(request: ServedRequest, waits: number, kind: number): void {
    if (!this.#isLoop) return this.#answersOwn(request)
    const { program } = this
    const isFirst = this.#answers++ === 0
    const at = this.#writes++
    this.#hasWritten = true
    program.answers++
    if (waits !== this.#waits) {
      program.answersFromNothing++
      return
    }
    if (at === 0 && this.#reads.length > 1) this.#vote(request, kind)
    const led = this.#led(at, kind)
    if (!(led instanceof ClientCall) || led.belief === Belief.settled) return
    if (led.parent === request) confirm(led, program)
    else if (isFirst || this.#reads.length > 1) {
      if (this.#reads.length > 1 && program.order === Order.unknown) return this.#doubt(request)
      if (led.parent !== null) refute(led, program)
      if (this.#mayBeClaimed || (led.parent === null && program.answersAtOnce)) claim(led, request)
    }
  }

  /** What it called since it answered before was for this request, if all of it came after the request. */
  #answersOwn(request: ServedRequest): void {
    const own = this.#own.splice(0)
    if (request.lane === this || request.lane === null) return own.forEach(abandon)
    this.#answersForOthers = true
    const isItsAlone = own.every(({ answeredAt, begunAt }) => begunAt > request.begunAt && answeredAt > 0)
    for (const call of own)
      if (isItsAlone) claim(call, request)
      else abandon(call)
  }

  /** None of what was read is thought to be of the request that is answered now: one of these guesses is wrong, but not which. */
  #doubt(request: ServedRequest): void {
    const reads = this.#reads
    if (reads.some((read) => rootOf(read) === request)) return
    for (const read of reads)
      if (read instanceof ClientCall && read.belief === Belief.open && read.parent !== null)
        read.belief = Belief.refuted
  }

  /** Which of several reads led to the answer that is written first tells how the program goes about them. */
  #vote(request: ServedRequest, kind: number): void {
    const { program } = this
    const isFirst = rootOf(this.#reads[0]!) === request
    const isLast = rootOf(this.#reads[this.#reads.length - 1]!) === request
    if (isFirst === isLast) return
    if (isLast) program.byLast++
    else {
      program.byQueue++
      program.saw(this.#kinds[0]!, kind)
    }
  }
}
