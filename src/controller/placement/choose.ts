// Which server takes an agent that has none: the first in its order with room, so that places hardly change when servers do.

import type { Board } from "./Board.ts"
import { type AgentWish, inOrder, type PlaceServer } from "./order.ts"

/** Rows a second that an agent counts at least. */
export const idleLoad = 10
/** A server may have this much more than its share: 0.2 is 20 %. */
export const defaultEpsilon = 0.2

export const costOf = (rowsPerSecond: number): number => Math.max(idleLoad, rowsPerSecond)

/**
 * The first in the agent's order that stays within `1 + epsilon` of its share with it; the one that has the most room when none does.
 * The board must expect the agent already (`Board.expect`), and not have it at a server.
 */
export const choose = (
  agent: AgentWish,
  load: number,
  board: Board,
  epsilon = defaultEpsilon,
): PlaceServer | string => {
  const home = board.homeOf(agent)
  if (home.nobody !== "") return home.nobody
  let best: PlaceServer | undefined
  let least = Infinity
  for (const server of inOrder(agent.id, board.openTo(agent, home))) {
    const pressure = board.pressure(server.id, load)
    if (pressure <= 1 + epsilon) return server
    if (best === undefined || pressure < least) {
      least = pressure
      best = server
    }
  }
  return best!
}
