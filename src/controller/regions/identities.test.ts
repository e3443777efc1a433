// Agents that move between regions and copies that try to, over real etcds.

import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { hasEtcd, until } from "../../runtime/coordination/etcd.testing.ts"
import { agentHello } from "../controller.testing.ts"
import { startServer, startStores } from "./regions.testing.ts"

type Server = Effect.Success<ReturnType<typeof startServer>>

const hello = agentHello({ agent: "a1", machineId: "m1", host: "box" })
const copied = agentHello({ agent: "a1", machineId: "m2", host: "other" })

const homeIs = (server: Server, home: string) =>
  until(
    `a1 is at home in ${home}, as ${server.prefix} has it`,
    Effect.orDie(Effect.map(server.identities.of("a1"), (it) => it.home === home)),
  )

/** As a server does when an agent attaches. */
const attach = ({ identities, known }: Server, who: typeof hello) =>
  Effect.andThen(identities.admit(who, "plain"), known.saw(who))

const start = Effect.gen(function* () {
  const { own, ways } = yield* startStores(["eu", "us"])
  const eu = yield* startServer("eu", "e1", own.get("eu")!, ways.get("eu")!.endpoint)
  const us = yield* startServer("us", "u1", own.get("us")!, ways.get("us")!.endpoint)
  return { eu, us, way: ways.get("us")! }
})

describe.skipIf(!hasEtcd)("identities of agents", { timeout: 120_000 }, () => {
  it.live("an agent that moves keeps its approval, and a copy of it is refused", () =>
    Effect.gen(function* () {
      const { eu, us } = yield* start
      assert.strictEqual((yield* attach(eu, hello)).permission, "pending")
      yield* eu.known.permit("a1", "allowed")
      yield* homeIs(us, "eu")
      yield* until(
        "us knows that it may work",
        Effect.orDie(
          Effect.map(
            us.store.get("/sonde/us/global-identity/a1"),
            (it) => it?.value.includes("allowed") === true,
          ),
        ),
      )
      const refused = yield* Effect.flip(attach(us, copied))
      assert.strictEqual(refused._tag === "AgentRefused" && refused.reason, "cloned")
      assert.include(refused.message, "at home in region eu")

      // A certificate as a guest is no move.
      const guest = yield* Effect.flip(us.identities.admit(hello, "certificate"))
      assert.include(guest.message, "it moves to us when it enrols here with a token")
      yield* us.store.commit({ writes: [{ put: "/sonde/us/enrolled/a1", value: "{}" }] })
      yield* us.identities.admit(hello, "certificate")
      assert.strictEqual((yield* attach(us, hello)).permission, "allowed")
      yield* homeIs(eu, "us")
      assert.deepStrictEqual((yield* us.identities.of("a1")).conflicts, [])
      // And back.
      yield* attach(eu, hello)
      yield* homeIs(us, "eu")
      // A name that was given up is free again.
      yield* us.known.forget("a1")
      yield* eu.known.forget("a1")
      yield* homeIs(us, "")
      yield* attach(us, copied)
      yield* homeIs(eu, "us")
    }).pipe(Effect.scoped),
  )

  it.live("a name taken in two regions while one is cut off stays with the first, and both say so", () =>
    Effect.gen(function* () {
      const { eu, us, way } = yield* start
      yield* way.cut
      yield* until(
        "us is cut off",
        Effect.sync(() => us.directory.state().problem !== ""),
      )
      yield* attach(eu, hello)
      yield* homeIs(eu, "eu")
      // It cannot know better.
      yield* attach(us, copied)
      yield* way.restore
      for (const server of [eu, us]) {
        yield* until(
          `${server.prefix} tells the conflict`,
          Effect.orDie(Effect.map(server.identities.of("a1"), ({ conflicts }) => conflicts.length === 1)),
        )
        const { conflicts, home } = yield* server.identities.of("a1")
        assert.strictEqual(home, "eu")
        assert.deepInclude(conflicts[0], { region: "us", host: "other", machineId: "m2" })
      }
      const refused = yield* Effect.flip(attach(us, copied))
      assert.include(refused.message, "its data directory was copied")
      yield* us.known.forget("a1")
      yield* until(
        "there is peace",
        Effect.orDie(Effect.map(eu.identities.of("a1"), ({ conflicts }) => conflicts.length === 0)),
      )
    }).pipe(Effect.scoped),
  )
})
