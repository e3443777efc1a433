// What the leader would move, and why: first what must move, then what restores the balance, then what comes home. An agent stays
// where it is unless there is a reason, and moves once at most; the same input gives the same plan, and after it nothing is left to do.

import { Board, type BoardAgent, type PlacedAgent } from "./Board.ts"
import { choose, pressure } from "./ring.ts"
import { nearness, nobodyBecause, type PlaceableServer, type PlacementRules } from "./rules.ts"

export interface PlanOptions extends PlacementRules {
  /** How far above its fair share a server may be. */
  readonly epsilon: number
  /** An agent that was placed less long ago is not moved for the balance, nor home. */
  readonly ageLeastMs: number
  /** Moves of one plan, those from servers that are gone not counted. */
  readonly movesMost: number
}

export const planDefaults: Pick<PlanOptions, "epsilon" | "ageLeastMs" | "movesMost"> = {
  epsilon: 0.2,
  ageLeastMs: 600_000,
  movesMost: 100,
}

export type MoveReason =
  | "no place"
  | "server gone"
  | "draining"
  | "not allowed"
  | "region"
  | "above bound"
  | "below share"
  | "zone"

export interface Move {
  readonly agent: string
  /** Empty: it had no place. A server that is gone is named all the same. */
  readonly from: string
  readonly to: string
  readonly reason: MoveReason
  /** Rows a second. */
  readonly load: number
}

export interface ServerLoad {
  readonly id: string
  /** What it should carry by capacity and rules; no less than 0. */
  readonly fairLoad: number
  readonly loadBefore: number
  readonly loadAfter: number
  readonly agentsBefore: number
  readonly agentsAfter: number
}

export interface Plan {
  readonly moves: ReadonlyArray<Move>
  /** By id. */
  readonly servers: ReadonlyArray<ServerLoad>
  /** Agents that nobody may take, those included that stay at a server that should not have them. */
  readonly unplaced: ReadonlyArray<{ readonly agent: string; readonly reason: string }>
  /** More is to do than one plan may: the next goes on. */
  readonly isCutShort: boolean
}

export interface PlanInput {
  readonly nowMs: number
  readonly agents: Iterable<PlacedAgent>
  readonly servers: Iterable<PlaceableServer>
  readonly options: PlanOptions
}

/** Up to where servers are filled and down to where they are relieved: what is done is not undone by a little noise. */
export const lowMark = (epsilon: number): number => 1 + epsilon / 2
/** A server below is filled: it has joined, or many of its agents are gone. */
const underMark = (epsilon: number): number => Math.max(0.5, 1 - 2 * epsilon)
/** Loads are sums in changing order. */
const tolerance = 1e-9

const byLoad = (one: BoardAgent, other: BoardAgent): number =>
  other.load - one.load || (one.id < other.id ? -1 : 1)

class Planner {
  readonly board: Board
  readonly options: PlanOptions
  readonly nowMs: number
  readonly moves: Array<Move> = []
  readonly unplaced: Array<{ readonly agent: string; readonly reason: string }> = []
  private left: number
  isCutShort = false

  constructor(input: PlanInput) {
    this.board = new Board(input.agents, input.servers, input.options)
    this.options = input.options
    this.nowMs = input.nowMs
    this.left = input.options.movesMost
  }

  private move(agent: BoardAgent, to: number, reason: MoveReason): void {
    this.moves.push({
      agent: agent.id,
      from: agent.server,
      to: this.board.ring.servers[to]!.id,
      reason,
      load: agent.load,
    })
    this.board.move(agent, to)
  }

  /** False: the plan is full. */
  private tryMove(agent: BoardAgent, to: number, reason: MoveReason): boolean {
    if (this.left <= 0) {
      this.isCutShort = true
      return false
    }
    this.left--
    this.move(agent, to, reason)
    return true
  }

  private isMovable(agent: BoardAgent): boolean {
    return !agent.isMoved && this.nowMs - agent.placedMs >= this.options.ageLeastMs
  }

  private forcedReason(agent: BoardAgent): MoveReason | undefined {
    if (agent.server === "") return "no place"
    if (agent.at < 0) return "server gone"
    if (agent.openness.nearness[agent.at] !== undefined) return undefined
    const refusal = nearness(agent, this.board.ring.servers[agent.at]!, this.options)
    return typeof refusal === "number" ? "region" : refusal
  }

