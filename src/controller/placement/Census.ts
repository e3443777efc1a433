// The board that new agents are placed by: every agent counted where it belongs, kept by change, made anew when the servers change
// and every now and then, since loads and zones change without saying so.

import { Board, type Home } from "./Board.ts"
import { choose, costOf } from "./choose.ts"
import type { AgentWish, PlaceRules, PlaceServer } from "./order.ts"
import type { KnownPlace, Places } from "./Places.ts"

const freshMs = 15_000

interface Counted {
  readonly home: Home
  readonly server: string
  readonly cost: number
}

export interface CensusOptions {
  readonly rules: PlaceRules
  readonly wishOf: (agent: string) => AgentWish
  readonly loadOf: (agent: string) => number
  readonly servers: () => Iterable<PlaceServer>
}

/** What of servers decides places. */
const signatureOf = (servers: ReadonlyArray<PlaceServer>): string =>
  servers
    .map(({ capacity, id, isDraining, region, servesZones, zone }) =>
      [id, region, zone, capacity, isDraining, ...servesZones].join("\u0001"),
    )
    .join("\u0002")

export class Census {
  readonly #options: CensusOptions
  #board: Board
  #counted = new Map<string, Counted>()
  #signature = ""
  #madeMs = Number.NEGATIVE_INFINITY
  /** How often everything was counted. */
  made = 0

  constructor(options: CensusOptions) {
    this.#options = options
    this.#board = new Board([], options.rules)
  }

  get board(): Board {
    return this.#board
  }

  /** A place changed; undefined: there is none any more. */
  changed(agent: string, place: KnownPlace | undefined): void {
    this.#uncount(agent)
    if (place !== undefined) this.#count(agent, place)
  }

  /** Where an agent would go that has no server which lives. */
  choose(agent: AgentWish, places: Places, nowMs: number): PlaceServer | string {
    this.#refresh(places, nowMs)
    const counted = this.#counted.get(agent.id)
    this.#uncount(agent.id)
    const home = this.#board.homeOf(agent)
    const cost = counted?.cost ?? costOf(this.#options.loadOf(agent.id))
    this.#board.expect(home, cost)
    const chosen = choose(agent, cost, this.#board)
    this.#board.expect(home, -cost)
    if (counted !== undefined) this.#add(agent.id, counted)
    return chosen
  }

  #refresh(places: Places, nowMs: number): void {
    const servers = [...this.#options.servers()]
    const signature = signatureOf(servers)
    if (signature === this.#signature && nowMs - this.#madeMs < freshMs && nowMs >= this.#madeMs) return
    this.#signature = signature
    this.#madeMs = nowMs
    this.made++
    this.#board = new Board(servers, this.#options.rules)
    this.#counted = new Map()
    for (const [agent, place] of places.entries()) this.#count(agent, place)
  }

  #count(agent: string, { server }: KnownPlace): void {
    const home = this.#board.homeOf(this.#options.wishOf(agent))
    this.#add(agent, { home, server, cost: costOf(this.#options.loadOf(agent)) })
  }

  #add(agent: string, counted: Counted): void {
    this.#board.expect(counted.home, counted.cost)
    this.#board.add(counted.server, counted.cost)
    this.#counted.set(agent, counted)
  }

  #uncount(agent: string): void {
    const counted = this.#counted.get(agent)
    if (counted === undefined) return
    this.#board.expect(counted.home, -counted.cost)
    this.#board.remove(counted.server, counted.cost)
    this.#counted.delete(agent)
  }
}
