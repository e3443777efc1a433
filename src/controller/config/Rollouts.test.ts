import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { TestClock } from "effect/testing"
import { Coordination } from "../../runtime/coordination/Coordination.ts"
import { MemoryStore, serviceOf } from "../../runtime/coordination/memory.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import type { AgentGroup, AgentTraits } from "./AgentGroup.ts"
import { AgentGroups } from "./AgentGroups.ts"
import { type AgentReport, AgentReports } from "./AgentReports.ts"
import { ClickHouse } from "../../runtime/clickhouse/ClickHouse.ts"
import { Packages } from "../package/Packages.ts"
import { WantedPackages } from "../package/WantedPackages.ts"
import { ConfigStore } from "./ConfigStore.ts"
import { EffectiveConfig } from "./EffectiveConfig.ts"
import { driveRollouts, Rollouts } from "./Rollouts.ts"
import { stableHash } from "./stableHash.ts"

const prefix = "/sonde/test/"
const byDefault: LayerRef = { layer: "default", name: "-" }
const note = (author: string) => ({ author, comment: "" })

const traits = (id: string): AgentTraits & { readonly firstSeenMs: number } => ({
  id,
  host: `${id}.example`,
  zone: "",
  region: "",
  version: "1",
  os: "",
  arch: "x64",
  kernel: "",
  capabilities: [],
  firstSeenMs: 0,
})

const group = (name: string, hosts: ReadonlyArray<string>): AgentGroup => ({
  name,
  description: "",
  priority: 0,
  agents: [],
  hosts,
  zones: [],
  capabilities: [],
  tags: [],
})

/** A region: agents that take what they are told at once, and as many servers as are asked for. */
class Region {
  readonly memory = serviceOf(new MemoryStore())
  readonly agents = Array.from({ length: 10 }, (_, index) => traits(`a${index}`))
  readonly gone = new Set<string>()
  /** Why an agent does not take a value of `flushMs`. */
  readonly cannot = new Map<string, string>()

  readonly server = Effect.gen({ self: this }, function* () {
    const given = Layer.succeed(Coordination, this.memory)
    const layer = Rollouts.layer({
      prefix,
      agents: () => this.agents,
      isConnected: (agent) => !this.gone.has(agent),
    }).pipe(
      Layer.provideMerge([EffectiveConfig.layer, WantedPackages.layer]),
      Layer.provideMerge(
        Layer.mergeAll(
          ConfigStore.layer(prefix),
          AgentGroups.layer(prefix),
          AgentReports.layer(prefix),
          // No bytes of packages are asked for here.
          Packages.layer(prefix).pipe(Layer.provide(Layer.mock(ClickHouse, { server: () => ({}) as never }))),
        ),
      ),
      Layer.provideMerge(given),
    )
    const context = yield* Layer.build(layer)
    const effective = Context.get(context, EffectiveConfig)
    const wanted = Context.get(context, WantedPackages)
    const reports = Context.get(context, AgentReports)
    return {
      store: Context.get(context, ConfigStore),
      groups: Context.get(context, AgentGroups),
      rollouts: Context.get(context, Rollouts),
      effective,
      reports,
      wanted,
      of: (id: string) => effective.of(this.agents.find((agent) => agent.id === id)!),
      lead: driveRollouts(Context.get(context, Rollouts), (transaction) =>
        Effect.map(this.memory.commit(transaction), ({ isDone }) => isDone),
      ),
      /** All agents do what they are told, and say so. */
      report: () => {
        for (const agent of this.agents) {
          if (this.gone.has(agent.id)) continue
          const { digest, values, version } = effective.of(agent)
          const has: Record<string, string> = {}
          let packageProblem = ""
          for (const { digest, name, version } of wanted.of(agent)?.offers ?? []) {
            const why = this.cannot.get(`${agent.id} ${name} ${version}`)
            if (why === undefined) has[name] = digest
            else packageProblem = why
          }
          const packages = packageProblem === "" ? has : (reports.get(agent.id)?.packages ?? {})
          const problem = this.cannot.get(`${agent.id} ${String(values["flushMs"])}`) ?? ""
          const last = reports.get(agent.id)
          const report: AgentReport =
            problem === ""
              ? { version, digest, problem, exceptions: [], packages, packageProblem }
              : { version: last?.version ?? 0, digest: last?.digest ?? "", problem, exceptions: [], packages }
          reports.reported(agent.id, report)
        }
      },
    }
  })
}
type Server = Effect.Success<Region["server"]>

