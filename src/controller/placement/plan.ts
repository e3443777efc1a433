// Which agents should belong to another server, and why: pure. Nothing moves that need not: servers that are gone, drained or
// forbidden lose their agents; then what strayed out of its zone comes home, a server above its bound gives what brings it clearly
// below, and one far below its share is filled. A plan carried out has nothing left to do: each such step brings an agent home, or
// brings loads closer to the shares.

import { Board, type Home } from "./Board.ts"
import { choose, defaultEpsilon } from "./choose.ts"
import { type AgentWish, firstFor, inOrder, type PlaceRules, type PlaceServer, refusalOf } from "./order.ts"

export interface PlacedAgent extends AgentWish {
  /** Rows a second, smoothed; an idle agent costs `idleLoad` all the same. */
  readonly load: number
  /** Empty: none yet. */
  readonly server: string
  /** When it came to this server, milliseconds since 1970; 0: not known. */
  readonly sinceMs: number
  /** Somebody moved it here by hand, so it rests longer. */
  readonly isByHand?: boolean
  /** Revision of its place in the store; 0: not known. */
  readonly revision?: number
}

export interface PlanOptions extends PlaceRules {
  /** A server may have this much more than its share: `epsilon` 0.2 is 20 %. */
  readonly epsilon?: number
  /** Moves for balance and zones in one plan; those that must be are not counted. */
  readonly movesMost?: number
  /** An agent that came later stays, unless it must go. */
  readonly restMs?: number
  /** The same for one that was moved by hand. */
  readonly handRestMs?: number
  /** Servers that the plan before began to fill (`Plan.filling`). */
  readonly filling?: ReadonlyArray<string>
  readonly nowMs: number
}

export type MoveReason =
  | "server gone"
  | "draining"
  | "not allowed here"
  | "out of its zone"
  | "above its share"
  | "another has too little"

export interface Move {
  readonly agent: string
  readonly from: string
  readonly to: string
  readonly reason: MoveReason
  readonly load: number
  /** Revision of the agent's place that the plan was made from. */
  readonly revision: number
}

export interface ServerLoad {
  readonly id: string
  readonly loadBefore: number
  readonly loadAfter: number
  readonly agentsBefore: number
  readonly agentsAfter: number
}

export interface Plan {
  readonly moves: ReadonlyArray<Move>
  readonly servers: ReadonlyArray<ServerLoad>
  readonly unplaced: ReadonlyArray<{ readonly agent: string; readonly reason: string }>
  /** Servers that have too little still: the next plan goes on, although they may be above the mark that begins it. */
  readonly filling: ReadonlyArray<string>
}

/** Below this part of its share a server is filled: it has joined, or came back. */
const underMark = 0.6
/** Up to where: further with agents that have it first, which it would have got anyway. */
const filledMark = 0.75
const filledFirstMark = 0.9
/** Rounds of all steps; few are ever needed, and the next plan goes on. */
const passesMost = 16
/** Loads are sums in changing order. */
const tolerance = 1e-9

interface Placed {
  readonly agent: PlacedAgent
  /** Servers that may have it, the preferred alone where there are any. */
  readonly open: ReadonlyArray<PlaceServer>
  at: string
  reason: MoveReason | undefined
  /** Which of `open` it has first, once that was asked. */
  first: string | undefined
}

const largestFirst = (one: Placed, other: Placed): number =>
  other.agent.load - one.agent.load || (one.agent.id < other.agent.id ? -1 : 1)

class Planner {
  readonly board: Board
  readonly placed: Array<Placed> = []
  readonly unplaced: Array<{ readonly agent: string; readonly reason: string }> = []
  readonly #homeless: Array<readonly [Placed, MoveReason]> = []
  readonly #at = new Map<string, Set<Placed>>()
  readonly #options: PlanOptions
  readonly #filling: Set<string>
  readonly #bound: number
  /** What is relieved goes down to here, and what is filled stays below: a little noise does not undo it. */
  readonly #low: number
  #left: number

