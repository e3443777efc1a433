import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Coordination, type Lease } from "../../runtime/coordination/Coordination.ts"
import { MemoryStore, serviceOf } from "../../runtime/coordination/memory.ts"
import { nobody, type Peer } from "../../runtime/rpc/Peer.ts"
import type { AgentRefused, Directive } from "../../wire/control/AgentRpc.ts"
import { agentHello, idleReport, until } from "../controller.testing.ts"
import type { PackageOffer, SessionSurroundings, WantedConfig } from "./AgentSession.ts"
import { AgentSessions } from "./AgentSessions.ts"
import { claimingServer } from "./claim.ts"
import { KnownAgents } from "./KnownAgents.ts"

const prefix = "/sonde/test/"
const plain: Peer = { remote: "127.0.0.1:1", isTls: false, identity: nobody }

const address = (id: string) => ({ id, control: `${id}:1`, ingest: `${id}:2` })

/** A store that servers share, and what the tests change while they run. */
const region = () => {
  const store = new MemoryStore()
  const wanted: {
    config: WantedConfig
    place: Record<string, string>
    packages: ReturnType<SessionSurroundings["packages"]>
    bug: boolean
  } = {
    config: { version: 0, digest: "", values: {} },
    place: {},
    packages: undefined,
    bug: false,
  }
  const coordination = Layer.succeed(Coordination, serviceOf(store))
  const server = (id: string, newcomers: "allowed" | "pending" = "allowed") =>
    Effect.gen(function* () {
      const scope = yield* Scope.make()
      const grant = Scope.provide(store.grant(2_000), scope)
      let lease: Lease = yield* grant
      const placeOf = (agent: string) => address(wanted.place[agent] ?? id)
      const layer = AgentSessions.layer({
        prefix,
        self: address(id),
        lease: () => (lease.heldUntilMs() > 0 ? lease : undefined),
        claimOf: (agent) => store.get(`${prefix}session/${agent}`),
        placeOf: ({ agent }) => Effect.sync(() => ({ server: placeOf(agent) })),
        reported: () => {},
        gone: () => {},
        surroundings: {
          servers: () => [address("s1"), address("s2")],
          group: () => "default",
          place: placeOf,
          config: () => {
            if (wanted.bug) {
              wanted.bug = false
              throw new Error("a bug")
            }
            return wanted.config
          },
          packages: () => wanted.packages,
        },
      }).pipe(Layer.provideMerge(KnownAgents.layer({ prefix, newcomers })), Layer.provide(coordination))
      const services = yield* Layer.buildWithScope(layer, scope)
      return {
        sessions: Context.get(services, AgentSessions),
        known: Context.get(services, KnownAgents),
        /** Another lease, as after one that was lost. */
        renew: Effect.map(grant, (granted) => void (lease = granted)),
        stop: Scope.close(scope, Exit.void),
      }
    })
  return { store, wanted, server }
}

/** What an agent hears, as it hears it. */
const listen = (stream: Stream.Stream<Directive, AgentRefused>) =>
  Effect.gen(function* () {
    const heard: Array<Directive> = []
    const fiber = yield* Effect.forkChild(
      Stream.runForEach(stream, (directive) => Effect.sync(() => void heard.push(directive))),
    )
    return { heard, fiber }
  })

const tags = (heard: ReadonlyArray<Directive>) => heard.map(({ _tag }) => _tag)

const refusalOf = (fiber: Fiber.Fiber<void, AgentRefused>) => Effect.flip(Fiber.join(fiber))

