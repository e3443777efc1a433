// Which server each agent belongs to, simulated: how many agents move while nothing happens but noise, when a server joins and when
// one leaves, and how even the load is; then what plans, choices and the texts in the store cost for up to 10,000 agents.
// Usage: node bench/placement.ts. Needs nothing.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import type * as Scope from "effect/Scope"
import { Membership, type ServerRecord } from "../src/controller/membership/Membership.ts"
import { Board } from "../src/controller/placement/Board.ts"
import { choose, costOf } from "../src/controller/placement/choose.ts"
import { Placement } from "../src/controller/placement/Placement.ts"
import { makePlan, type Plan, type PlacedAgent } from "../src/controller/placement/plan.ts"
import { Coordination } from "../src/runtime/coordination/Coordination.ts"
import { MemoryStore, serviceOf } from "../src/runtime/coordination/memory.ts"
import { median, print, type Result } from "./Result.ts"

const agentCount = 1_000
const rounds = 24
const seeds = [1, 2, 3, 4]
const hourMs = 3_600_000
const sigma = 0.2
const meanRows = 100
const command = "node bench/placement.ts"
/** As the controller plans unless configured otherwise. */
const rules = { region: "here", allowSpill: false, movesMost: 100, restMs: 300_000 }

/** Numbers in [0, 1) that a seed gives (mulberry32). */
const randomOf = (seed: number) => {
  let state = seed
  return (): number => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

const server = (id: string): ServerRecord => ({
  id,
  control: "",
  ingest: "",
  http: "",
  admin: "",
  roles: [],
  region: "here",
  zone: "",
  servesZones: [],
  capacity: 100,
  version: "",
  startedMs: 0,
  isDraining: false,
})

const named = (count: number, prefix: string): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, at) => `${prefix}${at}`)

/** Ids as agents make them. */
const agentIds = (count: number, random: () => number): ReadonlyArray<string> =>
  Array.from({ length: count }, () =>
    Array.from({ length: 4 }, () =>
      Math.floor(random() * 2 ** 32)
        .toString(16)
        .padStart(8, "0"),
    ).join("-"),
  )

/** Few agents have most of the traffic. */
const traffic = (count: number): ReadonlyArray<number> => {
  const weights = Array.from({ length: count }, (_, at) => (at + 1) ** -0.8)
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return weights.map((weight) => (weight / total) * count * meanRows)
}

/** Placed one after the other in an order that has nothing to do with their traffic, as they come. */
const arrive = (
  ids: ReadonlyArray<string>,
  rows: ReadonlyArray<number>,
  servers: ReadonlyArray<ServerRecord>,
): ReadonlyArray<PlacedAgent> => {
  const board = new Board(servers, rules)
  return [...ids.keys()]
    .sort((one, other) => (ids[one]! < ids[other]! ? -1 : 1))
    .map((at) => {
      const wish = { id: ids[at]!, region: "", zone: "" }
      const load = costOf(rows[at]!)
      board.expect(board.homeOf(wish), load)
      const chosen = choose(wish, load, board)
      if (typeof chosen === "string") throw new Error(chosen)
      board.add(chosen.id, load)
      return { ...wish, load, server: chosen.id, sinceMs: 0 }
    })
}

const carriedOut = (agents: ReadonlyArray<PlacedAgent>, plan: Plan, nowMs: number) => {
  const to = new Map(plan.moves.map((move) => [move.agent, move.to]))
  return agents.map((agent) => {
    const target = to.get(agent.id)
    return target === undefined ? agent : { ...agent, server: target, sinceMs: nowMs }
  })
}

/** Largest load over the average. */
const peakOf = (loads: ReadonlyArray<number>): number =>
  (Math.max(...loads) * loads.length) / loads.reduce((sum, load) => sum + load, 0)

