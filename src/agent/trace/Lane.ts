// One line of execution: a thread, or a goroutine. Tells for which request a call is made that is made here.
// A lane serves one request after another, or it is an event loop, which is seen when it reads a request while another one
// waits. Invariant: what a lane serves alone is certain; everything an event loop does is a guess that later events must confirm.

import { abandon, Belief, type Cause, claim, ClientCall, type ServedRequest } from "./Cause.ts"
import { EventLoop } from "./EventLoop.ts"
import type { Exchange } from "./Exchange.ts"
import type { Program } from "./Program.ts"

/** Requests that a lane which is no event loop has read and not answered. */
const maxServed = 8
/** Requests in a row, each alone, after which a lane is no event loop any more. */
const aloneAgain = 64
/** Calls that a lane made since it last answered somebody else's request. */
const maxOwn = 64

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
  /** What it does as an event loop; null: it is none. */
  #loop: EventLoop | null = null
  /** It waits as event loops do. */
  #isEventLoop = false
  #alone = 0
  /** It answers requests that other lanes read: what it called before it does is for these. */
  #answersForOthers = false
  readonly #own: Array<ClientCall> = []

  constructor(program: Program, tgid: number, isGoroutine: boolean) {
    this.program = program
    this.tgid = tgid
    this.isGoroutine = isGoroutine
  }

  get isLoop(): boolean {
    return this.#loop !== null
  }

  /** What is served here and nothing else; null in event loops, where that would be a guess. */
  get only(): ServedRequest | null {
    const [request] = this.#served
    return this.isLoop || this.#served.length !== 1 || request!.isOver ? null : request!
  }

  /** A request begins to be read here, on the connection of which `others` wait for their answers. */
  serve(request: ServedRequest, others: ReadonlyArray<ServedRequest>): void {
    const served = this.#served
    this.hasServed = true
    if (served.length === 0) {
      if (this.isLoop && !this.#isEventLoop && ++this.#alone >= aloneAgain) this.#isAlone()
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
    if (this.isLoop) return
    this.#loop = new EventLoop(this.program)
    this.#own.splice(0).forEach(abandon)
  }

  #isAlone(): void {
    this.#loop?.forget()
    this.#loop = null
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
    this.#loop?.forget()
  }

  /** A message, or a part of one, was read here by event `step`, on a connection of this kind. */
  read(cause: Cause | null, isWhole: boolean, waits: number, kind: number, step: number): void {
    this.#loop?.read(cause, isWhole, waits, kind, step)
  }

  /** A call begins to be made here, on this connection, or one of this kind. */
  call(waits: number, step: number, kind: number, on: Exchange | null): ClientCall {
    if (this.#loop !== null) return this.#loop.call(waits, step, kind, on)
    const [parent, ...more] = this.#served
    if (parent === undefined && this.#answersForOthers) return this.#addOwn(step)
    return new ClientCall(step, more.length === 0 ? (parent ?? null) : null, Belief.settled)
  }

  #addOwn(step: number): ClientCall {
    const call = new ClientCall(step, null, Belief.open)
    if (this.#own.length >= maxOwn) abandon(this.#own.shift()!)
    this.#own.push(call)
    return call
  }

  /** Another message of the same write as `call`. */
  callWith(call: ClientCall): ClientCall {
    if (this.#loop !== null) return this.#loop.callWith(call)
    const { begunAt, belief, parent } = call
    return belief === Belief.open ? this.#addOwn(begunAt) : new ClientCall(begunAt, parent, Belief.settled)
  }

  /** Bytes go on to be written here that were begun before. */
  writesOn(): void {
    this.#loop?.writesOn()
  }

  /** The first byte of the request's answer, on a connection of this kind, is written here. */
  answer(request: ServedRequest, waits: number, kind: number): void {
    if (this.#loop === null) this.#answersOwn(request)
    else this.#loop.answer(request, waits, kind)
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
}