const withValue = (region: Region, server: Server, value: unknown): number =>
  region.agents.filter(({ id }) => server.of(id).values["flushMs"] === value).length

/** Seconds pass, in each of which all agents report. */
const pass = Effect.fnUntraced(function* (server: Server, seconds: number) {
  for (let second = 0; second < seconds; second++) {
    server.report()
    yield* TestClock.adjust("1 second")
  }
})

const stateOf = (server: Server) => server.rollouts.list()[0]!.rollout

describe("EffectiveConfig", () => {
  it.effect("merges the layers of an agent's group, with versions that grow", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      assert.deepStrictEqual(server.of("a1"), { version: 0, digest: "", values: {}, origins: {} })
      yield* server.groups.set(group("odd", ["a1.*", "a3.*"]))
      yield* server.store.change(byDefault, { flushMs: 100, ringMiB: 1 }, note("ann"))
      yield* server.store.change({ layer: "group", name: "odd" }, { ringMiB: 2 }, note("ann"))
      yield* server.store.change({ layer: "agent", name: "a3" }, { ringMiB: 3 }, note("ann"))
      yield* pass(server, 1)
      assert.deepStrictEqual(server.of("a0").values, { flushMs: 100, ringMiB: 1 })
      assert.deepStrictEqual(server.of("a1").origins, { flushMs: "default", ringMiB: "group/odd" })
      assert.deepStrictEqual(server.of("a3").origins, { flushMs: "default", ringMiB: "agent/a3" })
      assert.strictEqual(server.of("a0").digest, server.of("a2").digest)
      assert.notStrictEqual(server.of("a0").digest, server.of("a1").digest)
      const before = server.of("a1")
      yield* server.groups.remove("odd", "ann")
      yield* pass(server, 1)
      const after = server.of("a1")
      assert.deepStrictEqual(after.values, { flushMs: 100, ringMiB: 1 })
      assert.isAbove(after.version, before.version)
      // A group of that name begins with nothing, and its history goes on.
      const cleared = yield* server.store.get({ layer: "group", name: "odd" })
      assert.deepStrictEqual([cleared.version, cleared.values], [2, {}])
    }),
  )
})