interface Simulated {
  readonly moves: ReadonlyArray<number>
  readonly peakBefore: number
  readonly peakAfter: number
  readonly joined: number
  readonly joinedPeak: number
  readonly joinedShare: number
  readonly joinedAgents: number
  readonly orphans: number
  readonly othersMoved: number
  readonly leftPeak: number
}

/** Plans hour by hour until one has nothing to do. */
const settle = (
  agents: ReadonlyArray<PlacedAgent>,
  servers: ReadonlyArray<ServerRecord>,
  startMs: number,
) => {
  const moved = new Set<string>()
  let nowMs = startMs
  let current = agents
  let last: Plan | undefined
  do {
    nowMs += hourMs
    last = makePlan(current, servers, { ...rules, filling: last?.filling ?? [], nowMs })
    for (const move of last.moves) moved.add(move.agent)
    current = carriedOut(current, last, nowMs)
  } while (last.moves.length > 0 && nowMs < startMs + 10 * hourMs)
  return { agents: current, moved, loads: last.servers, nowMs }
}

/** `isDrifting`: each hour's traffic comes from the hour before, not from what the agent usually has. */
const simulate = (seed: number, isDrifting: boolean, servers = 4): Simulated => {
  const random = randomOf(seed)
  const ids = agentIds(agentCount, random)
  const usual = traffic(agentCount)
  const usualOf = new Map(ids.map((id, at) => [id, usual[at]!]))
  const many = named(servers, "s").map(server)
  let { agents, nowMs } = settle(arrive(ids, usual, many), many, 0)
  const moves: Array<number> = []
  let peakBefore = 0
  let peakAfter = 0
  for (let round = 0; round < rounds; round++) {
    nowMs += hourMs
    agents = agents.map((agent) => {
      const from = isDrifting ? agent.load : usualOf.get(agent.id)!
      return { ...agent, load: costOf(from * Math.exp(sigma * normal(random) - sigma ** 2 / 2)) }
    })
    const plan = makePlan(agents, many, { ...rules, nowMs })
    moves.push(plan.moves.length)
    peakBefore = Math.max(peakBefore, peakOf(plan.servers.map(({ loadBefore }) => loadBefore)))
    peakAfter = Math.max(peakAfter, peakOf(plan.servers.map(({ loadAfter }) => loadAfter)))
    agents = carriedOut(agents, plan, nowMs)
  }
  const more = [...many, server(`s${servers}`)]
  const join = settle(agents, more, nowMs)
  const newcomer = join.loads.find(({ id }) => id === `s${servers}`)!
  const gone = new Set(agents.filter((agent) => agent.server === "s0").map(({ id }) => id))
  const leave = settle(agents, many.slice(1), nowMs)
  return {
    moves,
    peakBefore,
    peakAfter,
    joined: join.moved.size,
    joinedPeak: peakOf(join.loads.map(({ loadAfter }) => loadAfter)),
    joinedShare:
      (newcomer.loadAfter * more.length) / join.loads.reduce((sum, { loadAfter }) => sum + loadAfter, 0),
    joinedAgents: newcomer.agentsAfter,
    orphans: gone.size,
    othersMoved: [...leave.moved].filter((id) => !gone.has(id)).length,
    leftPeak: peakOf(leave.loads.map(({ loadAfter }) => loadAfter)),
  }
}

const mean = (numbers: ReadonlyArray<number>): number =>
  numbers.reduce((sum, number) => sum + number, 0) / numbers.length

const span = (numbers: ReadonlyArray<number>, digits: number): string => {
  const least = Math.min(...numbers).toFixed(digits)
  const most = Math.max(...numbers).toFixed(digits)
  return least === most ? least : `${least} to ${most}`
}

