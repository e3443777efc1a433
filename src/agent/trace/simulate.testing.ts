// A program with one thread, as the kernel would tell of it: clients ask, it makes its calls and answers, with random delays.

import { Events, type Talk } from "./events.testing.ts"

/** Numbers in [0, 1) that are the same each time (mulberry32). */
export const randomFrom = (seed: number) => (): number => {
  let a = (seed += 0x6d2b79f5)
  a = Math.imul(a ^ (a >>> 15), a | 1)
  a ^= a + Math.imul(a ^ (a >>> 7), a | 61)
  return ((a ^ (a >>> 14)) >>> 0) / 4_294_967_296
}

/** How the calls of one turn are made. */
export interface Way {
  /** To whom; else to one and the same. */
  readonly port?: number
  /** So many at once; else one. */
  readonly times?: number
  /** Connections; more calls than these wait for one. Else: as many as are needed. */
  readonly pool?: number
  /** Who waits longest is served last. */
  readonly isLastFirst?: boolean
  /** Whoever waits for the connection gets it before, or after, the answer is used; else now this way, now that. */
  readonly frees?: "before" | "after"
  /** All go over one connection, and do not wait for each other's answers. */
  readonly isPipelined?: boolean
  /** Asked again with this chance. */
  readonly again?: number
}

export interface Shape {
  /** Clients that ask one request after another. */
  readonly clients: number
  /** Calls in turn. */
  readonly calls: ReadonlyArray<Way>
  /** Requests that are worked on at a time; more wait. */
  readonly atATime?: number
  /** All that is ready is read before any of it is worked on. */
  readonly isQueue?: boolean
  /** And then only after what is ready by then was read, too. */
  readonly isBehind?: boolean
  /** Before calls, and before the answer, a timer of random length is waited for: always, or with this chance. */
  readonly sleepsBeforeCalls?: number
  readonly sleepsBeforeAnswer?: number
  /** Calls that belong to no request, made by a timer, for each request one with this chance; and right after the answer. */
  readonly background?: number
  readonly afterAnswer?: number
  /** Requests that are answered at once. */
  readonly cached?: number
  /** Idle between two steps with this chance; else there is always something to do. */
  readonly idle?: number
  readonly seed?: number
}

const usualPort = 6_379

/** Connections to one port. */
class Pool {
  readonly idle: Array<Talk> = []
  readonly queued: Array<() => void> = []
  /** Over a connection that all share: calls in order, and when each is answered. */
  readonly sent: Array<{ readonly at: number; readonly then: () => void }> = []
  shared: Talk | undefined
  connections = 0
}

export interface Found {
  readonly answered: number
  /** Shares of the calls. */
  readonly right: number
  readonly wrong: number
}

