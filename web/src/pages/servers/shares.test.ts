import { describe, expect, it } from "vitest"
import type { PlannedServer, ServerView } from "../../api/adminContract.ts"
import { isAbove, scaleOf, sharesOf } from "./shares.ts"

const server = (id: string, capacity: number, isDraining = false): ServerView => ({
  id,
  capacity,
  isDraining,
  control: "",
  ingest: "",
  http: "",
  roles: ["controller", "ingester"],
  region: "eu",
  zone: "",
  version: "",
  startedMs: 0,
  isLeader: false,
  agents: 0,
  load: 0,
})
const planned = (id: string, before: number, after: number): PlannedServer => ({
  id,
  loadBefore: before * 10,
  loadAfter: after * 10,
  agentsBefore: before,
  agentsAfter: after,
})

describe("shares", () => {
  it("divides by capacity among those that take agents", () => {
    const servers = [server("a", 100), server("b", 200), server("c", 100, true)]
    const plan = [planned("a", 6, 3), planned("b", 0, 6), planned("c", 3, 0)]
    expect(sharesOf(plan, servers, "load").map(({ fair }) => fair)).toEqual([30, 60, 0])
    expect(sharesOf(plan, servers, "agents").map(({ fair, before }) => [before, fair])).toEqual([
      [6, 3],
      [0, 6],
      [3, 0],
    ])
    expect(scaleOf(sharesOf(plan, servers, "load"))).toBe(60)
  })

  it("gives a server that is gone no share", () =>
    expect(sharesOf([planned("gone", 2, 0)], [], "load")).toEqual([
      { id: "gone", before: 20, after: 0, fair: 0, isDraining: true },
    ]))

  it("has a scale without any load", () => {
    const shares = sharesOf([planned("a", 0, 0)], [server("a", 100)], "load")
    expect(scaleOf(shares)).toBe(1)
    expect(shares.some(({ after, fair }) => isAbove(after, fair))).toBe(false)
  })

  it("tolerates a little above the share", () => {
    expect(isAbove(119, 100)).toBe(false)
    expect(isAbove(121, 100)).toBe(true)
    expect(isAbove(1, 0)).toBe(true)
  })
})
