// What the rows of one process are joined by: the requests that it serves, and the calls that it makes meanwhile as a client.

import type { Exchange } from "./Exchange.ts"
import type { Lane } from "./Lane.ts"
import { Order, type Program } from "./Program.ts"

/** A request that an observed process serves: from its first byte until it was answered or given up. */
export class ServedRequest {
  readonly id: number
  /** Step at which it began. */
  readonly begunAt: number
  /** Who read it last; null: not known. */
  lane: Lane | null
  /** Step of the first byte of its answer; 0: none was sent. */
  answeredAt = 0
  isOver = false
  /** Calls that are thought to be made for it and wait for its end to be believed. */
  readonly calls: Array<ClientCall> = []

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
  /** One of several that were written after as many reads, and matched to these by order. */
  readonly isByOrder: boolean
}

const noGuess: Guess = { before: null, isNext: false, isByOrder: false }

/** A request that an observed process makes. */
export class ClientCall {
  /** Step at which it began. */
  readonly begunAt: number
  /** The request for which it is thought to be made; null: not known. */
  parent: ServedRequest | null
  belief: Belief
  readonly guess: Guess
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

/** The call's answer led on to what was expected; so did then what led to the call. */
export const confirm = (call: ClientCall, program: Program): void => {
  for (let at: ClientCall | null = call; at !== null && at.belief === Belief.open; at = at.guess.before) {
    at.belief = Belief.confirmed
    program.confirmed++
  }
}

/** The call's answer led to something else. */
export const refute = (call: ClientCall, program: Program): void => {
  for (let at: ClientCall | null = call; at !== null && at.belief === Belief.open;) {
    at.belief = Belief.refuted
    program.refuted++
    at = at.guess.isNext ? at.guess.before : null
  }
}

/** The call's answer led to the request's, and nothing else says for what it was made. */
export const claim = (call: ClientCall, request: ServedRequest): void => {
  if (call.begunAt < request.begunAt || call.belief === Belief.settled || call.belief === Belief.confirmed)
    return
  call.parent = request
  call.belief = Belief.confirmed
  request.calls.push(call)
}

/** Nothing is known of the call. */
export const abandon = (call: ClientCall): void => {
  if (call.belief === Belief.settled || call.parent !== null) return
  call.belief = Belief.settled
  const { release } = call
  call.release = null
  release?.()
}

/** The request is over: whether the call is its. Its answer must have come before the request's own, and what it led to must agree. */
export const belongs = (call: ClientCall, request: ServedRequest, program: Program | null): boolean => {
  const isWithin = call.answeredAt > 0 && (request.answeredAt === 0 || call.answeredAt < request.answeredAt)
  if (!isWithin || program === null) return false
  const { isByOrder } = call.guess
  if (call.belief === Belief.confirmed) return !isByOrder || program.order === Order.queue
  if (call.belief !== Belief.open || isByOrder) return false
  return program.callsAtOnce && (program.isReliable || program.answersLate)
}
