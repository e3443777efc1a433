// What a lane calls that serves nothing itself, until it shows for which request. Its calls are cut into jobs by its contacts with lanes that
// serve: one of these wakes it when there is something to do, and it wakes one when it is done. A job is believed to be of a request when
// the request's lane began it, too; or when that lane, once woken by the job's end, does nothing before it answers.
// Invariant: each job is offered to one request; when that is not what it was for, its calls stay unknown.

import { abandon, Belief, claim, ClientCall, type ServedRequest } from "./Cause.ts"
import type { HandOver } from "./HandOver.ts"

/** Calls since the last contact. */
const maxCalls = 64
/** Jobs that came back to one request. */
const maxReturned = 64
/** Requests for one of which a job was begun. */
const maxBegun = 4

/** How sure it is that the request's lane began the job. */
export const Begun = {
  /** Nobody was seen to. */
  unknown: 0,
  /** It, but the worker met other lanes meanwhile: there may be more than this job. */
  doubtful: 1,
  /** It, or one of several others. */
  maybe: 2,
  /** It, and no other. */
  certain: 3,
} as const
export type Begun = (typeof Begun)[keyof typeof Begun]

/** Calls whose result went to the lane that serves a request. */
export interface Job {
  readonly calls: ReadonlyArray<ClientCall>
  /** How often the request's lane had waited when it was woken; -1: that says nothing of goroutines. */
  readonly waits: number
  readonly begun: Begun
  /** The request's lane did nothing since. */
  isNext: boolean
}

export class Jobs {
  readonly #handOver: HandOver
  #calls: Array<ClientCall> = []
  /** The requests for which it was woken before its first call: one of them, if any, since threads also wake each other by locks. */
  #begunFor: Array<ServedRequest> = []
  /** Contacts with others came between: only the end of what was begun counts. */
  #isDoubtful = false

  constructor(handOver: HandOver) {
    this.#handOver = handOver
  }

  add(step: number, isGoroutine: boolean): ClientCall {
    const call = new ClientCall(step, null, Belief.open)
    if (this.#calls.length === 0) {
      // Goroutines are not woken for nothing: what they began they do, though the request is given up.
      this.#isDoubtful = isGoroutine && this.#begunFor.length > 0 && !this.#isBegunOpen
      if (!this.#isBegunOpen) this.#begunFor.length = 0
    } else if (this.#calls.length >= maxCalls) abandon(this.#calls.shift()!)
    this.#calls.push(call)
    this.#handOver.calls++
    return call
  }

  /** Nothing is known of what was called, nor of what comes next. */
  forget(): void {
    this.#take().forEach(abandon)
  }

  /** It has been silent for long. */
  rest(): void {
    if (this.#calls.length > 0) this.forget()
  }

  #take(): Array<ClientCall> {
    const calls = this.#calls
    if (calls.length > 0) this.#calls = []
    this.#begunFor.length = 0
    this.#isDoubtful = false
    return calls
  }

  #areWithin({ begunAt }: ServedRequest): boolean {
    return this.#calls.every((call) => call.begunAt > begunAt && call.answeredAt > 0)
  }

  get #isBegunOpen(): boolean {
    return this.#begunFor.some(({ isOver }) => !isOver)
  }

