// Regions for tests: each with a store of its own and one server or more, all with one global store, each behind a way that can be cut.

import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Coordination, type CoordinationError } from "../../runtime/coordination/Coordination.ts"
import { makeCoordinationEtcd } from "../../runtime/coordination/etcd.ts"
import { startEtcd } from "../../runtime/coordination/etcd.testing.ts"
import { startProxy, type TestProxy } from "../../runtime/coordination/proxy.testing.ts"
import { AgentGroups } from "../config/AgentGroups.ts"
import { ConfigStore } from "../config/ConfigStore.ts"
import { EffectiveConfig } from "../config/EffectiveConfig.ts"
import { KnownAgents } from "../agents/KnownAgents.ts"
import { serverRecord } from "../controller.testing.ts"
import { Membership } from "../membership/Membership.ts"
import { GlobalStore, makeGlobalStore } from "./GlobalStore.ts"
import { Identities, makeIdentities } from "./Identities.ts"
import { leadSharing } from "./leadSharing.ts"
import { makeRegionDirectory } from "./RegionDirectory.ts"
import type { RegionRecord } from "./RegionRecord.ts"

const connect = (endpoint: string) =>
  makeCoordinationEtcd({ endpoints: [endpoint], callMs: 1_000, patienceMs: 1_500 }, "test")

export const regionRecord = (name: string, changes: Partial<RegionRecord> = {}): RegionRecord => ({
  name,
  control: [`${name}.example:20035`],
  http: [],
  authority: "",
  allowsSpill: false,
  servers: 1,
  agents: 0,
  guests: 0,
  seenMs: 0,
  ...changes,
})

/** One server of a region; the first leads. */
export const startServer = (name: string, id: string, own: string, global: string) =>
  Effect.gen(function* () {
    const prefix = `/sonde/${name}/`
    const store = yield* connect(own)
    const given = Layer.succeed(Coordination, store)
    const shared = yield* Effect.provide(
      Effect.flatMap(connect(global), (reached) => makeGlobalStore(prefix, reached)),
      given,
    )
    const identities = yield* Effect.provide(makeIdentities(prefix, name), given)
    const context = yield* Layer.build(
      EffectiveConfig.layer.pipe(
        Layer.provideMerge(
          Layer.mergeAll(
            ConfigStore.layer(prefix),
            AgentGroups.layer(prefix),
            KnownAgents.layer({ prefix, newcomers: "pending" }),
          ),
        ),
        Layer.provideMerge(
          Membership.layer({ prefix, self: serverRecord(id), leaseMs: 2_000, isCandidate: true }),
        ),
        Layer.provide([Layer.succeed(GlobalStore, shared), Layer.succeed(Identities, identities)]),
        Layer.provideMerge(given),
      ),
    )
    const membership = Context.get(context, Membership)
    const directory = yield* Effect.provide(makeRegionDirectory(prefix, name), given)
    const lead = leadSharing({
      prefix,
      region: name,
      membership,
      global: shared,
      record: () => regionRecord(name),
      beatMs: 300,
    })
    yield* Effect.forkScoped(Effect.provide(lead, given))
    return {
      prefix,
      store,
      global: shared,
      membership,
      directory,
      identities,
      known: Context.get(context, KnownAgents),
      config: Context.get(context, ConfigStore),
      groups: Context.get(context, AgentGroups),
      effective: Context.get(context, EffectiveConfig),
    }
  })

export interface TestRegions {
  readonly global: string
  readonly own: ReadonlyMap<string, string>
  readonly ways: ReadonlyMap<string, TestProxy>
}

/** A global etcd, an etcd for each name, and the ways between. */
export const startStores = (
  names: ReadonlyArray<string>,
): Effect.Effect<TestRegions, CoordinationError, Scope.Scope> =>
  Effect.gen(function* () {
    const [global, ...own] = yield* Effect.forEach([0, ...names], () => startEtcd(), { concurrency: 4 })
    const ways = yield* Effect.forEach(names, () => startProxy(global!.endpoints[0]!))
    return {
      global: global!.endpoints[0]!,
      own: new Map(names.map((name, at) => [name, own[at]!.endpoints[0]!])),
      ways: new Map(names.map((name, at) => [name, ways[at]!])),
    }
  })