describe("Rollouts", () => {
  it.effect("brings a change to all agents in stages, the same at every server", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      const other = yield* region.server
      yield* server.store.change(byDefault, { flushMs: 100 }, note("ann"))
      yield* pass(server, 2)
      yield* server.rollouts.start(byDefault, { flushMs: 200 }, { ...note("ann"), stages: ["1", "50%"] })
      yield* Effect.forkScoped(server.lead)
      yield* pass(server, 3)
      for (const size of [1, 5, 10]) {
        for (const one of [server, other]) assert.strictEqual(withValue(region, one, 200), size)
        const { counts } = other.rollouts.list()[0]!
        assert.deepStrictEqual([counts.applied, counts.wanted], [size, size])
        yield* pass(server, 66)
      }
      assert.strictEqual(stateOf(other).state, "done")
    }),
  )

  it.effect("goes back by itself when an agent cannot use it, with the reason in the history", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      yield* server.store.change(byDefault, { flushMs: 100 }, note("ann"))
      yield* pass(server, 2)
      for (const { id } of region.agents) region.cannot.set(`${id} 200`, "no ring buffer")
      yield* server.rollouts.start(byDefault, { flushMs: 200 }, { ...note("ann"), stages: ["1"] })
      yield* Effect.forkScoped(server.lead)
      yield* pass(server, 5)
      assert.strictEqual(withValue(region, server, 100), 10)
      assert.strictEqual(stateOf(server).state, "rolled back")
      const [newest] = yield* server.store.history(byDefault)
      assert.strictEqual(newest!.version, 3)
      assert.strictEqual(newest!.author, "roll-out")
      assert.include(newest!.comment, "back to version 1: stage 1: 1 of 1 agents have trouble")
      assert.include(newest!.comment, "no ring buffer")
      // The way is free for the next.
      yield* server.store.change(byDefault, { flushMs: 300 }, note("ann"))
    }),
  )

  it.effect("goes back when agents vanish", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      yield* server.rollouts.start(byDefault, { flushMs: 200 }, { ...note("ann"), stages: [] })
      yield* Effect.forkScoped(server.lead)
      yield* pass(server, 3)
      for (const id of ["a1", "a2", "a3"]) region.gone.add(id)
      yield* pass(server, 20)
      assert.strictEqual(stateOf(server).state, "running")
      yield* pass(server, 20)
      assert.strictEqual(stateOf(server).state, "rolled back")
      assert.include(stateOf(server).reason, "3 of 10 agents are gone")
      assert.deepStrictEqual(server.of("a0").values, {})
    }),
  )

  it.effect("is done by another leader from where the first stopped", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      const first = yield* Effect.forkScoped(server.lead)
      yield* server.rollouts.start(byDefault, { flushMs: 200 }, { ...note("ann"), stages: ["1", "50%"] })
      yield* pass(server, 80)
      assert.strictEqual(withValue(region, server, 200), 5)
      first.interruptUnsafe()
      yield* pass(server, 200)
      assert.strictEqual(withValue(region, server, 200), 5)
      const second = yield* region.server
      assert.strictEqual(withValue(region, second, 200), 5)
      yield* Effect.forkScoped(second.lead)
      yield* pass(second, 140)
      assert.strictEqual(withValue(region, second, 200), 10)
      assert.strictEqual(stateOf(second).state, "done")
    }),
  )

  it.effect("does nothing twice when two believe they lead", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      const other = yield* region.server
      for (const { id } of region.agents) region.cannot.set(`${id} 200`, "bad")
      yield* server.rollouts.start(byDefault, { flushMs: 200 }, { ...note("ann"), stages: ["1"] })
      yield* Effect.forkScoped(server.lead)
      yield* Effect.forkScoped(other.lead)
      yield* pass(server, 10)
      const history = yield* server.store.history(byDefault)
      assert.deepStrictEqual(
        history.map(({ version }) => version),
        [2, 1],
      )
    }),
  )

  it.effect("can be paused, resumed and given up; meanwhile the layer is not to be changed", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      yield* server.store.change(byDefault, { flushMs: 100 }, note("ann"))
      yield* Effect.forkScoped(server.lead)
      yield* server.rollouts.start(byDefault, { flushMs: 200 }, { ...note("ann"), stages: ["1"] })
      const busy = yield* Effect.flip(server.store.change(byDefault, { ringMiB: 1 }, note("bob")))
      assert.strictEqual(busy.message, "default: version 2 by ann is being rolled out (stage 1)")
      yield* server.rollouts.control(byDefault, "pause", "bob")
      yield* pass(server, 200)
      assert.strictEqual(withValue(region, server, 200), 1)
      assert.strictEqual(stateOf(server).reason, "paused by bob")
      yield* server.rollouts.control(byDefault, "resume", "bob")
      yield* pass(server, 65)
      assert.strictEqual(withValue(region, server, 200), 10)
      yield* server.rollouts.control(byDefault, "abort", "bob")
      yield* pass(server, 1)
      assert.strictEqual(withValue(region, server, 100), 10)
      assert.strictEqual(stateOf(server).state, "aborted")
      const [newest] = yield* server.store.history(byDefault)
      assert.strictEqual(newest!.comment, "back to version 1: given up by bob")
      const nothing = yield* Effect.flip(server.rollouts.control(byDefault, "pause", "bob"))
      assert.include(nothing.message, "nothing of default is being rolled out: version 2 is aborted")
    }),
  )

  it.effect("passes over agents for which it changes nothing", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      yield* Effect.forEach(region.agents, ({ id }) =>
        server.store.change({ layer: "agent", name: id }, { flushMs: 77 }, note("ann")),
      )
      yield* pass(server, 2)
      yield* Effect.forkScoped(server.lead)
      yield* server.rollouts.start(byDefault, { flushMs: 200 }, { ...note("ann"), stages: ["1"] })
      yield* pass(server, 140)
      assert.strictEqual(stateOf(server).state, "done")
    }),
  )

  it.effect("refuses stages that are none", () =>
    Effect.gen(function* () {
      const server = yield* new Region().server
      const failure = yield* Effect.flip(
        server.rollouts.start(byDefault, { flushMs: 200 }, { ...note("ann"), stages: ["few"] }),
      )
      assert.strictEqual(
        failure.message,
        'stages: expected a number of agents ("1") or a share ("10%"), found "few"',
      )
    }),
  )
})

