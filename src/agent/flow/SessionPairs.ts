// Pairs the requests and responses of one connection: by id where the protocol has one, else in order.
// Invariants: every message leaves in exactly one session; rather no pair than a wrong one; outstanding requests are bounded
// for each connection and for all that share a budget.

import { type L7Message, RecordType } from "../../model/L7Session.ts"
import type { Cause } from "../trace/Cause.ts"
import { Direction } from "../protocol/Protocol.ts"
import type { CallSite } from "./CallSite.ts"
import { type Session, SessionEnd } from "./Session.ts"

/** Limits and counters shared by the connections of one table. */
export interface PairBudget {
  readonly maxPerConnection: number
  readonly maxTotal: number
  /** A request without response for longer has timed out. */
  timeoutUs: number
  outstanding: number
  overflows: number
  timeouts: number
  /** Requests given up because capture lost messages. */
  lost: number
}

export interface PairOptions {
  readonly maxPerConnection?: number
  readonly maxTotal?: number
  readonly timeoutUs?: number
}

/** Pipelines of Redis clients reach some hundreds. */
const defaultPerConnection = 1024
const defaultTotal = 65_536
const defaultTimeoutUs = 120_000_000

export const makePairBudget = (options: PairOptions = {}): PairBudget => ({
  maxPerConnection: options.maxPerConnection ?? defaultPerConnection,
  maxTotal: options.maxTotal ?? defaultTotal,
  timeoutUs: options.timeoutUs ?? defaultTimeoutUs,
  outstanding: 0,
  overflows: 0,
  timeouts: 0,
  lost: 0,
})

/** The read part of the queue is cut off when it is this long. */
const compactAt = 64

export class SessionPairs<Owner = undefined> {
  /** The oldest request that waits by order: most connections have one at a time. */
  private oldest: Session | null = null
  /** Those behind it, from `first` on. */
  private queue: Array<Session> | null = null
  private first = 0
  private byId: Map<number, Session> | null = null
  /** Responses still to come that belong to requests given up before: they are at the head of the line. */
  private orphans = 0
  /** Requests were lost: those that follow cannot be paired by order until a new exchange begins. */
  private isUnsure = false
  private lastWasResponse = false
  private readonly budget: PairBudget
  private readonly onSession: (session: Session, owner: Owner) => void
  private readonly owner: Owner

  /** `owner`: whose messages these are, for `onSession`. */
  constructor(budget: PairBudget, onSession: (session: Session, owner: Owner) => void, owner: Owner) {
    this.budget = budget
    this.onSession = onSession
    this.owner = owner
  }

  get outstanding(): number {
    const behind = this.queue === null ? 0 : this.queue.length - this.first
    return (this.oldest === null ? 0 : 1) + behind + (this.byId === null ? 0 : this.byId.size)
  }

  /** Reads what the next message will need. */
  touch(): number {
    const { oldest } = this
    return oldest === null || oldest.request === null ? this.orphans : oldest.end + oldest.request.startUs
  }

  /** `cause`: of a request, or of a response that nobody asked for. */
  add(message: L7Message, call: CallSite, cause: Cause | null = null): void {
    if (message.type === RecordType.request) this.addRequest(message, call, cause)
    else this.addResponse(message, call, cause)
  }

  /** Messages of a direction were lost (see MessageSink). */
  desync(direction: Direction): void {
    if (direction === Direction.toServer) {
      this.isUnsure = true
      this.lastWasResponse = false
    } else this.giveUpQueue(SessionEnd.lost)
  }

  /** Gives up requests that have waited too long. */
  expire(nowUs: number): void {
    const before = nowUs - this.budget.timeoutUs
    while (this.oldest !== null && (this.oldest.request as L7Message).endUs <= before) {
      this.orphans++
      this.giveUp(this.shift(this.oldest), SessionEnd.timeout)
    }
    if (this.byId === null) return
    for (const [id, session] of this.byId) {
      if ((session.request as L7Message).endUs > before) break
      this.byId.delete(id)
      this.giveUp(session, SessionEnd.timeout)
    }
  }

  /** The connection is over: what is outstanding stays without response. */
  close(): void {
    this.giveUpQueue(SessionEnd.closed)
    if (this.byId === null) return
    for (const session of this.byId.values()) this.giveUp(session, SessionEnd.closed)
    this.byId = null
  }

