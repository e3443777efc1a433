import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { allowedFor, inOrder, type PlaceServer } from "./order.ts"
import { choose, Loads, makePlan, type Move, type PlacedAgent } from "./plan.ts"

const server = (id: string, changes: Partial<PlaceServer> = {}): PlaceServer => ({
  id,
  region: "here",
  zone: "",
  servesZones: [],
  capacity: 100,
  isDraining: false,
  ...changes,
})

const agent = (id: string, at: string, changes: Partial<PlacedAgent> = {}): PlacedAgent => ({
  id,
  region: "",
  zone: "",
  load: 10,
  server: at,
  sinceMs: 0,
  ...changes,
})

const rules = { region: "here", allowSpill: false, nowMs: 1e9 }

const names = (count: number, prefix: string) => Array.from({ length: count }, (_, at) => `${prefix}${at}`)

/** Agents placed one after the other, as they come. */
const settle = (
  ids: ReadonlyArray<string>,
  servers: ReadonlyArray<PlaceServer>,
  loadOf: (at: number) => number = () => 10,
) => {
  const loads = new Loads()
  return ids.map((id, at) => {
    const load = loadOf(at)
    const chosen = choose({ id, region: "", zone: "" }, load, servers, loads, rules)
    if (typeof chosen === "string") throw new Error(chosen)
    loads.add(chosen.id, load)
    return agent(id, chosen.id, { load })
  })
}

const moved = (
  agents: ReadonlyArray<PlacedAgent>,
  moves: ReadonlyArray<Move>,
): ReadonlyArray<PlacedAgent> => {
  const to = new Map(moves.map((move) => [move.agent, move.to]))
  return agents.map((one) => ({ ...one, server: to.get(one.id) ?? one.server }))
}

describe("order", () => {
  it("prefers each server as its capacity says, and changes no more than it must", () => {
    const four = [server("a"), server("b"), server("c", { capacity: 200 }), server("d")]
    const ids = names(10_000, "agent-")
    const first = (servers: ReadonlyArray<PlaceServer>) => ids.map((id) => inOrder(id, servers)[0]!.id)
    const before = first(four)
    for (const { capacity, id } of four) {
      const share = before.filter((one) => one === id).length / ids.length
      assert.closeTo(share, capacity / 500, 0.015)
    }
    const after = first([...four, server("e")])
    const changes = ids.filter((_, at) => before[at] !== after[at])
    assert.isTrue(changes.every((id) => after[ids.indexOf(id)] === "e"))
    assert.closeTo(changes.length / ids.length, 1 / 6, 0.015)
  })

  it("says why nobody takes an agent", () => {
    const wish = { id: "x", region: "", zone: "z1" }
    assert.include(allowedFor(wish, [], rules) as string, "no living server")
    assert.include(allowedFor(wish, [server("a", { region: "far" })], rules) as string, "region here")
    assert.lengthOf(allowedFor(wish, [server("a", { region: "far" })], { ...rules, allowSpill: true }), 1)
    assert.include(allowedFor(wish, [server("a", { isDraining: true })], rules) as string, "drained")
    assert.include(allowedFor(wish, [server("a", { servesZones: ["z2"] })], rules) as string, `zone "z1"`)
    const near = [server("a", { zone: "z2" }), server("b", { zone: "z1" })]
    assert.deepStrictEqual(allowedFor(wish, near, rules), [near[1]])
    assert.deepStrictEqual(allowedFor({ ...wish, avoid: ["b"] }, near, rules), [near[0]])
    assert.lengthOf(allowedFor({ ...wish, avoid: ["a", "b"] }, near, rules), 1)
  })
})

