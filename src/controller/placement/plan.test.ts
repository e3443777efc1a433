import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { Board } from "./Board.ts"
import { choose } from "./choose.ts"
import { allowedFor, firstFor, inOrder, type PlaceServer } from "./order.ts"
import { makePlan, type Move, type PlacedAgent } from "./plan.ts"
import { fairShares } from "./shares.ts"

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
  changesOf: (at: number) => Partial<PlacedAgent> = () => ({}),
) => {
  const board = new Board(servers, rules)
  return ids.map((id, at) => {
    const wish = agent(id, "", changesOf(at))
    board.expect(board.homeOf(wish), wish.load)
    const chosen = choose(wish, wish.load, board)
    if (typeof chosen === "string") throw new Error(chosen)
    board.add(chosen.id, wish.load)
    return { ...wish, server: chosen.id }
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
    assert.deepStrictEqual(
      ids.map((id) => firstFor(id, four)?.id),
      before,
    )
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
    for (const loadOf of [() => 10, (at: number) => 10 + 10_000 / (1 + at)]) {
      for (const count of [4, 10]) {
        const many = names(count, "s").map((id) => server(id))
        const agents = settle(names(1_000, "a"), many, (at) => ({ load: loadOf(at) }))
        const more = [...many, server("new")]
        const { moves, servers } = makePlan(agents, more, rules)
        assert.isAtMost(moves.length, 250)
        const average = agents.reduce((sum, { load }) => sum + load, 0) / more.length
        assert.isAtLeast(servers.at(-1)!.loadAfter / average, 0.7)
        assert.deepStrictEqual(makePlan(moved(agents, moves), more, rules).moves, [])
        const few = makePlan(agents, more, { ...rules, movesMost: 5 })
        assert.isAtMost(few.moves.length, 5)
        assert.isTrue(few.moves.every(({ to }) => to === "new"))
        const resting = agents.map((one) => ({ ...one, sinceMs: rules.nowMs - 1 }))
        assert.deepStrictEqual(makePlan(resting, more, { ...rules, restMs: 60_000 }).moves, [])
      }
    }
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
    // A server whose clock was hours ahead placed them: they do not rest until then.
    const ahead = names(100, "x").map((id) => agent(id, "s0", { sinceMs: 1e9 + 7_200_000 }))
    assert.isAbove(makePlan(ahead, four, { ...rules, restMs: 60_000 }).moves.length, 50)
  })

  it("seeks no balance that zones do not allow, and brings home what strayed once there is room", () => {
    const zoned = [server("a", { zone: "z1" }), server("b", { zone: "z2" })]
    const zoneOf = (at: number) => ({ zone: at < 90 ? "z1" : "z2" })
    const agents = settle(names(100, "x"), zoned, zoneOf)
    assert.isTrue(agents.every((one) => one.server === (one.zone === "z1" ? "a" : "b")))
    assert.deepStrictEqual(makePlan(agents, zoned, rules).moves, [])
    const alone = makePlan(agents, [zoned[1]!], rules)
    assert.lengthOf(alone.moves, 90)
    const away = moved(agents, alone.moves)
    const slowly = makePlan(away, zoned, { ...rules, movesMost: 20 })
    assert.lengthOf(slowly.moves, 20)
    const home = makePlan(away, zoned, rules)
    assert.isTrue(home.moves.every(({ reason, to }) => to === "a" && reason === "out of its zone"))
    assert.deepStrictEqual(makePlan(moved(away, home.moves), zoned, rules).moves, [])
    // Agents without a zone fill up where there is room.
    const mixed = settle(names(200, "x"), zoned, (at) => ({ zone: at < 90 ? "z1" : at < 100 ? "z2" : "" }))
    assert.closeTo(mixed.filter((one) => one.server === "a").length, 100, 21)
    assert.deepStrictEqual(makePlan(mixed, zoned, rules).moves, [])
  })

  it("computes shares over the servers that serve a zone", () => {
    const serving = [server("a", { servesZones: ["z1"] }), server("b"), server("c")]
    const agents = settle(names(300, "x"), serving, () => ({ zone: "z2" }))
    assert.isTrue(agents.every((one) => one.server !== "a"))
    assert.deepStrictEqual(makePlan(agents, serving, rules).moves, [])
    const crowded = agents.map((one, at) => ({ ...one, server: at < 200 ? "b" : "c" }))
    const { servers } = makePlan(crowded, serving, rules)
    assert.isAtMost(servers[1]!.loadAfter, 1_650)
  })

  it("leaves what was moved by hand, and goes nowhere that the agent cannot reach", () => {
    const zoned = [server("a", { zone: "z1" }), server("b", { zone: "z1" }), server("c", { zone: "z2" })]
    const stray = agent("x", "c", { zone: "z1", sinceMs: 1e9 - 1_000 })
    const options = { ...rules, handRestMs: 10_000 }
    assert.lengthOf(makePlan([stray], zoned, options).moves, 1)
    assert.lengthOf(makePlan([{ ...stray, isByHand: true }], zoned, options).moves, 0)
    for (const avoid of ["a", "b"]) {
      const [move] = makePlan([{ ...stray, avoid: [avoid] }], zoned, options).moves
      assert.strictEqual(move?.to, avoid === "a" ? "b" : "a")
    }
    assert.lengthOf(makePlan([{ ...stray, avoid: ["a", "b"] }], zoned, options).moves, 0)
  })

  it("leaves an agent that is larger than any share where it is", () => {
    const agents = [agent("giant", "s0", { load: 1_000 }), ...names(30, "x").map((id) => agent(id, "s1"))]
    const { moves, servers } = makePlan(agents, four, rules)
    assert.isFalse(moves.some((move) => move.agent === "giant"))
    // The others do not crowd on one while two are idle.
    assert.isTrue(servers.every(({ loadAfter }) => loadAfter >= 60))
  })

  it("for any agents and servers: never a dead, draining or forbidden server; and a plan carried out leaves nothing to do", () => {
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
      avoid: fc.subarray(names(6, "s"), { maxLength: 2 }),
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
          assert.deepStrictEqual(again.moves, [])
          assert.deepStrictEqual(again.unplaced, plan.unplaced)
          for (const { id, loadAfter } of again.servers)
            assert.closeTo(loadAfter, plan.servers.find((one) => one.id === id)!.loadAfter, 1e-6)
        },
      ),
      { numRuns: 1_000 },
    )
  })
})