/** One thread runs what is due in order of time; times are in milliseconds. */
export const simulate = (shape: Shape, requests = 2_000): Found => {
  const random = randomFrom(shape.seed ?? 7)
  const isBy = (chance: number | undefined): boolean => chance !== undefined && random() < chance
  const events = new Events(new Set([1]))
  const pools = new Map<number, Pool>()
  const due: Array<readonly [at: number, read: (() => void) | null, work: () => void]> = []
  let now = 0
  let asked = 0
  let answered = 0
  let working = 0
  const waiting: Array<() => void> = []
  const later = (delay: number, read: (() => void) | null, work: () => void): void => {
    due.push([now + delay * (0.5 + random()), read, work])
  }
  const poolOf = ({ port = usualPort }: Way): Pool => {
    let pool = pools.get(port)
    if (pool === undefined) pools.set(port, (pool = new Pool()))
    return pool
  }
  const next = (pool: Pool, { isLastFirst }: Way): void =>
    (isLastFirst === true ? pool.queued.pop() : pool.queued.shift())?.()
  const shared = (way: Way, name: string, then: () => void): void => {
    const pool = poolOf(way)
    const talk = (pool.shared ??= events.client(way.port))
    events.request(talk, name)
    let ready: ReadonlyArray<() => void> = []
    // Whatever is answered by then comes in one piece; it may have come with an earlier one.
    const read = (): void => {
      const count = pool.sent.findIndex((one) => one.at > now)
      ready = pool.sent.splice(0, count < 0 ? pool.sent.length : count).map((one) => one.then)
      if (ready.length > 0) events.answers(talk, ready.length)
    }
    const at = Math.max(pool.sent.at(-1)?.at ?? 0, now + 2 * (0.5 + random()))
    pool.sent.push({ at, then })
    due.push([at, read, () => ready.forEach((one) => one())])
  }
  const call = (way: Way, name: string, then: () => void): void => {
    if (way.isPipelined === true) return shared(way, name, then)
    const pool = poolOf(way)
    if (pool.idle.length === 0 && pool.connections === way.pool) {
      pool.queued.push(() => call(way, name, then))
      return
    }
    if (pool.idle.length === 0) pool.connections++
    const talk = pool.idle.pop() ?? events.client(way.port)
    events.request(talk, name)
    later(
      2,
      () => {
        events.answer(talk)
        pool.idle.push(talk)
      },
      () => {
        const isFirst = way.frees === undefined ? random() < 0.5 : way.frees === "before"
        if (isFirst) next(pool, way)
        if (isBy(way.again)) call(way, name, then)
        else then()
        if (!isFirst) next(pool, way)
      },
    )
  }
  const sleep = (chance: number | undefined, then: () => void): void => {
    if (isBy(chance)) later(3, null, then)
    else then()
  }
  const serve = (talk: Talk, name: string, turn: number): void => {
    const way = shape.calls[turn]
    if (way === undefined || (turn === 0 && isBy(shape.cached))) {
      sleep(shape.sleepsBeforeAnswer, () => {
        events.answer(talk)
        answered++
        working--
        if (isBy(shape.afterAnswer)) call(shape.calls[0]!, `after ${name}`, () => {})
        if (asked < requests) ask(talk)
        waiting.shift()?.()
      })
      return
    }
    sleep(shape.sleepsBeforeCalls, () => {
      const { times = 1 } = way
      let left = times
      for (let i = 0; i < times; i++)
        call(way, `${name} ${turn}.${i}`, () => {
          if (--left === 0) serve(talk, name, turn + 1)
        })
    })
  }
  const begin = (talk: Talk, name: string): void => {
    if (working >= (shape.atATime ?? Infinity)) {
      waiting.push(() => begin(talk, name))
      return
    }
    working++
    serve(talk, name, 0)
  }
  const ask = (talk: Talk): void => {
    const name = `R${asked++}`
    later(
      1,
      () => events.request(talk, name),
      () => begin(talk, name),
    )
    if (isBy(shape.background)) later(5, null, () => call(shape.calls[0]!, `background ${name}`, () => {}))
  }
  for (let i = 0; i < shape.clients; i++) ask(events.server())
  let steps = 0
  let read: typeof due = []
  while (due.length > 0 || read.length > 0) {
    if (steps++ % 1_000 === 5) events.causality.expire(events.nowUs)
    due.sort(([a], [b]) => a - b)
    const [first] = due
    if (read.length === 0 && (first![0] > now || isBy(shape.idle))) {
      events.wait()
      now = Math.max(now, first![0])
    }
    // What is ready by now is taken in one go; a step takes some time, so that with many clients much is ready.
    const least = read.length === 0 ? 1 : 0
    const ready = due.splice(0, Math.max(least, due.filter(([at]) => at <= now).length))
    if (shape.isQueue === true) for (const one of ready) one[1]?.()
    const work = shape.isBehind === true ? read : ready
    read = shape.isBehind === true ? ready : []
    for (const one of work) {
      if (shape.isQueue !== true) one[1]?.()
      one[2]()
      now += 0.02
    }
  }
  events.causality.releaseAll()
  const joined = Object.entries(events.joined)
  const count = (is: (name: string, parent: string) => boolean): number =>
    joined.filter(([name, parent]) => is(name, parent)).length / joined.length
  return {
    answered,
    right: count((name, parent) => name.split(" ")[0] === parent),
    wrong: count((name, parent) => parent !== "-" && name.split(" ")[0] !== parent),
  }
}