  private addRequest(request: L7Message, call: CallSite, cause: Cause | null): void {
    const session: Session = {
      request,
      response: null,
      end: SessionEnd.oneWay,
      requestThread: call.thread,
      requestCoroutine: call.coroutine,
      requestNumber: call.number,
      responseThread: 0,
      responseCoroutine: 0,
      responseNumber: 0,
      cause,
    }
    if (request.isAsync) {
      this.emit(session)
      return
    }
    const { budget } = this
    if (request.requestId >= 0) {
      this.addById(session, request.requestId)
      return
    }
    const { oldest } = this
    if (oldest === null) {
      this.orphans = 0
      if (this.lastWasResponse) this.isUnsure = false
    }
    this.lastWasResponse = false
    if (this.isUnsure) {
      budget.lost++
      session.end = SessionEnd.lost
      this.emit(session)
      return
    }
    const isFull = budget.outstanding >= budget.maxTotal
    if (oldest === null && isFull) {
      this.isUnsure = true
      this.overflow(session)
      return
    }
    if (oldest !== null && (isFull || this.outstanding >= budget.maxPerConnection)) {
      this.orphans++
      budget.outstanding--
      this.overflow(this.shift(oldest))
    }
    budget.outstanding++
    if (this.oldest === null) this.oldest = session
    else (this.queue ??= []).push(session)
  }

  private addById(session: Session, id: number): void {
    const { budget } = this
    this.byId ??= new Map()
    const older = this.byId.get(id)
    if (older !== undefined) {
      this.byId.delete(id)
      this.giveUp(older, SessionEnd.lost)
    }
    if (
      this.byId.size > 0 &&
      (this.outstanding >= budget.maxPerConnection || budget.outstanding >= budget.maxTotal)
    ) {
      const [oldest, oldestSession] = this.byId.entries().next().value as [number, Session]
      this.byId.delete(oldest)
      budget.outstanding--
      this.overflow(oldestSession)
    } else if (budget.outstanding >= budget.maxTotal) {
      this.overflow(session)
      return
    }
    budget.outstanding++
    this.byId.set(id, session)
  }

  private addResponse(response: L7Message, call: CallSite, cause: Cause | null): void {
    let session: Session | undefined
    if (!response.isAsync) {
      this.lastWasResponse = true
      if (response.requestId >= 0) {
        session = this.byId?.get(response.requestId)
        if (session !== undefined) this.byId?.delete(response.requestId)
      } else if (this.orphans > 0) this.orphans--
      else if (this.oldest !== null) session = this.shift(this.oldest)
    }
    if (session === undefined) {
      const end = response.isAsync ? SessionEnd.oneWay : SessionEnd.unrequested
      this.emit({
        request: null,
        response,
        end,
        requestThread: 0,
        requestCoroutine: 0,
        requestNumber: 0,
        responseThread: call.thread,
        responseCoroutine: call.coroutine,
        responseNumber: call.number,
        cause,
      })
      return
    }
    this.budget.outstanding--
    session.response = response
    session.responseThread = call.thread
    session.responseCoroutine = call.coroutine
    session.responseNumber = call.number
    session.end = SessionEnd.paired
    this.emit(session)
  }

  /** Takes the oldest out of the line; returns it. */
  private shift(oldest: Session): Session {
    const { queue } = this
    if (queue === null) {
      this.oldest = null
      return oldest
    }
    this.oldest = queue[this.first++]
    if (this.first === queue.length) {
      this.queue = null
      this.first = 0
    } else if (this.first > compactAt && this.first * 2 > queue.length) {
      this.queue = queue.slice(this.first)
      this.first = 0
    }
    return oldest
  }

  private giveUpQueue(end: SessionEnd): void {
    this.orphans = 0
    while (this.oldest !== null) this.giveUp(this.shift(this.oldest), end)
  }

  private giveUp(session: Session, end: SessionEnd): void {
    const { budget } = this
    budget.outstanding--
    if (end === SessionEnd.timeout) budget.timeouts++
    else if (end === SessionEnd.lost) budget.lost++
    session.end = end
    this.emit(session)
  }

  private overflow(session: Session): void {
    this.budget.overflows++
    session.end = SessionEnd.overflow
    this.emit(session)
  }

  private emit(session: Session): void {
    this.onSession(session, this.owner)
  }
}
