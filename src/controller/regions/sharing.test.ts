// Two regions with an etcd each and a global one between them, real ones, and what happens when a region is cut off.

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { makeCoordinationEtcd } from "../../runtime/coordination/etcd.ts"
import { hasEtcd, until } from "../../runtime/coordination/etcd.testing.ts"
import type { LayerRef } from "../../wire/control/AdminRpc.ts"
import type { AgentTraits } from "../config/AgentGroup.ts"
import { globalPrefix } from "./globalKeys.ts"
import { startServer, startStores } from "./regions.testing.ts"

const byDefault: LayerRef = { layer: "default", name: "-" }
const ofRegion: LayerRef = { layer: "region", name: "-" }
const edge: LayerRef = { layer: "group", name: "edge" }
const by = (author: string, comment = "") => ({ author, comment })

const agent = (id: string): AgentTraits => ({
  id,
  host: `edge-${id}`,
  zone: "",
  region: "",
  version: "",
  os: "",
  arch: "",
  kernel: "",
  capabilities: [],
})

type Server = Effect.Success<ReturnType<typeof startServer>>

const valuesOf = ({ effective }: Server) => effective.of(agent("a1")).values

const holds = (what: string, isTrue: () => boolean) => until(what, Effect.sync(isTrue))

const same = (one: unknown, other: unknown) => JSON.stringify(one) === JSON.stringify(other)

