// What the rows of one process are joined by: the requests that it serves, and the calls that it makes meanwhile as a client.

import type { Exchange } from "./Exchange.ts"
import type { Job } from "./Jobs.ts"
import type { Lane } from "./Lane.ts"
import { Order, type Program, type Transition } from "./Program.ts"
import type { Period } from "./Turns.ts"
import type { WaitingRead } from "./Waiting.ts"

/** A request that an observed process serves: from its first byte until it was answered or given up. */
export class ServedRequest {
  readonly id: number
  /** Step at which it began. */
  readonly begunAt: number
  /** Who read it last; null: not known. */
  lane: Lane | null
  /** Whole, as far as its protocol needs to know what is asked. */
  isRead = false
  /** Step of the first byte of its answer; 0: none was sent. */
  answeredAt = 0
  isOver = false
  /** What was last read for it without leading to anything at once. */
  waiting: WaitingRead | null = null
  /** Calls that are thought to be made for it and wait for its end to be believed. */
  readonly calls: Array<ClientCall> = []
  /** What other lanes did and came back with, until it is answered. */
  returned: Array<Job> | null = null
  /** One of these was for it. */
  hasJob = false

  constructor(id: number, begunAt: number, lane: Lane | null) {
    this.id = id
    this.begunAt = begunAt
    this.lane = lane
  }
}

export const Belief = {
  /** Decided when the request it is thought to be made for is over; without one when something follows its answer. */
  open: 0,
  /** Its answer led to what it should lead to; still decided at the end. */
  confirmed: 1,
  refuted: 2,
  /** Decided; `parent` says how. */
  settled: 3,
} as const
export type Belief = (typeof Belief)[keyof typeof Belief]

/** How a guess about a call came about. */
export interface Guess {
  /** The call whose answer led to this one. */
  readonly before: ClientCall | null
  /** Nothing was written between that answer and this call. */
  readonly isNext: boolean
  /** In which it was matched by order with what was read; null: it was not. */
  readonly period: Period | null
  /** It is a call that waited for a connection. */
  readonly isQueued: boolean
  /** Of how many others of that sort it is known whether they came true; null: of none. */
  readonly transition: Transition | null
  /** What is thought to have waited, if it did. */
  readonly waited: WaitingRead | null
}

export const noGuess: Guess = {
  before: null,
  isNext: false,
  period: null,
  isQueued: false,
  transition: null,
  waited: null,
}

/** A request that an observed process makes. */
export class ClientCall {
  /** Step at which it began. */
  readonly begunAt: number
  /** The request for which it is thought to be made; null: not known. */
  parent: ServedRequest | null
  belief: Belief
  guess: Guess
  /** Where it is made. */
  on: Exchange | null = null
  /** Step of the first byte of its answer; 0: none was read. */
  answeredAt = 0
  /** Writes its row; null: there is none yet, or it is written. */
  release: (() => void) | null = null

  constructor(begunAt: number, parent: ServedRequest | null, belief: Belief, guess: Guess = noGuess) {
    this.begunAt = begunAt
    this.parent = parent
    this.belief = belief
    this.guess = guess
  }
}

export type Cause = ServedRequest | ClientCall

/** The id of the request that a row is, or belongs to; 0: not known. */
export const causalId = (cause: Cause | null): number =>
  cause === null ? 0 : cause instanceof ServedRequest ? cause.id : (cause.parent?.id ?? 0)

/** The request that this is, or is thought to be made for, while that one is open; null: not known. */
export const rootOf = (cause: Cause | null): ServedRequest | null => {
  if (cause === null) return null
  const request =
    cause instanceof ServedRequest ? cause : cause.belief === Belief.refuted ? null : cause.parent
  return request === null || request.isOver ? null : request
}

/** The call's answer led on to what was expected; so did then what led to the call. */
export const confirm = (call: ClientCall): void => {
  const { parent } = call
  for (let at: ClientCall | null = call; at !== null; at = at.guess.before) {
    if (at.belief !== Belief.open || at.parent !== parent) return
    at.belief = Belief.confirmed
    if (at.guess.transition !== null) at.guess.transition.confirmed++
  }
}

/** The call's answer led to something else. */
export const refute = (call: ClientCall): void => {
  const { parent } = call
  for (let at: ClientCall | null = call; at !== null; at = at.guess.isNext ? at.guess.before : null) {
    if (at.belief !== Belief.open || at.parent !== parent) return
    at.belief = Belief.refuted
    if (at.guess.transition !== null) at.guess.transition.refuted++
  }
}

/** The call's answer led to the request's, and this says more than whatever was thought before. */
export const claim = (call: ClientCall, request: ServedRequest): void => {
  if (call.begunAt < request.begunAt || call.belief === Belief.settled || call.belief === Belief.confirmed)
    return
  call.parent = request
  call.belief = Belief.confirmed
  call.guess = noGuess
  request.calls.push(call)
}

/** For what the call is made is not known yet. */
export const unguess = (call: ClientCall): void => {
  call.parent = null
  call.belief = Belief.open
}

/** It turns out, maybe after the request was over, that the call was made for it, if it was answered before the request was. */
export const adopt = (call: ClientCall, request: ServedRequest): void => {
  const isWithin = call.answeredAt > 0 && call.answeredAt < request.answeredAt
  if (!isWithin || call.begunAt < request.begunAt) return abandon(call)
  if (!request.isOver) return claim(call, request)
  if (call.belief === Belief.settled) return
  call.parent = request
  call.belief = Belief.settled
  const { release } = call
  call.release = null
  release?.()
}

/** Nothing is known of the call. */
export const abandon = (call: ClientCall): void => {
  if (call.belief === Belief.settled || call.parent !== null) return
  call.belief = Belief.settled
  const { release } = call
  call.release = null
  release?.()
}

const isWithin = (call: ClientCall, request: ServedRequest): boolean =>
  call.answeredAt > 0 && (request.answeredAt === 0 || call.answeredAt < request.answeredAt)

/** Nothing was heard of what the call's answer led to. */
const isUnheard = ({ belief, guess, parent }: ClientCall, request: ServedRequest): boolean =>
  parent === request && belief === Belief.open && guess.period === null && !guess.isQueued

/** The request is over: counts its calls, and those of which nothing was heard; to be called before `belongs`. */
export const countCalls = (request: ServedRequest): void => {
  const { calls } = request
  for (const [at, { guess }] of calls.entries()) {
    const { transition } = guess
    if (transition === null || calls.findIndex((other) => other.guess.transition === transition) < at)
      continue
    let all = 0
    let unheard = 0
    for (const call of calls) {
      if (call.guess.transition !== transition || call.parent !== request || !isWithin(call, request))
        continue
      all++
      if (isUnheard(call, request)) unheard++
    }
    transition.calls.saw(all)
    transition.unheard.saw(unheard)
  }
}

/** The request is over: whether the call is its. Its answer must have come before the request's own, and what it led to must agree. */
export const belongs = (call: ClientCall, request: ServedRequest, program: Program | null): boolean => {
  if (!isWithin(call, request) || program === null) return false
  const { period, transition } = call.guess
  if (call.belief === Belief.confirmed)
    return period === null || (period.isOver && period.isSound && program.order === Order.queue)
  if (!isUnheard(call, request) || transition === null || !program.callsAtOnce) return false
  if (program.answersLate) return transition.calls.isUsual
  // Of one that was given up nothing can have been heard.
  const { isUsual } = request.answeredAt === 0 ? transition.calls : transition.unheard
  return program.worksAtOnce && transition.isReliable && isUsual
}