const steady = (runs: ReadonlyArray<Simulated>, noise: string, isBar: boolean): Result => {
  const movesAnHour = mean(runs.flatMap(({ moves }) => moves))
  const most = Math.max(...runs.flatMap(({ moves }) => moves))
  const peak = Math.max(...runs.map(({ peakAfter }) => peakAfter))
  const peakBefore = Math.max(...runs.map((run) => run.peakBefore))
  return {
    what: `Placement, ${agentCount} agents on 4 servers, ${rounds} hours, ${noise}`,
    bar: isBar ? "<= 3 agents moved an hour, load over average <= 1.25" : "",
    measured:
      `${movesAnHour.toFixed(2)} agents moved an hour (${most} at most); worst load over average ` +
      `${peak.toFixed(2)} after the plans, ${peakBefore.toFixed(2)} before`,
    ...(isBar ? { isMet: movesAnHour <= 3 && peak <= 1.25 } : {}),
    command,
  }
}

const joining = (runs: ReadonlyArray<Simulated>, ordinal: string): Result => ({
  what: `Placement, a ${ordinal} server joins`,
  bar: "it gets >= 0.7 of the average, <= 25 % of the agents move, load over average <= 1.25",
  measured:
    `${span(
      runs.map(({ joined }) => (joined / agentCount) * 100),
      1,
    )} % of the agents move;` +
    ` it then has ${span(
      runs.map(({ joinedShare }) => joinedShare),
      2,
    )} of the average load and` +
    ` ${span(
      runs.map(({ joinedAgents }) => joinedAgents),
      0,
    )} agents; load over average at most` +
    ` ${Math.max(...runs.map(({ joinedPeak }) => joinedPeak)).toFixed(2)}`,
  isMet: runs.every(
    ({ joined, joinedPeak, joinedShare }) =>
      joined <= agentCount / 4 && joinedPeak <= 1.25 && joinedShare >= 0.7,
  ),
  command,
})

const leaving = (runs: ReadonlyArray<Simulated>): Result => ({
  what: "Placement, one of 4 servers leaves",
  bar: "only its agents move, load over average <= 1.25",
  measured:
    `${span(
      runs.map(({ orphans }) => orphans),
      0,
    )} agents were its own, ${span(
      runs.map(({ othersMoved }) => othersMoved),
      0,
    )} others move; load over average at most` +
    ` ${Math.max(...runs.map(({ leftPeak }) => leftPeak)).toFixed(2)}`,
  isMet: runs.every(({ leftPeak, othersMoved }) => othersMoved === 0 && leftPeak <= 1.25),
  command,
})

const timeMs = (work: () => void): number => {
  const times: Array<number> = []
  for (let run = 0; run < 5; run++) {
    const started = performance.now()
    work()
    times.push(performance.now() - started)
  }
  return median(times)
}

/** Time of one plan: nothing to do, and a server gone. */
const planCost = (count: number): Result => {
  const servers = named(Math.max(4, count / 250), "s").map(server)
  const ids = agentIds(count, randomOf(count))
  const { agents, nowMs } = settle(arrive(ids, traffic(count), servers), servers, 0)
  const options = { ...rules, nowMs: nowMs + hourMs }
  const still = timeMs(() => makePlan(agents, servers, options))
  const gone = timeMs(() => makePlan(agents, servers.slice(1), options))
  const isBar = count === 10_000
  return {
    what: `Placement, one plan for ${count.toLocaleString("en")} agents on ${servers.length} servers`,
    bar: isBar ? "<= 1 s" : "",
    measured: `${still.toFixed(1)} ms with nothing to do, ${gone.toFixed(1)} ms with a server gone`,
    ...(isBar ? { isMet: Math.max(still, gone) <= 1_000 } : {}),
    command,
  }
}