  /** This lane answers a request that another one read: what it called since it answered before was for it, if all came after it. */
  answers(request: ServedRequest): void {
    const isItsAlone = this.#areWithin(request)
    for (const call of this.#take())
      if (isItsAlone) claim(call, request)
      else abandon(call)
  }

  /** The lane that serves the request woke this one. */
  wokenFor(request: ServedRequest, isGoroutine: boolean): void {
    const begunFor = this.#begunFor
    if (this.#calls.length > 0) {
      if (begunFor.includes(request)) {
        // Of two that hand over a result the first waits for the other.
        if (isGoroutine && this.#areWithin(request)) this.#return(request, -1)
        return
      }
      if (this.#isBegunOpen) {
        this.#isDoubtful = true
        return
      }
      // What it did before ended without a contact.
      this.#handOver.dropped++
      this.forget()
    }
    this.#mayBeginFor(request)
  }

  #mayBeginFor(request: ServedRequest): void {
    const begunFor = this.#begunFor
    if (!this.#isBegunOpen || begunFor.length >= maxBegun) begunFor.length = 0
    if (!begunFor.includes(request)) begunFor.push(request)
  }

  /** This lane woke the one that serves the request, which had waited so often by then. */
  woke(request: ServedRequest, waits: number, isGoroutine: boolean): void {
    // What another lane did for them this one was only woken for, and came too late.
    const begunFor = (this.#begunFor = this.#begunFor.filter((one) => !one.isOver || !one.hasJob))
    if (this.#calls.length === 0) {
      // A goroutine that takes a job from another one which waited for that.
      if (isGoroutine) this.#mayBeginFor(request)
    } else if (begunFor.includes(request)) {
      if (this.#areWithin(request)) this.#return(request, waits)
    } else if (this.#isBegunOpen) this.#isDoubtful = true
    else if (begunFor.length === 0 && !this.#isDoubtful && this.#areWithin(request))
      this.#return(request, waits)
    else {
      this.forget()
      if (isGoroutine) this.#mayBeginFor(request)
    }
  }

  #begunBy(request: ServedRequest): Begun {
    const begunFor = this.#begunFor
    if (!begunFor.includes(request)) return Begun.unknown
    if (this.#isDoubtful) return Begun.doubtful
    return begunFor.length === 1 ? Begun.certain : Begun.maybe
  }

  #return(request: ServedRequest, waits: number): void {
    const begun = this.#begunBy(request)
    const calls = this.#take()
    const returned = (request.returned ??= [])
    if (returned.length >= maxReturned) calls.forEach(abandon)
    else returned.push({ calls, waits, begun, isNext: true })
  }
}

/** -1: how often a lane had waited is not known. */
const isSame = (one: number, other: number): boolean => one < 0 || other < 0 || one === other

/** The lane that serves the request makes a call itself. */
export const goesOn = ({ returned }: ServedRequest): void => {
  const last = returned?.at(-1)
  if (last !== undefined) last.isNext = false
}

const kindOf = ({ on }: ClientCall): number => on?.kind ?? 0

/** What was called, in order. */
const shapeOf = (calls: ReadonlyArray<ClientCall>): number =>
  calls.reduce((shape, call) => Math.imul(shape, 31) + kindOf(call), 7) | 0

const isTheirs = ({ begun, calls }: Job, isAtOnce: boolean, handOver: HandOver): boolean => {
  const { endsShow, isUnreliable } = handOver
  if (begun === Begun.certain) return isAtOnce || !isUnreliable
  if (!isAtOnce || begun === Begun.maybe) return isAtOnce
  if (begun === Begun.doubtful) return handOver.isKnown(shapeOf(calls))
  const comesBack = calls.some((call, i) => i > 0 && kindOf(call) === kindOf(calls[0]!))
  return endsShow && !isUnreliable && (handOver.isKnown(shapeOf(calls)) || (handOver.knowsNone && !comesBack))
}

/** The lane that serves the request begins to answer it. */
export const believeJobs = (request: ServedRequest, waits: number, handOver: HandOver): void => {
  const { returned } = request
  if (returned === null) return
  request.returned = null
  for (const [i, job] of returned.entries()) {
    const isAtOnce = job.isNext && i === returned.length - 1 && isSame(job.waits, waits)
    if (isAtOnce && job.begun === Begun.certain) handOver.saw(shapeOf(job.calls))
    if (isAtOnce) handOver.confirmed++
    else if (job.begun !== Begun.certain) handOver.refuted++
    const isBelieved = isTheirs(job, isAtOnce, handOver)
    for (const call of job.calls)
      if (isBelieved) claim(call, request)
      else abandon(call)
    if (!isBelieved) continue
    request.hasJob = true
    handOver.joined += job.calls.length
  }
}

/** The request is over in another way. */
export const dropJobs = (request: ServedRequest): void => {
  for (const { calls } of request.returned ?? []) calls.forEach(abandon)
  request.returned = null
}