describe.skipIf(!hasEtcd)("regions that share", { timeout: 120_000 }, () => {
  it.live("have one default layer and one set of shared groups, and layers of their own", () =>
    Effect.gen(function* () {
      const { own, ways } = yield* startStores(["eu", "us"])
      const server = (name: string, id: string) =>
        startServer(name, id, own.get(name)!, ways.get(name)!.endpoint)
      const eu = yield* server("eu", "e1")
      const us = yield* server("us", "u1")
      // A second server reads what the leader copies.
      const second = yield* server("us", "u2")

      yield* eu.config.change(byDefault, { flushMs: 700, ringMiB: 8 }, by("ann"))
      yield* eu.config.change(ofRegion, { ringMiB: 4 }, by("ann"))
      yield* holds("eu has both", () => same(valuesOf(eu), { flushMs: 700, ringMiB: 4 }))
      for (const one of [us, second])
        yield* holds("us has the default layer", () => same(valuesOf(one), { flushMs: 700, ringMiB: 8 }))
      assert.strictEqual((yield* us.config.get(byDefault)).author, "ann")

      const group = {
        ...{ name: "edge", description: "", priority: 0, agents: [], hosts: ["edge-*"] },
        ...{ zones: [], capabilities: [], tags: [] },
      }
      yield* us.groups.set({ ...group, isGlobal: true })
      yield* us.config.change(edge, { capture: "packets" }, by("bob"))
      yield* holds("eu has the group and its layer", () => valuesOf(eu)["capture"] === "packets")
      const refused = yield* Effect.flip(eu.groups.set(group))
      assert.include(refused.message, "group of all regions")

      // What was changed from elsewhere meanwhile is told, also over regions.
      const conflict = yield* Effect.flip(
        eu.config.change(edge, { flushMs: 1_000 }, { ...by("cid"), expected: 0 }),
      )
      assert.include(conflict.message, "bob made version 1 meanwhile")
      const staged = yield* Effect.flip(
        eu.config.change(byDefault, { flushMs: 600 }, { ...by("cid"), staged: () => assert.fail("begun") }),
      )
      assert.include(staged.message, "shared by all regions")

      yield* eu.groups.remove("edge", "ann")
      yield* holds("us has lost it", () => valuesOf(us)["capture"] === undefined)
      yield* holds("each knows the other", () =>
        [eu, us].every(({ directory }) => directory.others().length === 1),
      )
      assert.strictEqual(us.directory.others()[0]!.name, "eu")
    }).pipe(Effect.scoped),
  )

  it.live("a region that is cut off goes on by itself, and takes up what it missed", () =>
    Effect.gen(function* () {
      const { global, own, ways } = yield* startStores(["eu", "us"])
      const way = ways.get("us")!
      const eu = yield* startServer("eu", "e1", own.get("eu")!, ways.get("eu")!.endpoint)
      const us = yield* startServer("us", "u1", own.get("us")!, way.endpoint)
      yield* eu.config.change(byDefault, { flushMs: 700 }, by("ann"))
      yield* holds("us has it", () => same(valuesOf(us), { flushMs: 700 }))

      yield* way.cut
      yield* holds("us says so", () => us.directory.state().problem.includes("does not answer"))
      const failure = yield* Effect.flip(us.config.change(byDefault, { flushMs: 600 }, by("bob")))
      assert.include(failure.message, "the layers region, group (of this region) and agent can be changed")
      assert.deepStrictEqual((yield* us.config.get(byDefault)).values, { flushMs: 700 })
      yield* us.config.change(ofRegion, { ringMiB: 4 }, by("bob"))
      yield* eu.config.change(byDefault, { flushMs: 800 }, by("ann"))
      yield* holds("us has its own", () => same(valuesOf(us), { flushMs: 700, ringMiB: 4 }))

      yield* way.restore
      yield* holds("us has both", () => same(valuesOf(us), { flushMs: 800, ringMiB: 4 }))
      yield* holds("us is in touch", () => us.directory.state().problem === "")

      // Longer than the global store remembers.
      yield* way.cut
      yield* holds("us says so again", () => us.directory.state().problem !== "")
      const store = yield* makeCoordinationEtcd({ endpoints: [global] }, "test")
      for (let at = 0; at < 5; at++) yield* eu.config.change(byDefault, { flushMs: 900 + at }, by("ann"))
      const { revision } = yield* store.list(globalPrefix)
      yield* compact(global, revision)
      yield* way.restore
      yield* holds("us has the newest", () => same(valuesOf(us), { flushMs: 904, ringMiB: 4 }))
    }).pipe(Effect.scoped),
  )

  it.live("a region that begins to share keeps what it had set, and a new leader goes on", () =>
    Effect.gen(function* () {
      const { own, ways } = yield* startStores(["eu", "us"])
      const server = (name: string, id: string) =>
        startServer(name, id, own.get(name)!, ways.get(name)!.endpoint)
      for (const [name, values] of [
        ["eu", { flushMs: 700 }],
        ["us", { flushMs: 300, ringMiB: 4 }],
      ] as const) {
        const store = yield* makeCoordinationEtcd({ endpoints: [own.get(name)!] }, "test")
        const version = { version: 3, values, author: "ann", comment: "", changedMs: 1, write: "x" }
        yield* store.commit({
          writes: [{ put: `/sonde/${name}/config/default/-`, value: JSON.stringify(version) }],
        })
      }
      const eu = yield* server("eu", "e1")
      yield* isJoined("eu", eu)
      assert.deepStrictEqual(valuesOf(eu), { flushMs: 700 })
      yield* Effect.gen(function* () {
        const us = yield* server("us", "u1")
        yield* isJoined("us", us)
        assert.deepStrictEqual((yield* us.config.get(ofRegion)).values, { flushMs: 300, ringMiB: 4 })
        assert.deepStrictEqual(valuesOf(us), { flushMs: 300, ringMiB: 4 })
      }).pipe(Effect.scoped)
      const next = yield* server("us", "u2")
      yield* eu.config.change(byDefault, { maskLiterals: false }, by("ann"))
      yield* holds("the next leader copies", () =>
        same(Object.entries(valuesOf(next)).toSorted(), [
          ["flushMs", 300],
          ["maskLiterals", false],
          ["ringMiB", 4],
        ]),
      )
    }).pipe(Effect.scoped),
  )
})

const isJoined = (name: string, { store }: Server) =>
  until(
    `the default layer of ${name} is no longer its own`,
    Effect.orDie(Effect.map(store.get(`/sonde/${name}/config/default/-`), (entry) => entry === undefined)),
  )

/** As etcd's own compaction does: what was before is forgotten. */
const compact = (endpoint: string, revision: number) =>
  Effect.promise(() =>
    fetch(`${endpoint}/v3/kv/compaction`, {
      method: "POST",
      body: JSON.stringify({ revision: String(revision), physical: true }),
    }).then((response) => assert.isTrue(response.ok)),
  )
