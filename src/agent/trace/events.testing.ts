// Orders of events as the kernel tells them, for tests of what is made of them: who reads and writes what, and how often it had waited.

import { Causality } from "./Causality.ts"
import { type Cause, causalId, ClientCall } from "./Cause.ts"
import { calledKind, Exchange } from "./Exchange.ts"
import type { LaneName } from "./Lanes.ts"

export interface Caller {
  readonly tgid?: number
  readonly tid?: number
  readonly coroutine?: number
}

/** One connection of the observed process, with one request at a time or several. */
export class Talk {
  readonly exchange = new Exchange()
  readonly isServer: boolean
  readonly open: Array<{ readonly name: string; readonly cause: Cause | null }> = []

  constructor(isServer: boolean, port: number) {
    this.isServer = isServer
    this.exchange.kind = isServer ? port : calledKind(port)
  }
}

export class Events {
  readonly causality: Causality
  /** How often each thread has waited. */
  readonly #waits = new Map<number, number>()
  /** Ids of served requests by name. */
  readonly #served = new Map<string, number>()
  /** Calls whose rows are written, each with the id in it. */
  readonly #calls: Array<readonly [name: string, id: number]> = []
  /** Processes of which it is told who wakes whom. */
  readonly watched = new Set<number>()
  nowUs = 1
  /** Of the last request with an id. */
  #id = 0

  /** Threads that are seen to wait as event loops do, and as others do. */
  constructor(loops: ReadonlySet<number> = new Set(), others: ReadonlySet<number> = new Set()) {
    const waitsAsLoop = (tid: number): boolean | undefined =>
      loops.has(tid) ? true : others.has(tid) ? false : undefined
    this.causality = new Causality({ seed: 1, waitsAsLoop })
  }

  /** From now on it is told who wakes whom, of processes of which that is asked. */
  tellWakes(): void {
    this.causality.lanes.handOvers.watcher = {
      watch: (tgid) => {
        this.watched.add(tgid)
        return true
      },
      unwatch: (tgid) => void this.watched.delete(tgid),
    }
  }

  /** One lane wakes another of its process, which was asleep. */
  wakes(who: Caller, whom: Caller): void {
    const { coroutine = 0, tgid = 100 } = who
    const name = (caller: Caller): LaneName =>
      coroutine === 0 ? { tid: caller.tid ?? 1, coroutine: 0 } : { tid: 0, coroutine: caller.coroutine ?? 0 }
    const waits = coroutine === 0 ? this.waits(whom.tid ?? 1) : 0
    if (this.watched.has(tgid)) this.causality.woke(tgid, name(who), name(whom), waits)
  }

  /** One goroutine begins another. */
  begins(who: number, whom: number, tgid = 100): void {
    if (this.watched.has(tgid)) this.causality.began(tgid, who, whom, this.nowUs)
  }

  server(): Talk {
    return new Talk(true, 80)
  }

  client(port = 6_379): Talk {
    return new Talk(false, port)
  }

  /** The thread had to wait. */
  wait(tid = 1): void {
    this.#waits.set(tid, this.waits(tid) + 1)
  }

  waits(tid: number): number {
    return this.#waits.get(tid) ?? 0
  }

  #event(
    talk: Talk,
    isSent: boolean,
    { coroutine = 0, tgid = 100, tid = 1 }: Caller,
    parse: () => void,
  ): void {
    const { exchange, isServer } = talk
    this.causality.begin(exchange, isServer, isSent, tgid, tid, coroutine, this.waits(tid), this.nowUs++)
    parse()
    this.causality.end(isServer, isSent, false)
  }

  /** Requests that are read, or sent, whole in one event; none: a part of one. */
  request(talk: Talk, names: string | ReadonlyArray<string>, caller: Caller = {}, hasId = false): void {
    this.#event(talk, !talk.isServer, caller, () => {
      for (const name of [names].flat()) this.#whole(talk, name, hasId ? ++this.#id : -1)
    })
  }

  #whole(talk: Talk, name: string, id: number): void {
    const cause = this.causality.request(talk.isServer, id)
    talk.open.push({ name, cause })
    if (talk.isServer) this.#served.set(name, causalId(cause))
  }

  /** One event brings the ends of requests that began before, the beginnings of others, and others whole, in this order. */
  frames(
    talk: Talk,
    { begun = [], ended = [], whole = [] }: Readonly<Partial<Record<"ended" | "begun" | "whole", string[]>>>,
    caller: Caller = {},
  ): void {
    this.#event(talk, !talk.isServer, caller, () => {
      for (const name of ended) this.#whole(talk, name, this.#idOf(name))
      for (const name of begun) this.causality.begins(talk.isServer, this.#idOf(name))
      for (const name of whole) this.#whole(talk, name, ++this.#id)
    })
  }

  /** Names of such requests are letters. */
  #idOf(name: string): number {
    return 1_000_000 + name.charCodeAt(0)
  }

  /** The answer to the oldest request of the connection, or to this one; a part of it when it is not whole. */
  answer(talk: Talk, caller: Caller = {}, name?: string, isWhole = true): void {
    this.#event(talk, talk.isServer, caller, () => {
      const at = name === undefined ? 0 : talk.open.findIndex((one) => one.name === name)
      const [one] = isWhole ? talk.open.splice(at, 1) : []
      if (one !== undefined) this.#settle(talk, one.name, one.cause, true)
    })
  }

  /** So many answers, in one event. */
  answers(talk: Talk, count: number, caller: Caller = {}): void {
    this.#event(talk, talk.isServer, caller, () => {
      for (const { cause, name } of talk.open.splice(0, count)) this.#settle(talk, name, cause, true)
    })
  }

  /** A broker sends messages, all in one event; `isWork` false: what it says of itself. */
  delivers(talk: Talk, names: string | ReadonlyArray<string>, caller: Caller = {}, isWork = true): void {
    this.#event(talk, false, caller, () => {
      for (const name of [names].flat()) {
        const cause = this.causality.unasked(talk.isServer, isWork)
        this.#served.set(name, causalId(cause))
        if (cause !== null) this.causality.settles(cause, talk.exchange, true)
      }
    })
  }

  #settle(talk: Talk, name: string, cause: Cause | null, isAnswered: boolean): void {
    const write = (): void => {
      if (!talk.isServer) this.#calls.push([name, causalId(cause)])
    }
    if (
      cause !== null &&
      this.causality.settles(cause, talk.exchange, isAnswered) &&
      cause instanceof ClientCall
    )
      this.causality.hold(cause, write)
    else write()
  }

  /** What was asked is given up. */
  close(talk: Talk): void {
    for (const { cause, name } of talk.open.splice(0)) this.#settle(talk, name, cause, false)
    this.causality.closed(talk.exchange)
  }

  /** Of each call whose row is written, the request it is joined with; "-": none. */
  get joined(): Readonly<Record<string, string>> {
    const names = new Map([...this.#served].map(([name, id]) => [id, name]))
    return Object.fromEntries(
      this.#calls.map(([name, id]) => [name, id === 0 ? "-" : (names.get(id) ?? "?")]),
    )
  }
}