/** The service on one server of four, over a store in this process. */
const region = Effect.gen(function* () {
  const prefix = "/sonde/bench/"
  const store = new MemoryStore()
  const coordination = Layer.succeed(Coordination, serviceOf(store))
  const member = (id: string) =>
    Layer.build(
      Membership.layer({ prefix, self: server(id), leaseMs: 60_000, isCandidate: false }).pipe(
        Layer.provide(coordination),
      ),
    )
  const [first] = yield* Effect.forEach(named(4, "s"), member)
  const membership = Context.get(first!, Membership)
  while (membership.servers().size < 4) yield* Effect.sleep(5)
  const services = yield* Layer.build(
    Placement.layer({
      ...rules,
      prefix,
      wishOf: (id) => ({ id, region: "", zone: "" }),
      tellEveryMs: 50,
    }).pipe(Layer.provide(Layer.succeed(Membership, membership)), Layer.provide(coordination)),
  )
  return { placement: Context.get(services, Placement), prefix, store }
})

const quiet = <A, E>(work: Effect.Effect<A, E, Scope.Scope>): Promise<A> =>
  Effect.runPromise(work.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")))

/** Agents that come one right after the other. */
const arrivals = async (count: number): Promise<Result> => {
  const { placeBytes, placedMs } = await quiet(
    Effect.gen(function* () {
      const { placement, prefix, store } = yield* region
      const started = performance.now()
      for (const id of agentIds(count, randomOf(count))) {
        yield* placement.ensure({ id, region: "", zone: "" })
        yield* Effect.yieldNow
      }
      const placedMs = performance.now() - started
      let placeBytes = 0
      for (const { key, value } of store.list(`${prefix}place/`))
        placeBytes += Buffer.byteLength(key) + Buffer.byteLength(value)
      return { placedMs, placeBytes }
    }),
  )
  return {
    what: `Placement, ${count.toLocaleString("en")} agents come at once`,
    bar: count === 10_000 ? "<= 1 ms a choice" : "",
    measured:
      `${(placedMs / count).toFixed(2)} ms a choice, ${(placedMs / 1e3).toFixed(1)} s for all;` +
      ` place/* ${(placeBytes / 1e3).toFixed(0)} kB`,
    ...(count === 10_000 ? { isMet: placedMs / count <= 1 } : {}),
    command,
  }
}

/** What a server tells that has all the agents. */
const loadText = async (count: number): Promise<Result> => {
  const bytes = await quiet(
    Effect.gen(function* () {
      const { placement, prefix, store } = yield* region
      const random = randomOf(count)
      const nowMs = Date.now()
      for (const id of agentIds(count, random)) {
        placement.reported(id, 0, nowMs)
        placement.reported(id, Math.round(random() * 1e6), nowMs + 10_000)
      }
      const texts = () => store.list(`${prefix}load/s0/`)
      const told = () => texts().reduce((sum, { value }) => sum + value.split("],[").length, 0)
      // Earlier texts may have had some of them.
      while (told() < count) yield* Effect.sleep(10)
      return texts().map(({ value }) => Buffer.byteLength(value))
    }),
  )
  const total = bytes.reduce((sum, one) => sum + one, 0)
  return {
    what: `Placement, load/ID/N of one server with ${count.toLocaleString("en")} agents`,
    bar: "each < 100 kB",
    measured: `${bytes.length} texts, ${(total / 1e3).toFixed(0)} kB, the largest ${(Math.max(...bytes) / 1e3).toFixed(0)} kB`,
    isMet: Math.max(...bytes) < 100_000,
    command,
  }
}

export const placement = async (): Promise<ReadonlyArray<Result>> => {
  const noisy = seeds.map((seed) => simulate(seed, false))
  const drifting = seeds.map((seed) => simulate(seed, true))
  const ten = seeds.map((seed) => simulate(seed, false, 10))
  const results = [
    steady(noisy, "each hour 20 % noise around its usual traffic", true),
    steady(drifting, "traffic that drifts 20 % an hour", false),
    joining(noisy, "5th"),
    joining(ten, "11th"),
    leaving(noisy),
  ]
  for (const count of [100, 300, 1_000, 3_000, 10_000]) results.push(planCost(count))
  for (const count of [100, 1_000, 10_000]) results.push(await arrivals(count))
  results.push(await loadText(10_000))
  return results
}

if (import.meta.main) for (const result of await placement()) print(result)
