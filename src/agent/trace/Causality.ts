// Joins the requests that a process serves with the calls that it makes for them. It is told of each event of the kernel before and
// after its bytes are parsed, and of each message; it gives causes to messages, and holds rows back of which it cannot tell yet.
// Everything stays unknown that is not seen to belong together.

import {
  abandon,
  Belief,
  belongs,
  type Cause,
  ClientCall,
  countCalls,
  ServedRequest,
  unguess,
} from "./Cause.ts"
import { type Exchange, remove } from "./Exchange.ts"
import { dropJobs } from "./Jobs.ts"
import type { Consumer } from "./Consumer.ts"
import type { Lane } from "./Lane.ts"
import { type LaneName, Lanes, type LanesOptions } from "./Lanes.ts"

/** Ids a second of which those of another start of this agent, a second later, stay clear; in all they stay below 2^53. */
const idsPerSecond = 2 ** 21
const maxHeld = 16_384
/** A row waits no longer for the end of the request that it may belong to. */
const maxHeldUs = 15_000_000
const maxConnects = 4_096

export interface CausalityOptions extends LanesOptions {
  /** Seconds since 1970 at the start. */
  readonly seed: number
}

interface Held {
  readonly call: ClientCall
  readonly sinceUs: number
}

export class Causality {
  readonly lanes: Lanes
  readonly counters = {
    /** Calls whose request is known, and is not. */
    joined: 0,
    unjoined: 0,
    /** Guesses that turned out wrong, and rows not held for want of room. */
    refuted: 0,
    overflows: 0,
  }
  #nextId: number
  #step = 0
  /** Of the event at work. */
  #lane: Lane | null = null
  #waits = 0
  #call: ClientCall | null = null
  #exchange: Exchange | null = null
  readonly #readNow: Array<Cause> = []
  #tid = 0
  /** Messages that nobody asked for; those that brokers deliver; the last of these, if it may be work of the lane. */
  #unasked = 0
  #deliveries = 0
  #delivery: ServedRequest | null = null
  readonly #held = new Set<Held>()
  /** Sockets that a thread began to connect, by what identifies them until they are connections. */
  readonly #connects = new Map<number, ClientCall>()
  #isBlind = false
  #nowUs = 0

  constructor({ seed, waitsAsLoop }: CausalityOptions) {
    this.lanes = new Lanes({ waitsAsLoop })
    this.#nextId = seed * idsPerSecond + 1
  }

  /** What the next request that is served is called. */
  get nextId(): number {
    return this.#nextId
  }