  constructor(agents: ReadonlyArray<PlacedAgent>, servers: ReadonlyArray<PlaceServer>, options: PlanOptions) {
    const epsilon = options.epsilon ?? defaultEpsilon
    this.#options = options
    this.#filling = new Set(options.filling)
    this.#bound = 1 + epsilon
    this.#low = 1 + epsilon / 2
    this.#left = options.movesMost ?? Number.POSITIVE_INFINITY
    this.board = new Board(servers, options)
    const byId = new Map(servers.map((server) => [server.id, server]))
    for (const server of servers) this.#at.set(server.id, new Set())
    for (const agent of agents) {
      if (agent.server === "") continue
      const home = this.board.homeOf(agent)
      this.board.expect(home, agent.load)
      this.#take(agent, home, byId.get(agent.server))
    }
  }

  #take(agent: PlacedAgent, home: Home, server: PlaceServer | undefined): void {
    const one: Placed = {
      agent,
      open: this.board.openTo(agent, home),
      at: agent.server,
      reason: undefined,
      first: undefined,
    }
    const isRefused = server !== undefined && refusalOf(agent, server, this.#options) !== undefined
    if (server === undefined) this.#homeless.push([one, "server gone"])
    else if (isRefused) this.#homeless.push([one, server.isDraining ? "draining" : "not allowed here"])
    else {
      this.#put(one, agent.server)
      this.placed.push(one)
    }
  }

