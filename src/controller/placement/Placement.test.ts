import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as References from "effect/References"
import * as Scope from "effect/Scope"
import { Coordination, type Condition, type Write } from "../../runtime/coordination/Coordination.ts"
import { MemoryStore, serviceOf } from "../../runtime/coordination/memory.ts"
import { StatsRegistry, StatsSources } from "../../runtime/metrics.ts"
import { serverRecord, until } from "../controller.testing.ts"
import { Membership, type ServerRecord } from "../membership/Membership.ts"
import { Placement, type PlacementOptions } from "./Placement.ts"

const prefix = "/sonde/test/"

const wish = (id: string, zone = "") => ({ id, region: "", zone })

const names = (count: number, start: string) => Array.from({ length: count }, (_, at) => `${start}${at}`)

/** A region over one store, whose servers come and go one by one. */
const region = (options: Partial<PlacementOptions> = {}) => {
  const store = new MemoryStore()
  const coordination = serviceOf(store)
  const stats = new StatsRegistry()
  const server = (id: string, changes: Partial<ServerRecord> = {}) =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      yield* Effect.addFinalizer(() => Scope.close(scope, Exit.void))
      const membership = Membership.layer({
        prefix,
        self: serverRecord(id, changes),
        leaseMs: 60_000,
        isCandidate: false,
      })
      const placement = Placement.layer({
        prefix,
        region: "test",
        allowSpill: false,
        wishOf: wish,
        tellEveryMs: 5,
        restMs: 0,
        ...options,
      })
      const services = yield* Layer.buildWithScope(
        placement.pipe(
          Layer.provideMerge(membership),
          Layer.provide(Layer.succeed(Coordination, coordination)),
          Layer.provide(Layer.succeed(StatsSources, stats)),
        ),
        scope,
      )
      return {
        id,
        membership: Context.get(services, Membership),
        placement: Context.get(services, Placement),
        stop: Scope.close(scope, Exit.void),
      }
    })
  const servers = (ids: ReadonlyArray<string>, changes: (id: string) => Partial<ServerRecord> = () => ({})) =>
    Effect.gen(function* () {
      const all = yield* Effect.forEach(ids, (id) => server(id, changes(id)))
      yield* until(() => all.every(({ membership }) => membership.servers().size === ids.length))
      return all
    })
  /** What the store says, by agent. */
  const stored = () =>
    new Map(
      store
        .list(`${prefix}place/`)
        .map(({ key, value }) => [key.slice(`${prefix}place/`.length), /"server":"(.*?)"/.exec(value)?.[1]]),
    )
  const transactions = { count: 0 }
  const commit = ({ when, writes }: { when: ReadonlyArray<Condition>; writes: ReadonlyArray<Write> }) => {
    transactions.count++
    return Effect.map(coordination.commit({ when, writes }), ({ isDone }) => isDone)
  }
  const metric = (name: string): number => stats.snapshot()[`sonde_controller_placement_${name}`]!
  return { store, server, servers, stored, commit, transactions, metric }
}

const live = (name: string, test: Effect.Effect<void, unknown, Scope.Scope>) =>
  it.live(
    name,
    () => test.pipe(Effect.scoped, Effect.provideService(References.MinimumLogLevel, "None")),
    30_000,
  )

type Placed = { readonly server: string } | { readonly nobody: string }
const serverOf = (placed: Placed): string => ("server" in placed ? placed.server : "")

