// An agent that one region revoked and another has as a guest, over real etcds.

import { Socket } from "node:net"
import { TLSSocket } from "node:tls"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Coordination } from "../../runtime/coordination/Coordination.ts"
import { hasEtcd, until } from "../../runtime/coordination/etcd.testing.ts"
import { agentHello } from "../controller.testing.ts"
import { Revocations } from "../enrol/Revocations.ts"
import { startServer, startStores } from "./regions.testing.ts"

type Server = Effect.Success<ReturnType<typeof startServer>>

const revocationsOf = ({ prefix, store }: Server) =>
  Layer.build(Revocations.layer(prefix, 7).pipe(Layer.provide(Layer.succeed(Coordination, store)))).pipe(
    Effect.map((built) => Context.get(built, Revocations)),
  )

const holds = (what: string, isTrue: () => boolean) => until(what, Effect.sync(isTrue))

describe.skipIf(!hasEtcd)("revocations", { timeout: 120_000 }, () => {
  it.live("hold in all regions for agents that are at home where they were revoked, also after a cut", () =>
    Effect.gen(function* () {
      const { own, ways } = yield* startStores(["eu", "us"])
      const eu = yield* startServer("eu", "e1", own.get("eu")!, ways.get("eu")!.endpoint)
      const us = yield* startServer("us", "u1", own.get("us")!, ways.get("us")!.endpoint)
      const atHome = yield* revocationsOf(eu)
      const atHost = yield* revocationsOf(us)
      // One that moved to us long ago, of which eu still has something.
      yield* us.known.saw(agentHello({ agent: "moved", machineId: "m2", host: "box" }))
      yield* until(
        "eu knows where it is",
        Effect.orDie(Effect.map(eu.identities.of("moved"), ({ home }) => home === "us")),
      )
      const issuedMs = Date.now()
      const connect = (name: string, atMs = issuedMs) => {
        const socket = new TLSSocket(new Socket())
        const refusal = atHost.gate.admit(socket, { identity: { kind: "agent", name }, issuedMs: atMs })
        return { socket, refusal }
      }
      const guest = connect("guest")
      const moved = connect("moved")
      assert.isUndefined(guest.refusal)

      yield* ways.get("us")!.cut
      yield* atHome.revoke("moved", "ann", "old")
      const { beforeMs } = yield* atHome.revoke("guest", "ann", "stolen")
      yield* Effect.sleep(500)
      assert.isFalse(guest.socket.destroyed, "us cannot know yet")
      yield* ways.get("us")!.restore
      yield* holds("the guest is cut off", () => guest.socket.destroyed)
      assert.include(connect("guest").refusal, "is revoked (stolen)")
      assert.isUndefined(connect("guest", beforeMs + 1).refusal)
      assert.strictEqual(yield* atHost.refusedUntilMs("guest"), beforeMs)
      // Both were told at once: what was to come for the other is there.
      assert.isFalse(moved.socket.destroyed)
      assert.isUndefined(yield* atHost.refusedUntilMs("moved"))

      yield* eu.store.commit({ writes: [{ remove: `${eu.prefix}revoked/guest` }] })
      yield* holds("what ended is gone everywhere", () => connect("guest").refusal === undefined)
    }).pipe(Effect.scoped),
  )
})