  #put(one: Placed, server: string): void {
    this.board.add(server, one.agent.load)
    this.#at.get(server)!.add(one)
    one.at = server
  }

  #move(one: Placed, to: string, reason: MoveReason): void {
    this.board.remove(one.at, one.agent.load)
    this.#at.get(one.at)!.delete(one)
    this.#put(one, to)
    one.reason ??= reason
    this.#left--
  }

  /** Agents whose place is none. The largest first: what is small fills the gaps. */
  force(): void {
    this.#homeless.sort(([one], [other]) => largestFirst(one, other))
    for (const [one, reason] of this.#homeless) {
      const server = choose(one.agent, one.agent.load, this.board, this.#bound - 1)
      if (typeof server === "string") {
        // It stays with a server that lives but should not have it, and costs there.
        if (this.board.has(one.at)) this.board.add(one.at, one.agent.load)
        this.unplaced.push({ agent: one.agent.id, reason: server })
        continue
      }
      this.#put(one, server.id)
      one.reason = reason
      this.placed.push(one)
    }
  }

  /** Until there is nothing left to do. */
  balance(): void {
    for (let pass = 0; pass < passesMost && this.#left > 0; pass++) {
      // Filling first: it takes from those that are above, and stopping half-way would leave a newcomer just over the mark.
      const moves = this.#bringHome() + this.#fill() + this.#shed()
      if (moves === 0) return
    }
  }

  /** It has been here long enough, or moves anyway. */
  #isMovable({ agent, reason }: Placed): boolean {
    const { handRestMs, nowMs, restMs = 0 } = this.#options
    const rest = agent.isByHand === true ? (handRestMs ?? restMs) : restMs
    // A time far ahead was written by a clock that was wrong.
    return this.#left > 0 && (reason !== undefined || Math.abs(nowMs - agent.sinceMs) >= rest)
  }

  /** Agents that are out of their zone, or with a server that they cannot reach, while there is one for them. */
  #bringHome(): number {
    let moves = 0
    for (const one of this.placed) {
      if (one.open.length === 0 || one.open.some(({ id }) => id === one.at) || !this.#isMovable(one)) continue
      const to = inOrder(one.agent.id, one.open).find(
        // An agent larger than any share would find room nowhere.
        ({ id }) =>
          this.board.pressure(id, one.agent.load) <= this.#low || this.board.pressure(id) < underMark,
      )
      if (to === undefined) continue
      this.#move(one, to.id, "out of its zone")
      moves++
    }
    return moves
  }

  /** Relieves servers above the bound, the most pressed first. */
  #shed(): number {
    const above = this.board.servers
      .filter(({ id }) => this.#isAbove(id))
      .sort((one, other) => this.board.pressure(other.id) - this.board.pressure(one.id))
    let moves = 0
    for (const { id } of above) moves += this.#relieve(id)
    return moves
  }

  #isAbove(server: string): boolean {
    return this.board.loadOf(server) > this.#bound * this.board.shareOf(server) + tolerance
  }

  #relieve(server: string): number {
    const { board } = this
    const share = board.shareOf(server)
    let moves = 0
    // To those with clear room; else with some; else to any that has no more afterwards than this one.
    for (const limit of [this.#low, this.#bound, Infinity]) {
      for (const one of [...this.#at.get(server)!].sort(largestFirst)) {
        const { load } = one.agent
        const excess = board.loadOf(server) - this.#low * share
        if (excess <= 0 || (limit > this.#low && !this.#isAbove(server))) return moves
        if (!this.#isMovable(one)) continue
        // One that is larger than what is too much would leave this one empty, or only be too much elsewhere.
        if (load > excess * 1.5 && load > share * (this.#low - 1)) continue
        const after = board.pressure(server, -load)
        const to = inOrder(one.agent.id, one.open).find(
          ({ id }) =>
            id !== server &&
            (limit === Infinity ? board.pressure(id, load) <= after : board.pressure(id, load) <= limit) &&
            this.#improves(load, server, id),
        )
        if (to === undefined) continue
        this.#move(one, to.id, "above its share")
        moves++
      }
    }
    return moves
  }

  /** Whether the sum of squares of loads by share becomes less: what does cannot go round in circles. */
  #improves(load: number, from: string, to: string): boolean {
    const { board } = this
    return (
      board.pressure(to) + board.pressure(to, load) + tolerance <
      board.pressure(from) + board.pressure(from, -load)
    )
  }

  /** Fills servers that have far too little, with agents that have them first if those are enough. */
  #fill(): number {
    let moves = 0
    for (const { id, isDraining } of this.board.servers) {
      if (isDraining || this.board.shareOf(id) <= 0) continue
      if (this.board.pressure(id) < underMark) this.#filling.add(id)
      else if (!this.#filling.has(id) || this.board.pressure(id) >= filledMark) continue
      moves += this.#fillOne(id)
    }
    return moves
  }

  filling(): ReadonlyArray<string> {
    return [...this.#filling].filter((id) => this.board.has(id) && this.board.pressure(id) < filledMark)
  }

  #fillOne(server: string): number {
    const { board } = this
    const givers = this.placed
      .filter((one) => one.at !== server && this.#isMovable(one) && one.open.some(({ id }) => id === server))
      .sort(largestFirst)
    // Nobody takes more agents than its part of them, however small they are.
    const agentsMost = Math.ceil((this.placed.length * board.shareOf(server)) / board.total)
    let moves = 0
    for (const [isFirstOnly, isFromAbove] of [
      [true, true],
      [false, true],
      [true, false],
      [false, false],
    ] as const) {
      const mark = isFirstOnly && isFromAbove ? filledFirstMark : filledMark
      for (const one of givers) {
        if (this.#left <= 0 || board.agentsOf(server) >= agentsMost || board.pressure(server) >= mark) break
        if (one.at === server) continue
        if (isFirstOnly && (one.first ??= firstFor(one.agent.id, one.open)!.id) !== server) continue
        const { load } = one.agent
        const here = board.pressure(server, load)
        const there = board.pressure(one.at, -load)
        if (here > this.#low || there < (isFromAbove ? 1 : here) || !this.#improves(load, one.at, server))
          continue
        this.#move(one, server, "another has too little")
        moves++
      }
    }
    return moves
  }
}

export const makePlan = (
  agents: ReadonlyArray<PlacedAgent>,
  servers: ReadonlyArray<PlaceServer>,
  options: PlanOptions,
): Plan => {
  const before = new Map<string, { load: number; agents: number }>()
  for (const { load, server } of agents) {
    const sums = before.get(server) ?? { load: 0, agents: 0 }
    before.set(server, sums)
    sums.load += load
    sums.agents++
  }
  const planner = new Planner(agents, servers, options)
  planner.force()
  planner.balance()
  const { board, placed, unplaced } = planner
  return {
    moves: placed.flatMap(({ agent, at, reason }) =>
      reason === undefined || at === agent.server
        ? []
        : [
            {
              agent: agent.id,
              from: agent.server,
              to: at,
              reason,
              load: agent.load,
              revision: agent.revision ?? 0,
            },
          ],
    ),
    servers: servers.map(({ id }) => ({
      id,
      loadBefore: before.get(id)?.load ?? 0,
      loadAfter: board.loadOf(id),
      agentsBefore: before.get(id)?.agents ?? 0,
      agentsAfter: board.agentsOf(id),
    })),
    unplaced,
    filling: planner.filling(),
  }
}