describe("shares", () => {
  it("are those of the capacities where everybody may go everywhere, and follow the walls where not", () => {
    assert.deepStrictEqual(fairShares([{ servers: [0, 1], load: 300 }], [1, 2]), [100, 200])
    const walled = fairShares(
      [
        { servers: [0], load: 90 },
        { servers: [1], load: 10 },
        { servers: [0, 1], load: 100 },
      ],
      [1, 1],
    )
    assert.closeTo(walled[0]!, 100, 0.1)
    assert.closeTo(walled[1]!, 100, 0.1)
    assert.deepStrictEqual(fairShares([], [1, 2]), [0, 0])
  })

  it("give away the whole load, and nobody could be lower by giving to one who may take it", () => {
    const anyDemand = fc.record({
      servers: fc.subarray([0, 1, 2, 3, 4], { minLength: 1 }),
      load: fc.integer({ min: 1, max: 10_000 }),
    })
    fc.assert(
      fc.property(
        fc.uniqueArray(anyDemand, { selector: ({ servers }) => servers.join(), minLength: 1, maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 5, maxLength: 5 }),
        (demands, capacities) => {
          const shares = fairShares(demands, capacities)
          const total = demands.reduce((sum, { load }) => sum + load, 0)
          const given = shares.reduce((sum, share) => sum + share, 0)
          assert.closeTo(given, total, total * 1e-6)
          // Hall's condition for the lowest: what only some may take is at least there.
          for (const { servers, load } of demands)
            assert.isAtLeast(
              servers.reduce((sum, at) => sum + shares[at]!, 0),
              load * (1 - 1e-6),
            )
        },
      ),
    )
  })
})