  /** Events were lost somewhere in those that come now: what is told until the next call is not believed. */
  blind(isBlind: boolean): void {
    if (isBlind || this.#isBlind) this.lanes.forgetAll()
    this.#isBlind = isBlind
  }

  /** The process is gone. */
  ended(tgid: number): void {
    this.lanes.ended(tgid)
  }

  /** The kernel tells that one lane woke another. */
  woke(tgid: number, who: LaneName, whom: LaneName, waits: number): void {
    if (!this.#isBlind) this.lanes.woke(tgid, who, whom, waits)
  }

  /** ... that a goroutine began another. */
  began(tgid: number, who: number, whom: number, nowUs: number): void {
    if (!this.#isBlind) this.lanes.began(tgid, who, whom, nowUs)
  }

  /** A Task of an event loop is over that moved bytes, or that made one which did: `creator` made it and is not, 0: not known. */
  taskEnded(tgid: number, task: number, creator: number, begunUs: number): void {
    this.lanes.taskEnded(tgid, task, creator, begunUs)
  }

  /** Id of the request that is served there at this point of the events, and no other; 0: not known. */
  servedBy(tgid: number, tid: number, coroutine: number): number {
    return this.#isBlind ? 0 : (this.lanes.known(tgid, tid, coroutine)?.only?.id ?? 0)
  }

  /** A thread began to connect the socket; `kind` as that of the Exchange it becomes. */
  connecting(socket: number, kind: number, tgid: number, tid: number, waits: number, nowUs: number): void {
    this.#connects.delete(socket)
    const lane = this.#isBlind ? null : this.lanes.of(tgid, tid, 0, nowUs)
    // A lane that serves alone says itself for what it calls, and for others counts what it says, not that it connects.
    if (lane === null || (!lane.isLoop && lane.consumer === null)) return
    const call = lane.isLoop
      ? lane.call(waits, ++this.#step, kind, null)
      : (lane.consumer?.call(++this.#step, null, waits) ?? null)
    if (call === null || (call.belief === Belief.settled && call.parent === null)) return
    if (this.#connects.size >= maxConnects) {
      this.#connects.delete(this.#connects.keys().next().value!)
      this.counters.overflows++
    }
    this.#connects.set(socket, call)
  }

  /** A connection is open on this socket. */
  opened(exchange: Exchange, socket: number): void {
    const call = this.#connects.get(socket)
    if (call === undefined) return
    this.#connects.delete(socket)
    exchange.connected = call
  }

  /**
   * Before an event's bytes are parsed. `isServer`: the observed process is the connection's server; undefined: not known
   * yet. `isSent`: it sent the bytes.
   */
  begin(
    exchange: Exchange,
    isServer: boolean | undefined,
    isSent: boolean,
    tgid: number,
    tid: number,
    coroutine: number,
    waits: number,
    nowUs: number,
  ): void {
    this.#step++
    this.#nowUs = nowUs
    this.#lane = this.#isBlind ? null : this.lanes.of(tgid, tid, coroutine, nowUs)
    this.#waits = waits
    this.#call = null
    this.#exchange = exchange
    this.#readNow.length = 0
    this.#tid = tid
    this.#unasked = 0
    this.#deliveries = 0
    this.#delivery = null
    if (isServer === undefined) return
    if (isServer && isSent) this.#answers(exchange)
    else if (isServer) this.#readsRequest(exchange)
    else if (isSent) this.#calls(exchange)
    else this.#readsAnswer(exchange)
  }

  #answers({ hasIds, kind, served, starting }: Exchange): void {
    const lane = this.#lane
    const first = served[0] ?? (starting instanceof ServedRequest ? starting : undefined)
    if (first === undefined || (hasIds && served.length > 1)) return lane?.writesOn()
    if (first.answeredAt > 0) return lane?.writesOn()
    first.answeredAt = this.#step
    lane?.answer(first, this.#waits, kind)
  }

  #readsRequest(exchange: Exchange): void {
    const { hasIds, starting } = exchange
    if (hasIds) {
      if (exchange.reader !== this.#lane) exchange.reader?.readsNoMore()
      exchange.reader = this.#lane
      this.#lane?.readsOn()
    }
    if (starting instanceof ServedRequest) this.#move(starting, exchange)
    else if (exchange.served.length === 0 && !hasIds) exchange.starting = this.#serve(exchange)
  }

  #serve(exchange: Exchange): ServedRequest {
    const request = new ServedRequest(this.#nextId++, this.#step, this.#lane)
    this.#lane?.serve(request, exchange.served)
    return request
  }

  /** The rest of the request is read by another lane than its beginning. */
  #move(request: ServedRequest, exchange: Exchange): void {
    if (request.lane === this.#lane) return
    request.lane?.leave(request)
    request.lane = this.#lane
    this.#lane?.serve(request, exchange.served)
  }

  #calls(exchange: Exchange): void {
    if (exchange.starting !== null) return this.#lane?.writesOn()
    exchange.starting = this.#newCall(exchange)
  }

  #newCall(exchange: Exchange): ClientCall {
    const lane = this.#lane
    const { connected } = exchange
    exchange.connected = null
    // In an event loop other requests come between; a lane that serves alone says itself for which one it makes the call.
    const isByConnect = connected !== null && connected.parent?.isOver !== true
    if (lane === null) this.#call = new ClientCall(this.#step, null, Belief.settled)
    else if (isByConnect && lane.isLoop) {
      lane.writesOn()
      this.#call = connected
    } else if (connected !== null && lane.consumer?.goesOn(connected, exchange, this.#waits) === true)
      this.#call = connected
    else
      this.#call =
        this.#call === null
          ? lane.call(this.#waits, this.#step, exchange.kind, exchange)
          : lane.callWith(this.#call)
    this.#call.on = exchange
    if (lane !== null && lane.program.handOver.mayBe) this.lanes.handOvers.consider(lane, this.#nowUs)
    return this.#call
  }

  #readsAnswer(exchange: Exchange): void {
    // What was begun is not what is answered now, or the rest of it follows by itself.
    exchange.starting = null
    const [first] = exchange.calls
    if (first !== undefined && !exchange.hasIds && first.answeredAt === 0) first.answeredAt = this.#step
  }

  /** A request with this id begins in the event's bytes, of which `request` tells later that it is whole. */
  begins(isServer: boolean, id: number): void {
    const exchange = this.#exchange
    if (exchange === null || !isServer) return
    exchange.hasIds = true
    const { starting } = exchange
    exchange.starting = null
    const request = starting instanceof ServedRequest ? starting : this.#serve(exchange)
    exchange.begun ??= new Map()
    exchange.begun.set(id, request)
    this.#reads(exchange, request, true)
  }

  #reads(exchange: Exchange, request: ServedRequest, hasId: boolean): void {
    request.isRead = true
    exchange.served.push(request)
    if (!hasId) return
    exchange.reader = this.#lane
    this.#lane?.streams(request)
  }

  /** A request was read whole from the event's bytes, sent or received; `id` -1: it has none. Null: no event is at work. */
  request(isServer: boolean, id: number): Cause | null {
    const exchange = this.#exchange
    if (exchange === null) return null
    const begun = isServer ? exchange.begun?.get(id) : undefined
    if (begun !== undefined) {
      exchange.begun?.delete(id)
      this.#readNow.push(begun)
      return begun
    }
    const hasId = id >= 0
    if (hasId) exchange.hasIds = true
    const { starting } = exchange
    exchange.starting = null
    if (!isServer) {
      const call = starting instanceof ClientCall ? starting : this.#newCall(exchange)
      exchange.calls.push(call)
      if (hasId) this.#lane?.asked(exchange)
      return call
    }
    const request = starting instanceof ServedRequest ? starting : this.#serve(exchange)
    this.#reads(exchange, request, hasId)
    this.#readNow.push(request)
    return request
  }

  /** A message that nobody asked for was read whole from the event's bytes. Null: what it leads to will not be known. */
  unasked(isServer: boolean, isDelivery: boolean): Cause | null {
    if (this.#exchange === null || isServer) return null
    this.#unasked++
    if (!isDelivery) return null
    this.#deliveries++
    const consumer = this.#lane?.consumes() ?? null
    if (consumer === null) return null
    this.lanes.consumes(this.#tid, consumer)
    this.#delivery = new ServedRequest(this.#nextId++, this.#step, null)
    return this.#delivery
  }

  /** Bytes from a server were read here. */
  #consumed(consumer: Consumer, exchange: Exchange): void {
    const answered = this.#readNow
    if (this.#deliveries === 0) consumer.readsAnswer(exchange, answered, this.#waits)
    else if (this.#delivery !== null && this.#unasked === 1 && answered.length === 0)
      consumer.reads(this.#delivery, exchange, this.#waits)
    else consumer.readOthers(exchange, this.#waits)
  }

  /** After the event's bytes were parsed. `isLeft`: nothing on this connection is parsed any more. */
  end(isServer: boolean | undefined, isSent: boolean, isLeft: boolean): void {
    const exchange = this.#exchange
    const lane = this.#lane
    this.#exchange = null
    this.#lane = null
    this.#call = null
    if (exchange === null || isServer === undefined) return
    // Of messages with ids others may come next than the rest of this one.
    if (exchange.hasIds || isLeft) this.#drop(exchange)
    if (isSent || lane === null) return
    if (!isServer && lane.consumer !== null) this.#consumed(lane.consumer, exchange)
    if (this.#readNow.length > 0) {
      for (const cause of this.#readNow) lane.read(cause, true, this.#waits, exchange.kind, this.#step)
      return
    }
    const { calls, hasIds, served, starting } = exchange
    const part = isServer ? (starting ?? served.at(-1) ?? null) : ((hasIds ? null : calls[0]) ?? null)
    lane.read(part, false, this.#waits, exchange.kind, this.#step)
  }

  #drop(exchange: Exchange): void {
    if (exchange.starting instanceof ServedRequest) this.#over(exchange.starting)
    exchange.starting = null
  }

  /** The connection is over. */
  closed(exchange: Exchange): void {
    this.#drop(exchange)
    for (const request of exchange.begun?.values() ?? []) this.#over(request)
    exchange.begun = null
    const { connected } = exchange
    if (connected === null || connected.belief === Belief.settled) return
    if (connected.parent === null) abandon(connected)
    else connected.belief = Belief.refuted
  }

  /** The request was answered or given up. True: it is a call whose row is to be held back. */
  settles(cause: Cause, exchange: Exchange | null, isAnswered: boolean): boolean {
    if (cause instanceof ServedRequest) {
      if (exchange !== null) remove(exchange.served, cause)
      this.#over(cause)
      return false
    }
    if (exchange !== null) remove(exchange.calls, cause)
    if (isAnswered) {
      if (cause.answeredAt === 0) cause.answeredAt = this.#step
      if (this.#exchange === exchange) this.#readNow.push(cause)
    }
    if (cause.belief !== Belief.settled && cause.parent?.isOver !== true && isAnswered) {
      if (this.#held.size < maxHeld) return true
      this.counters.overflows++
    }
    if (cause.belief !== Belief.settled) this.#settle(cause, false)
    this.#count(cause)
    return false
  }

  /** After `settles` was true: `release` is called when it is decided for what the call was made. */
  hold(call: ClientCall, release: () => void): void {
    const held = { call, sinceUs: this.#nowUs }
    this.#held.add(held)
    call.release = () => {
      this.#held.delete(held)
      this.#count(call)
      release()
    }
  }

  #count({ parent }: ClientCall): void {
    if (parent === null) this.counters.unjoined++
    else this.counters.joined++
  }

  #settle(call: ClientCall, isChild: boolean): void {
    if (call.belief === Belief.settled) return
    if (call.belief === Belief.refuted) this.counters.refuted++
    if (!isChild) call.parent = null
    call.belief = Belief.settled
    const { release } = call
    call.release = null
    release?.()
  }

  #over(request: ServedRequest): void {
    if (request.isOver) return
    request.isOver = true
    dropJobs(request)
    const { lane } = request
    lane?.leave(request)
    countCalls(request)
    for (const call of request.calls) {
      if (call.parent !== request) continue
      // It may be another one's: its own answer says.
      if (call.answeredAt === 0 && call.belief !== Belief.settled && lane?.isLoop === true) unguess(call)
      else this.#settle(call, belongs(call, request, lane?.program ?? null))
    }
    request.calls.length = 0
  }

  /** To be called about once a second. */
  expire(nowUs: number): void {
    this.lanes.expire(nowUs)
    for (const { call, sinceUs } of this.#held) {
      if (nowUs - sinceUs < maxHeldUs) return
      this.#settle(call, false)
    }
  }

  /** The end of capture: whatever is held is written. */
  releaseAll(): void {
    for (const { call } of this.#held) this.#settle(call, false)
  }

  /** Counters by metric name. */
  stats(): Record<string, number> {
    return {
      calls_joined_total: this.counters.joined,
      calls_unjoined_total: this.counters.unjoined,
      calls_refuted_total: this.counters.refuted,
      calls_held: this.#held.size,
      causality_overflows_total: this.counters.overflows,
      causal_lanes: this.lanes.size,
      causal_lanes_refused_total: this.lanes.refused,
      causal_watched: this.lanes.handOvers.size,
      causal_watched_refused_total: this.lanes.handOvers.refused,
    }
  }
}