describe("Placement", () => {
  live(
    "places each agent at exactly one server, whichever several place it at once, and evenly",
    Effect.gen(function* () {
      const { metric, servers, stored } = region()
      const all = yield* servers(["a", "b", "c", "d"])
      const answers = yield* Effect.forEach(
        names(400, "agent-"),
        (id) =>
          Effect.map(
            Effect.forEach(all, ({ placement }) => placement.ensure(wish(id)), { concurrency: "unbounded" }),
            (placed) => [id, new Set(placed.map(serverOf))] as const,
          ),
        { concurrency: 20 },
      )
      const places = stored()
      assert.strictEqual(places.size, 400)
      for (const [id, told] of answers) assert.deepStrictEqual([...told], [places.get(id)])
      for (const { id } of all) {
        const count = [...places.values()].filter((server) => server === id).length
        assert.isAtMost(count, 125)
      }
      assert.strictEqual(metric("placed_total"), 400)
      const { placement } = all[0]!
      yield* until(() => names(400, "agent-").every((id) => placement.placeOf(id) === places.get(id)))
      assert.deepStrictEqual((yield* placement.plan).moves, [])
    }),
  )

  live(
    "gives the agents of a server that died to those that live, also while it dies",
    Effect.gen(function* () {
      const { servers, stored } = region()
      const [one, two, three] = yield* servers(["a", "b", "c"])
      const ids = names(90, "x")
      yield* Effect.forEach(ids, (id) => one!.placement.ensure(wish(id)))
      const before = stored()
      const places = yield* Effect.forEach(
        ids,
        (id, at) =>
          Effect.andThen(at === 30 ? three!.stop : Effect.yieldNow, two!.placement.ensure(wish(id))),
        { concurrency: 1 },
      )
      yield* until(() => one!.membership.servers().size === 2 && two!.membership.servers().size === 2)
      for (const id of ids) yield* one!.placement.ensure(wish(id))
      const after = stored()
      assert.isTrue([...after.values()].every((server) => server !== "c"))
      for (const [id, server] of before) if (server !== "c") assert.strictEqual(after.get(id), server)
      assert.isTrue(places.every((placed) => "server" in placed))
      const atA = [...after.values()].filter((server) => server === "a").length
      assert.isTrue(atA >= 36 && atA <= 54, `a has ${atA} of 90`)
    }),
  )

  live(
    "sends nobody elsewhere by an old copy of places",
    Effect.gen(function* () {
      const { servers, store } = region()
      const [one, two] = yield* servers(["a", "b"])
      const placed = yield* one!.placement.ensure(wish("x"))
      assert.isTrue("server" in placed)
      const [from, to] = "server" in placed && placed.server === "a" ? ["a", "b"] : ["b", "a"]
      const other = from === "a" ? two! : one!
      yield* until(() => other.placement.placeOf("x") === from)
      store.commit([], [{ put: `${prefix}place/x`, value: JSON.stringify({ server: to, sinceMs: 1 }) }])
      assert.deepStrictEqual(yield* other.placement.ensure(wish("x")), { server: to })
      assert.strictEqual(other.placement.placeOf("x"), to)
    }),
  )

  live(
    "empties a drained server by the plan, and one stale place keeps no others",
    Effect.gen(function* () {
      const { commit, metric, servers, store, stored, transactions } = region()
      const [one, two] = yield* servers(["a", "b", "c"])
      const ids = names(300, "x")
      yield* Effect.forEach(ids, (id) => one!.placement.ensure(wish(id)))
      yield* one!.membership.drain("b", true)
      yield* until(() => one!.membership.servers().get("b")!.isDraining)
      const plan = yield* one!.placement.plan
      const own = [...stored()].filter(([, server]) => server === "b").map(([id]) => id)
      assert.sameMembers(
        plan.moves.map(({ agent }) => agent),
        own,
      )
      // Somebody moves one by hand behind this server's back.
      const [stubborn] = own
      store.commit([], [{ put: `${prefix}place/${stubborn}`, value: `{"server":"a","sinceMs":1}` }])
      transactions.count = 0
      assert.strictEqual(yield* one!.placement.apply(plan, commit), own.length - 1)
      assert.isAtMost(transactions.count, 20)
      assert.strictEqual(metric("stale_moves_total"), 1)
      assert.strictEqual(stored().get(stubborn!), "a")
      yield* until(
        () => two!.placement.loadOfServer("b") === 0 && !ids.some((id) => two!.placement.placeOf(id) === "b"),
      )
      assert.isFalse([...stored().values()].includes("b"))
      // The same plan again: nothing of it holds any more.
      yield* until(() => !ids.some((id) => one!.placement.placeOf(id) === "b"))
      assert.strictEqual(yield* one!.placement.apply(plan, commit), 0)
      const nobody = yield* Effect.forEach(["a", "c"], (id) => one!.membership.drain(id, true)).pipe(
        Effect.andThen(until(() => [...one!.membership.servers().values()].every((s) => s.isDraining))),
        Effect.andThen(one!.placement.ensure(wish("late"))),
      )
      assert.deepStrictEqual(nobody, { nobody: "all servers are being drained" })
    }),
  )

  live(
    "sends an agent elsewhere that cannot reach its server, and not back",
    Effect.gen(function* () {
      const { commit, servers } = region({ wishOf: (id) => wish(id, "z1") })
      const [one, two] = yield* servers(["a", "b"], (id) => ({ zone: id === "a" ? "z1" : "z2" }))
      assert.deepStrictEqual(yield* one!.placement.ensure(wish("x", "z1")), { server: "a" })
      const avoid = { ...wish("x", "z1"), avoid: ["a", "no such server"] }
      assert.deepStrictEqual(yield* two!.placement.ensure(avoid), { server: "b" })
      yield* until(() => one!.placement.placeOf("x") === "b")
      const plan = yield* one!.placement.plan
      assert.deepStrictEqual(plan.moves, [])
      assert.strictEqual(yield* one!.placement.apply(plan, commit), 0)
      // Neither: better one that it could not reach lately than none.
      assert.notProperty(yield* two!.placement.ensure({ ...avoid, avoid: ["a", "b"] }), "nobody")
    }),
  )

  live(
    "tells loads in texts of some hundred agents, and remembers those of a server that died",
    Effect.gen(function* () {
      const { metric, servers, store } = region()
      const [one, two] = yield* servers(["a", "b"])
      const ids = ["__proto__", "constructor", "x".repeat(64), ...names(1_200, "x")]
      for (const id of ids) {
        one!.placement.reported(id, 0, 1_000)
        one!.placement.reported(id, 5_000, 11_000)
      }
      yield* until(() => ids.every((id) => two!.placement.loadOf(id) === 500))
      const texts = store.list(`${prefix}load/a/`)
      assert.lengthOf(texts, 3)
      for (const { value } of texts) assert.isBelow(value.length, 50_000)
      assert.strictEqual(two!.placement.loadOf("toString"), 0)

      // What changes little is not told again; what changes much is, in its text alone.
      yield* until(() => metric("load_texts_total") >= 3)
      const revisions = () => store.list(`${prefix}load/a/`).map(({ modified }) => modified)
      const before = revisions()
      for (const id of ids) one!.placement.reported(id, 10_001, 21_000)
      one!.placement.reported("x1199", 1_000_000, 31_000)
      yield* until(() => two!.placement.loadOf("x1199") > 1_000)
      const after = revisions()
      assert.lengthOf(
        after.filter((revision, at) => revision !== before[at]),
        1,
      )

      yield* one!.placement.ensure(wish("x1199"))
      const told = two!.placement.loadOf("x1199")
      yield* one!.stop
      yield* until(() => store.list(`${prefix}load/a`).length === 0 && two!.membership.servers().size === 1)
      assert.strictEqual(two!.placement.loadOf("x1199"), told)
      // It goes on from there where it comes next.
      two!.placement.reported("x1199", 0, 41_000)
      assert.strictEqual(two!.placement.loadOf("x1199"), told)
      two!.placement.gone("x1199")
      assert.strictEqual(two!.placement.loadOf("x1199"), told)
    }),
  )

  live(
    "counts the agents of a dead server with what they cost",
    Effect.gen(function* () {
      const { servers } = region()
      const [one, two, three, four] = yield* servers(["a", "b", "c", "d"])
      const ids = names(40, "x")
      for (const [at, id] of ids.entries()) {
        const placed = yield* one!.placement.ensure(wish(id))
        const owner = [one, two, three, four].find((server) => server!.id === serverOf(placed))!
        owner!.placement.reported(id, 0, 0)
        owner!.placement.reported(id, 10_000 * (1 + at), 10_000)
      }
      yield* until(() => ids.every((id, at) => one!.placement.loadOf(id) === 1_000 * (1 + at)))
      yield* four!.stop
      yield* until(() => one!.membership.servers().size === 3)
      const { moves, servers: loads } = yield* one!.placement.plan
      assert.isTrue(moves.some(({ reason }) => reason === "server gone"))
      assert.isTrue(moves.every(({ load }) => load >= 1_000))
      const total = 1_000 * ((40 * 41) / 2)
      for (const { loadAfter } of loads) assert.isAtMost(loadAfter / (total / 3), 1.25)
    }),
  )

  live(
    "moves by hand what there is to where it may go, and says why not",
    Effect.gen(function* () {
      const { commit, servers, stored } = region({
        wishOf: (id) => (id === "unknown" ? undefined : wish(id, "z1")),
      })
      const [one] = yield* servers(["a", "b", "c"], (id) =>
        id === "c" ? { servesZones: ["z2"] } : id === "b" ? { zone: "z1", servesZones: ["z1"] } : {},
      )
      const { move } = one!.placement
      assert.include(yield* move("unknown", "a"), "no agent unknown")
      assert.include(yield* move("x", "z"), "no living server z")
      assert.include(yield* move("x", "c"), `no agents of zone "z1"`)
      assert.strictEqual(stored().size, 0)
      assert.deepStrictEqual(yield* one!.placement.ensure(wish("x", "z1")), { server: "b" })
      assert.isUndefined(yield* move("x", "a"))
      assert.strictEqual(stored().get("x"), "a")
      assert.strictEqual(one!.placement.placeOf("x"), "a")
      // Out of its zone, but somebody wanted it so.
      assert.strictEqual(yield* one!.placement.apply(yield* one!.placement.plan, commit), 0)
      yield* one!.membership.drain("a", true)
      yield* until(() => one!.membership.servers().get("a")!.isDraining)
      assert.include(yield* move("x", "a"), "server a is being drained")
      yield* until(() => stored().get("x") === "a")
      const { moves } = yield* one!.placement.plan
      assert.deepStrictEqual(
        moves.map(({ agent, reason, to }) => [agent, to, reason]),
        [["x", "b", "draining"]],
      )
    }),
  )

  live(
    "forgets places of agents that nobody knows, and of no others",
    Effect.gen(function* () {
      const { commit, servers, store, stored } = region()
      for (const id of ["known", "unknown", "recorded", ...names(200, "old")])
        store.commit([], [{ put: `${prefix}place/${id}`, value: `{"server":"a","sinceMs":1}` }])
      // Its record is there, although whoever cleans has not seen it.
      store.commit([], [{ put: `${prefix}agent/recorded`, value: "{}" }])
      const [one] = yield* servers(["a"])
      yield* one!.placement.ensure(wish("new"))
      assert.strictEqual(yield* one!.placement.forgetPlaces(new Set(["known"]), commit), 201)
      assert.sameMembers([...stored().keys()], ["known", "recorded", "new"])
      yield* until(() => one!.placement.placeOf("unknown") === undefined)
    }),
  )

  live(
    "reads texts that are none as none",
    Effect.gen(function* () {
      const { metric, servers, store, stored } = region()
      const [one] = yield* servers(["a"])
      for (const [at, value] of ["", "null", "[]", `{"server":1}`, `[["x",null]]`].entries()) {
        store.commit([], [{ put: `${prefix}place/bad${at}`, value }])
        store.commit([], [{ put: `${prefix}load/a/${at}`, value }])
      }
      yield* until(() => metric("malformed_total") === 9)
      assert.isUndefined(one!.placement.placeOf("bad0"))
      assert.deepStrictEqual(yield* one!.placement.ensure(wish("bad0")), { server: "a" })
      assert.strictEqual(stored().get("bad0"), "a")
      assert.strictEqual((yield* one!.placement.plan).servers[0]!.agentsBefore, 1)
    }),
  )

  live(
    "takes 10,000 agents with few whole counts, and gives a server that joins its part in small plans",
    Effect.gen(function* () {
      const { commit, metric, server, servers, stored } = region()
      const [one] = yield* servers(["a", "b", "c", "d"])
      const ids = names(10_000, "x")
      for (const id of ids) {
        yield* one!.placement.ensure(wish(id))
        yield* Effect.yieldNow
      }
      // Each four, of which one is asked: counting all again for each agent would be thousands.
      assert.isBelow(metric("counts_total"), 50)
      const countOf = (id: string) => [...stored().values()].filter((at) => at === id).length
      for (const id of ["a", "b", "c", "d"]) assert.isAtMost(countOf(id), 3_010)
      yield* server("e")
      yield* until(() => one!.membership.servers().size === 5)
      let rounds = 0
      while (true) {
        const plan = yield* one!.placement.plan
        if (plan.moves.length === 0) break
        assert.isAtMost(plan.moves.length, 100)
        assert.strictEqual(yield* one!.placement.apply(plan, commit), plan.moves.length)
        yield* until(() => plan.moves.every(({ agent, to }) => one!.placement.placeOf(agent) === to))
        rounds++
      }
      assert.isAtLeast(rounds, 14)
      const joined = countOf("e")
      assert.isTrue(joined >= 1_400 && joined <= 2_000, `e has ${joined}`)
    }),
  )
})