  /** Agents whose place is none. The large ones first: the small ones fill what they leave. */
  force(): void {
    const urgent: Array<readonly [BoardAgent, MoveReason]> = []
    const rest: Array<readonly [BoardAgent, MoveReason]> = []
    for (const agent of this.board.agents.toSorted(byLoad)) {
      const reason = this.forcedReason(agent)
      if (reason === undefined) continue
      if (agent.openness.open.length === 0) {
        this.unplaced.push({
          agent: agent.id,
          reason: nobodyBecause(agent, this.board.ring.servers, this.options),
        })
      } else (agent.at < 0 ? urgent : rest).push([agent, reason])
    }
    const { epsilon } = this.options
    for (const [agent, reason] of [...urgent, ...rest]) {
      const limits = [lowMark(epsilon), 1 + epsilon]
      const chosen = choose(this.board.ring, agent, agent.load, this.board, limits, this.options)
      if ("nobody" in chosen) continue
      if (agent.at < 0) this.move(agent, chosen.server, reason)
      else if (!this.tryMove(agent, chosen.server, reason)) return
    }
  }

  /** Fills servers that carry far too little, with agents whose own order begins with them as far as possible. */
  fill(): void {
    const { board } = this
    const { epsilon } = this.options
    for (const [at, server] of board.ring.servers.entries()) {
      const fair = board.fair[at]!
      if (fair <= 0 || server.isDraining || board.pressure(at) >= underMark(epsilon)) continue
      // Nobody takes more agents than its part of them, however small they are.
      const agentsMost = Math.ceil((board.agents.length * fair) / board.total)
      const givers = board.agents.filter((agent) => this.mayFill(agent, at))
      const first = new Set(givers.filter((agent) => this.isFirst(agent, at)))
      const ordered = [
        ...givers.filter((agent) => first.has(agent)).sort(byLoad),
        ...givers.filter((agent) => !first.has(agent)).sort(byLoad),
      ]
      for (const agent of ordered) {
        const enough = first.has(agent) ? 1 - epsilon / 2 : underMark(epsilon)
        if (board.at[at]!.size >= agentsMost || board.pressure(at) >= enough) break
        if (board.pressure(at, agent.load) > lowMark(epsilon)) continue
        if (board.pressure(agent.at, -agent.load) < 1 - tolerance) continue
        if (!this.tryMove(agent, at, "below share")) return
      }
    }
  }

  private mayFill(agent: BoardAgent, at: number): boolean {
    if (agent.at < 0 || agent.at === at || !this.isMovable(agent)) return false
    const { nearness: near } = agent.openness
    const here = near[agent.at]
    // Not out of its zone: what is too much elsewhere, `shed` brings.
    return near[at] !== undefined && here !== undefined && near[at] <= here
  }

  private isFirst(agent: BoardAgent, at: number): boolean {
    for (const candidate of this.board.ring.order(agent.id)) {
      if (agent.openness.nearness[candidate] === agent.openness.nearness[at]) return candidate === at
    }
    return false
  }

  /** Relieves servers above the bound, the most pressed first. */
  shed(): void {
    const { board } = this
    const bound = 1 + this.options.epsilon
    const stuck = new Set<number>()
    while (true) {
      let worst: number | undefined
      for (const at of board.ring.servers.keys()) {
        if (stuck.has(at) || board.pressure(at) <= bound + tolerance) continue
        if (worst === undefined || board.pressure(at) > board.pressure(worst)) worst = at
      }
      if (worst === undefined) return
      if (!this.relieve(worst)) stuck.add(worst)
      if (this.isCutShort) return
    }
  }