describe("roll-outs of packages", () => {
  const ofDefault: LayerRef = { layer: "packages", name: "default" }
  const stored = (memory: Coordination["Service"], name: string, version: string) =>
    memory.commit({
      writes: [
        {
          put: `${prefix}package/${name}/${version}`,
          value: JSON.stringify({
            kind: "agent",
            name,
            version,
            digest: `digest of ${version}`,
            bytes: 1,
            signer: "",
            signature: "",
            addedMs: 0,
            addedBy: "",
          }),
        },
      ],
    })
  const have = (region: Region, server: Server, version: string) =>
    region.agents.filter(
      ({ id }) => server.reports.get(id)?.packages?.["sonde-agent"] === `digest of ${version}`,
    ).length

  it.effect("go on while agents take the package, and come back when one cannot", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      yield* Effect.forkScoped(server.lead)
      for (const version of ["1", "2"]) yield* stored(region.memory, "sonde-agent", version)
      yield* TestClock.adjust("1 second")
      assert.isUndefined(server.wanted.of(region.agents[0]!))
      yield* server.rollouts.start(
        ofDefault,
        { "sonde-agent": "1" },
        { ...note("ann"), stages: ["1", "50%"] },
      )
      yield* pass(server, 20)
      assert.strictEqual(have(region, server, "1"), 1)
      yield* pass(server, 65)
      assert.strictEqual(have(region, server, "1"), 5)
      yield* pass(server, 140)
      assert.strictEqual(have(region, server, "1"), 10)
      assert.strictEqual(stateOf(server).state, "done")
      assert.deepStrictEqual(server.wanted.usersOf("sonde-agent", "1"), ["default"])

      const [first] = region.agents.toSorted((one, other) => stableHash(one.id) - stableHash(other.id))
      region.cannot.set(`${first!.id} sonde-agent 2`, "version 2: its self-check failed")
      yield* server.rollouts.start(ofDefault, { "sonde-agent": "2" }, { ...note("bob"), stages: ["1"] })
      // What it goes back to is not to be removed meanwhile.
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(server.wanted.keepersOf("sonde-agent", "1"), ["default"])
      yield* pass(server, 10)
      const { reason, state } = stateOf(server)
      assert.strictEqual(state, "rolled back")
      assert.strictEqual(
        reason,
        `stage 1: 1 of 1 agents have trouble (${first!.id}: package: version 2: its self-check failed)`,
      )
      assert.strictEqual(have(region, server, "1"), 10)
      assert.deepStrictEqual(server.wanted.usersOf("sonde-agent", "1"), ["default"])
      assert.deepStrictEqual(server.wanted.keepersOf("sonde-agent", "2"), [])
    }).pipe(Effect.scoped),
  )

  it.effect("end for agents of the group only, and tell those that lose a package", () =>
    Effect.gen(function* () {
      const region = new Region()
      const server = yield* region.server
      yield* stored(region.memory, "sonde-agent", "1")
      yield* server.groups.set(group("edge", ["a0.*"]))
      yield* server.store.change({ layer: "packages", name: "edge" }, { "sonde-agent": "1" }, note("ann"))
      yield* TestClock.adjust("1 second")
      const of = (id: string) => server.wanted.of(region.agents.find((agent) => agent.id === id)!)
      assert.deepStrictEqual(of("a0")?.names, ["sonde-agent"])
      assert.isUndefined(of("a1"))
      const [offer] = of("a0")!.offers
      yield* server.store.change({ layer: "packages", name: "edge" }, { "sonde-agent": null }, note("ann"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(of("a0"), { names: [], offers: [] })
      yield* server.store.change({ layer: "packages", name: "edge" }, { "sonde-agent": "1" }, note("ann"))
      yield* TestClock.adjust("1 second")
      // A new wish for the same package: what did not work is tried again.
      assert.isAbove(of("a0")!.offers[0]!.order!, offer!.order!)
      // Of what is not stored nothing can be offered, and nobody has it.
      yield* server.store.change({ layer: "packages", name: "edge" }, { plug: "7" }, note("ann"))
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(of("a0")?.names, ["sonde-agent", "plug"])
      assert.lengthOf(of("a0")!.offers, 1)
      assert.isFalse(server.wanted.isApplied(region.agents[0]!, undefined))
    }).pipe(Effect.scoped),
  )
})