describe("plan", () => {
  const four = names(4, "s").map((id) => server(id))

  it("moves nothing where nothing has to", () => {
    const agents = settle(names(1_000, "a"), four)
    assert.deepStrictEqual(makePlan(agents, four, rules).moves, [])
    for (const { loadBefore } of makePlan(agents, four, rules).servers) assert.isAtMost(loadBefore, 3_010)
  })

  it("gives a server that joins its part, and moves no more than a quarter of the agents", () => {
    const agents = settle(names(1_000, "a"), four)
    const five = [...four, server("s4")]
    const { moves, servers } = makePlan(agents, five, rules)
    assert.isAtMost(moves.length, 250)
    assert.isTrue(moves.every(({ reason, to }) => to === "s4" && reason === "above its share"))
    const most = Math.max(...servers.map(({ loadAfter }) => loadAfter))
    assert.isAtMost(most / 2_000, 1.25)
    assert.deepStrictEqual(makePlan(moved(agents, moves), five, rules).moves, [])
  })

  it("spreads the agents of a server that is gone or drained over the others, and moves no others", () => {
    const agents = settle(names(1_000, "a"), four)
    for (const [servers, reason] of [
      [four.slice(1), "server gone"],
      [[server("s0", { isDraining: true }), ...four.slice(1)], "draining"],
    ] as const) {
      const { moves, servers: after } = makePlan(agents, servers, rules)
      assert.strictEqual(moves.length, agents.filter((one) => one.server === "s0").length)
      assert.isTrue(moves.every((move) => move.from === "s0" && move.reason === reason))
      const loads = after.filter(({ id }) => id !== "s0").map(({ loadAfter }) => loadAfter)
      assert.isAtMost(Math.max(...loads) / (10_000 / 3), 1.21)
    }
  })

  it("keeps to zones, to rest and to the number of moves", () => {
    const zoned = [server("a", { servesZones: ["z1"] }), server("b", { servesZones: ["z2"] })]
    const strayed = makePlan([agent("x", "a", { zone: "z2" })], zoned, rules)
    assert.deepStrictEqual(
      strayed.moves.map(({ reason, to }) => [to, reason]),
      [["b", "not allowed here"]],
    )
    const nobody = makePlan([agent("x", "a", { zone: "z3" })], zoned, rules)
    assert.deepStrictEqual(nobody.moves, [])
    assert.include(nobody.unplaced[0]!.reason, `zone "z3"`)
    const crowded = names(100, "x").map((id) => agent(id, "s0", { sinceMs: 1e9 - 1_000 }))
    assert.isAbove(makePlan(crowded, four, rules).moves.length, 50)
    assert.lengthOf(makePlan(crowded, four, { ...rules, movesMost: 7 }).moves, 7)
    assert.lengthOf(makePlan(crowded, four, { ...rules, restMs: 60_000 }).moves, 0)
  })

  it("leaves an agent that is larger than any share where it is", () => {
    const agents = [agent("giant", "s0", { load: 1_000 }), ...names(30, "x").map((id) => agent(id, "s1"))]
    assert.isFalse(makePlan(agents, four, rules).moves.some((move) => move.agent === "giant"))
  })

  it("for any agents and servers: never a dead, draining or forbidden server; and a plan carried out needs few others", () => {
    const anyServer = fc.record({
      id: fc.constantFrom(...names(6, "s")),
      region: fc.constantFrom("here", "there"),
      zone: fc.constantFrom("", "z1", "z2"),
      servesZones: fc.constantFrom([], ["z1"], ["z1", "z2"]),
      capacity: fc.integer({ min: 1, max: 1_000 }),
      isDraining: fc.boolean(),
    })
    const anyAgent = fc.record({
      id: fc.string({ maxLength: 20 }),
      region: fc.constantFrom("", "here", "there"),
      zone: fc.constantFrom("", "z1", "z2"),
      load: fc.integer({ min: 10, max: 100_000 }),
      server: fc.constantFrom("", ...names(7, "s")),
      sinceMs: fc.constant(0),
    })
    fc.assert(
      fc.property(
        fc.uniqueArray(anyServer, { selector: ({ id }) => id, maxLength: 6 }),
        fc.uniqueArray(anyAgent, { selector: ({ id }) => id, maxLength: 60 }),
        fc.boolean(),
        (servers, agents, allowSpill) => {
          const options = { ...rules, allowSpill }
          const plan = makePlan(agents, servers, options)
          const byId = new Map(servers.map((one) => [one.id, one]))
          const wishes = new Map(agents.map((one) => [one.id, one]))
          assert.strictEqual(new Set(plan.moves.map((move) => move.agent)).size, plan.moves.length)
          for (const { agent: id, from, to } of plan.moves) {
            const wish = wishes.get(id)!
            const target = byId.get(to)!
            assert.notStrictEqual(from, to)
            assert.isFalse(target.isDraining)
            assert.isTrue(
              target.servesZones.length === 0 || new Set<string>(target.servesZones).has(wish.zone),
            )
            if (!allowSpill) assert.strictEqual(target.region, wish.region || "here")
          }
          const again = makePlan(moved(agents, plan.moves), servers, options)
          assert.isTrue(again.moves.every(({ reason }) => reason === "above its share"))
          for (const { id, loadAfter } of again.servers) {
            const after = plan.servers.find((one) => one.id === id)!.loadAfter
            if (again.moves.length === 0) assert.closeTo(loadAfter, after, 1e-6)
          }
        },
      ),
      { numRuns: 300 },
    )
  })
})