  /** Brings one server down to the low mark, if others take that much. False: nothing was moved. */
  private relieve(at: number): boolean {
    const { board } = this
    const { epsilon } = this.options
    const low = lowMark(epsilon)
    let hasMoved = false
    const movable = [...board.at[at]!].filter((agent) => this.isMovable(agent)).sort(byLoad)
    while (board.pressure(at) > low + tolerance) {
      const excess = board.load[at]! - low * board.fair[at]!
      // Only a server above the bound may press another one further, or send agents out of their zone.
      const isAbove = board.pressure(at) > 1 + epsilon + tolerance
      const relief = board.pressure(at) - epsilon / 2
      const stages: ReadonlyArray<readonly [limit: number, isFurther: boolean]> = [
        [low, false],
        ...(isAbove
          ? ([
              [1 + epsilon, false],
              [low, true],
              [1 + epsilon, true],
              [relief, false],
              [relief, true],
            ] as const)
          : []),
      ]
      const found = this.findRelief(at, movable, excess, stages)
      if (found === undefined) break
      if (!this.tryMove(found.agent, found.to, "above bound")) break
      movable.splice(movable.indexOf(found.agent), 1)
      hasMoved = true
    }
    return hasMoved
  }

  /** The agent whose load comes nearest to the excess, among those that somebody takes. */
  private findRelief(
    at: number,
    movable: ReadonlyArray<BoardAgent>,
    excess: number,
    stages: ReadonlyArray<readonly [limit: number, isFurther: boolean]>,
  ): { readonly agent: BoardAgent; readonly to: number } | undefined {
    for (const [limit, isFurther] of stages) {
      /** Most that any server open to such agents takes, worked out once for all that share it. */
      const room = new Map<BoardAgent["openness"], number>()
      let best: BoardAgent | undefined
      for (const agent of movable) {
        let most = room.get(agent.openness)
        if (most === undefined) {
          most = 0
          for (const to of this.targets(agent, at, isFurther))
            most = Math.max(most, limit * this.board.fair[to]! - this.board.load[to]!)
          room.set(agent.openness, most)
        }
        if (agent.load > most) continue
        if (best === undefined || Math.abs(agent.load - excess) < Math.abs(best.load - excess)) best = agent
      }
      if (best === undefined) continue
      let to: number | undefined
      for (const candidate of this.targets(best, at, isFurther)) {
        const after = this.board.pressure(candidate, best.load)
        if (to === undefined || after < this.board.pressure(to, best.load)) to = candidate
      }
      if (to !== undefined) return { agent: best, to }
    }
    return undefined
  }

  private targets(agent: BoardAgent, from: number, isFurther: boolean): ReadonlyArray<number> {
    const { nearness: near, open } = agent.openness
    return open.filter((to) => to !== from && (isFurther || near[to]! <= (near[from] ?? 2)))
  }

  /** Brings agents back to their zone where there is room without pressing anybody. */
  bringHome(): void {
    const { board } = this
    for (const agent of board.agents) {
      if (agent.at < 0 || !this.isMovable(agent)) continue
      const { nearness: near, open } = agent.openness
      if (near[agent.at] !== 1) continue
      const isRoomy = (to: number): boolean =>
        near[to] === 0 && pressure(board.load[to]! + agent.load, board.fair[to]!) <= 1
      if (!open.some(isRoomy)) continue
      for (const to of board.ring.order(agent.id)) {
        if (!isRoomy(to)) continue
        if (!this.tryMove(agent, to, "zone")) return
        break
      }
    }
  }
}

export const plan = (input: PlanInput): Plan => {
  const planner = new Planner(input)
  const { board } = planner
  const before = board.ring.servers.map((_, at) => ({ load: board.load[at]!, agents: board.at[at]!.size }))
  planner.force()
  // What one step makes room for, another may use; every agent moves once at most, so this ends.
  let moved = -1
  while (moved !== planner.moves.length && !planner.isCutShort) {
    moved = planner.moves.length
    planner.fill()
    if (!planner.isCutShort) planner.shed()
    if (!planner.isCutShort) planner.bringHome()
  }
  return {
    moves: planner.moves,
    servers: board.ring.servers.map(({ id }, at) => ({
      id,
      fairLoad: board.fair[at]!,
      loadBefore: before[at]!.load,
      loadAfter: board.load[at]!,
      agentsBefore: before[at]!.agents,
      agentsAfter: board.at[at]!.size,
    })),
    unplaced: planner.unplaced.sort((one, other) => (one.agent < other.agent ? -1 : 1)),
    isCutShort: planner.isCutShort,
  }
}