describe("AgentSessions", () => {
  it.live("assigns an agent, holds its claim while it listens, and lets go of it", () =>
    Effect.gen(function* () {
      const { server, store } = region()
      const { known, sessions } = yield* server("s1")
      const { fiber, heard } = yield* listen(sessions.attach(agentHello(), plain))
      yield* until(() => heard.length === 1)
      assert.deepInclude(heard[0], { _tag: "Assigned", server: address("s1"), group: "default" })
      assert.strictEqual(claimingServer(store.get(`${prefix}session/a1`)!.value), "s1")
      assert.deepInclude(known.get("a1"), { host: "box", permission: "allowed" })
      yield* sessions.report("a1", { ...idleReport, rows: 7 })
      yield* until(() => sessions.get("a1")?.report?.rows === 7)
      yield* Fiber.interrupt(fiber)
      assert.isUndefined(store.get(`${prefix}session/a1`))
      assert.isUndefined(sessions.get("a1"))
      const refusal = yield* Effect.flip(sessions.report("a1", idleReport))
      assert.strictEqual(refusal.reason, "not attached")
    }),
  )

  it.live("sends an agent where it belongs, at once and when that changes", () =>
    Effect.gen(function* () {
      const { server, store, wanted } = region()
      const one = yield* server("s1")
      const two = yield* server("s2")
      wanted.place["a1"] = "s2"
      const sent = yield* listen(one.sessions.attach(agentHello(), plain))
      yield* Fiber.join(sent.fiber)
      assert.deepStrictEqual(sent.heard, [{ _tag: "Move", server: address("s2"), reason: "belongs there" }])
      const { heard } = yield* listen(two.sessions.attach(agentHello(), plain))
      yield* until(() => heard.length === 1)
      wanted.place["a1"] = "s1"
      two.sessions.refresh()
      two.sessions.refresh("a1")
      yield* until(() => heard.length === 2)
      assert.deepStrictEqual(heard[1], { _tag: "Move", server: address("s1"), reason: "rebalanced" })
      // It attaches there before it leaves here: the claim moves, and what is left does not take it back.
      const there = yield* listen(one.sessions.attach(agentHello(), plain))
      yield* until(() => there.heard.length === 1)
      two.sessions.superseded("a1")
      yield* until(() => two.sessions.list().length === 0)
      assert.strictEqual(claimingServer(store.get(`${prefix}session/a1`)!.value), "s1")
      yield* Fiber.interrupt(there.fiber)
      assert.isUndefined(store.get(`${prefix}session/a1`))
    }),
  )

  it.live("tells of configuration once: the whole, then what differs", () =>
    Effect.gen(function* () {
      const { server, wanted } = region()
      const { sessions } = yield* server("s1")
      wanted.config = { version: 3, digest: "d3", values: { flushMs: 100, interface: "eth0" } }
      const { heard } = yield* listen(sessions.attach(agentHello(), plain))
      yield* until(() => heard.length === 2)
      assert.deepStrictEqual(heard[1], {
        _tag: "Config",
        version: 3,
        digest: "d3",
        base: 0,
        values: { flushMs: 100, interface: "eth0" },
      })
      wanted.config = { version: 4, digest: "d4", values: { flushMs: 200, memoryMiB: 32 } }
      sessions.refresh("a1")
      yield* until(() => heard.length === 3)
      assert.deepStrictEqual(heard[2], {
        _tag: "Config",
        version: 4,
        digest: "d4",
        base: 3,
        values: { flushMs: 200, memoryMiB: 32, interface: null },
      })
      sessions.refresh("a1")
      wanted.config = { ...wanted.config, version: 5 }
      sessions.refresh("a1")
      yield* Effect.sleep(30)
      assert.lengthOf(heard, 3)
      // An agent that comes back with it is told nothing.
      const again = yield* listen(sessions.attach(agentHello({ configDigest: "d4" }), plain))
      yield* until(() => again.heard.length === 1)
      yield* Effect.sleep(30)
      assert.deepStrictEqual(tags(again.heard), ["Assigned"])
    }),
  )

  it.live("begins an actor anew when it fails: the agent is told everything again and stays attached", () =>
    Effect.gen(function* () {
      const { server, wanted } = region()
      const { sessions } = yield* server("s1")
      wanted.config = { version: 1, digest: "d1", values: { flushMs: 100 } }
      const { heard } = yield* listen(sessions.attach(agentHello(), plain))
      yield* until(() => heard.length === 2)
      wanted.bug = true
      sessions.refresh("a1")
      yield* until(() => heard.length === 4)
      assert.deepStrictEqual(tags(heard), ["Assigned", "Config", "Assigned", "Config"])
      wanted.config = { version: 2, digest: "d2", values: { flushMs: 200 } }
      sessions.refresh("a1")
      yield* until(() => heard.length === 5)
    }),
  )

  it.live("refuses a copied identity, and takes an agent that was restarted or renamed", () =>
    Effect.gen(function* () {
      const { server } = region()
      const { sessions } = yield* server("s1")
      const first = yield* listen(sessions.attach(agentHello(), plain))
      yield* until(() => first.heard.length === 1)
      const copy = yield* listen(
        sessions.attach(agentHello({ instance: "i2", machineId: "m2", host: "twin" }), plain),
      )
      const refusal = yield* refusalOf(copy.fiber)
      assert.strictEqual(refusal.reason, "cloned")
      assert.include(refusal.message, "twin says it is agent a1, which runs on box")
      assert.strictEqual(sessions.get("a1")?.hello.host, "box")
      const restarted = yield* listen(sessions.attach(agentHello({ instance: "i3", host: "renamed" }), plain))
      yield* until(() => restarted.heard.length === 1)
      assert.strictEqual((yield* refusalOf(first.fiber)).reason, "superseded")
      assert.strictEqual(sessions.get("a1")?.hello.host, "renamed")
    }),
  )

  it.live("has newcomers wait for approval, and disabled agents for being enabled", () =>
    Effect.gen(function* () {
      const { server } = region()
      const { known, sessions } = yield* server("s1", "pending")
      yield* Effect.forkChild(
        Stream.runForEach(known.changes, () => Effect.sync(() => sessions.refresh("a1"))),
      )
      const { heard } = yield* listen(sessions.attach(agentHello(), plain))
      yield* until(() => heard.length === 1)
      assert.deepInclude(heard[0], { _tag: "Wait", state: "pending" })
      assert.isTrue(yield* known.permit("a1", "allowed"))
      yield* until(() => heard.length === 2)
      assert.isTrue(yield* known.permit("a1", "disabled"))
      yield* until(() => heard.length === 3)
      assert.isTrue(yield* known.permit("a1", "allowed"))
      yield* until(() => heard.length === 4)
      assert.deepStrictEqual(tags(heard), ["Wait", "Assigned", "Wait", "Assigned"])
      assert.isFalse(yield* known.permit("a9", "allowed"))
    }),
  )

  it.live("tells of packages when they change, and again when they are wanted anew", () =>
    Effect.gen(function* () {
      const { server, wanted } = region()
      const { sessions } = yield* server("s1")
      const offer = (version: string, order: number): PackageOffer => ({
        _tag: "Package",
        kind: "agent",
        name: "sonde-agent",
        version,
        digest: `d${version}`,
        bytes: 1,
        signature: "",
        order,
      })
      const { heard } = yield* listen(sessions.attach(agentHello({ protocol: 2 }), plain))
      const old = yield* listen(sessions.attach(agentHello({ agent: "a2", protocol: 1 }), plain))
      yield* until(() => heard.length === 1 && old.heard.length === 1)
      const names = ["sonde-agent"]
      for (const offers of [
        [offer("1", 5)],
        [offer("1", 5)],
        [offer("2", 6)],
        [offer("1", 7)],
        [offer("1", 8)],
      ]) {
        wanted.packages = { names, offers }
        sessions.refresh()
        yield* Effect.sleep(20)
      }
      wanted.packages = { names: [], offers: [] }
      sessions.refresh()
      yield* until(() => heard.length === 7)
      assert.deepStrictEqual(heard.slice(1), [
        { _tag: "Packages", names },
        offer("1", 5),
        offer("2", 6),
        offer("1", 7),
        offer("1", 8),
        { _tag: "Packages", names: [] },
      ])
      assert.deepStrictEqual(tags(old.heard), ["Assigned", "Package", "Package", "Package", "Package"])
    }),
  )

  it.live("refuses unknown protocols and floods", () =>
    Effect.gen(function* () {
      const { server } = region()
      const { sessions } = yield* server("s1")
      const old = yield* listen(sessions.attach(agentHello({ protocol: 0 }), plain))
      assert.strictEqual((yield* refusalOf(old.fiber)).reason, "protocol")
      const newer = yield* listen(sessions.attach(agentHello({ agent: "a3", protocol: 2 }), plain))
      yield* until(() => newer.heard.length === 1)
      const { fiber, heard } = yield* listen(sessions.attach(agentHello(), plain))
      yield* until(() => heard.length === 1)
      const refusals: Array<string> = []
      for (let sent = 0; sent < 1_000 && refusals.length === 0; sent++) {
        yield* sessions
          .report("a1", idleReport)
          .pipe(
            Effect.catchTag("AgentRefused", ({ reason }) => Effect.sync(() => void refusals.push(reason))),
          )
        // No yield: as fast as a connection can deliver.
      }
      assert.deepStrictEqual(refusals, ["flood"])
      assert.strictEqual((yield* refusalOf(fiber)).reason, "flood")
    }),
  )

  it.live("takes no agent while the server has no lease, and loses its claims with the lease", () =>
    Effect.gen(function* () {
      const { server, store, wanted } = region()
      const { sessions, stop } = yield* server("s1")
      const { heard } = yield* listen(sessions.attach(agentHello(), plain))
      yield* until(() => heard.length === 1)
      store.expire("1")
      assert.isUndefined(store.get(`${prefix}session/a1`))
      // Nor does it send one elsewhere: what it knows may be old.
      wanted.place["a2"] = "s2"
      const late = yield* listen(sessions.attach(agentHello({ agent: "a2" }), plain))
      assert.strictEqual((yield* refusalOf(late.fiber)).reason, "unavailable")
      yield* stop
    }),
  )

  it.live("claims its agents again under a new lease, save those that others have taken", () =>
    Effect.gen(function* () {
      const { server, store } = region()
      const one = yield* server("s1")
      const two = yield* server("s2")
      const stays = yield* listen(one.sessions.attach(agentHello(), plain))
      const goes = yield* listen(one.sessions.attach(agentHello({ agent: "a2" }), plain))
      yield* until(() => stays.heard.length + goes.heard.length === 2)
      store.expire("1")
      assert.isUndefined(store.get(`${prefix}session/a1`))
      const there = yield* listen(two.sessions.attach(agentHello({ agent: "a2" }), plain))
      yield* until(() => there.heard.length === 1)
      yield* one.renew
      yield* until(() => store.get(`${prefix}session/a1`) !== undefined)
      assert.strictEqual(claimingServer(store.get(`${prefix}session/a1`)!.value), "s1")
      assert.strictEqual((yield* refusalOf(goes.fiber)).reason, "superseded")
      assert.strictEqual(claimingServer(store.get(`${prefix}session/a2`)!.value), "s2")
      // It heard of nothing, and is let go of as ever.
      assert.strictEqual(stays.heard.length, 1)
      yield* Fiber.interrupt(stays.fiber)
      assert.isUndefined(store.get(`${prefix}session/a1`))
      assert.isDefined(store.get(`${prefix}session/a2`))
    }),
  )
})
