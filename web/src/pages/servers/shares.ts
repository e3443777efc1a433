// What each server carries against what it should: its fair share is its part of the capacity of all servers that take agents. Pure.

import type { PlannedServer, ServerView } from "../../api/adminContract.ts"

export interface Share {
  readonly id: string
  readonly isDraining: boolean
  readonly before: number
  readonly after: number
  readonly fair: number
}

export type Measure = "load" | "agents"

const takesAgents = ({ isDraining, roles }: ServerView): boolean =>
  !isDraining && (roles.length === 0 || roles.includes("controller"))

/** Servers of the plan; those that are gone have no share. */
export const sharesOf = (
  planned: ReadonlyArray<PlannedServer>,
  servers: ReadonlyArray<ServerView>,
  measure: Measure,
): ReadonlyArray<Share> => {
  const byId = new Map(servers.map((server) => [server.id, server]))
  const capacity = servers.reduce((sum, server) => sum + (takesAgents(server) ? server.capacity : 0), 0)
  const rows = planned.map((each) => ({
    id: each.id,
    before: measure === "load" ? each.loadBefore : each.agentsBefore,
    after: measure === "load" ? each.loadAfter : each.agentsAfter,
  }))
  const total = rows.reduce((sum, { after }) => sum + after, 0)
  return rows.map((row) => {
    const server = byId.get(row.id)
    const fair = server !== undefined && takesAgents(server) ? (total * server.capacity) / capacity : 0
    return { ...row, fair, isDraining: server?.isDraining ?? true }
  })
}

/** What the longest bar means; never 0. */
export const scaleOf = (shares: ReadonlyArray<Share>): number =>
  shares.reduce((most, { after, before, fair }) => Math.max(most, before, after, fair), 0) || 1

/** A server that carries this much more than its share is above it. */
const tolerated = 1.2

export const isAbove = (value: number, fair: number): boolean => value > fair * tolerated && value > 0
