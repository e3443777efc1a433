import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as References from "effect/References"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { RpcUnreachable } from "../../runtime/rpc/connectRpc.ts"
import type { Directive } from "../../wire/control/AgentRpc.ts"
import { stayAttached } from "./ControlClient.ts"
import type { ControlCalls, ControlWork } from "./ControlSession.ts"
import { ServerList } from "./ServerList.ts"

const address = (port: number) => ({ id: `s${port}`, control: `127.0.0.1:${port}`, ingest: "127.0.0.1:9" })

const work = {
  hello: () => ({}),
  assigned: () => Effect.void,
  waiting: () => Effect.void,
} as unknown as ControlWork

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sonde-control-"))),
  (made) => Effect.sync(() => rmSync(made, { recursive: true, force: true })),
)

const notRevoked = Effect.die("nobody was revoked")

/** An agent between two servers that each say something when it attaches; counts how often it does. */
const between = (says: (port: number) => ReadonlyArray<Directive>) =>
  Effect.gen(function* () {
    const seen = { attached: 0 }
    const directory = yield* temporary
    const fiber = yield* Effect.forkChild(
      stayAttached({
        servers: new ServerList(directory, ["127.0.0.1:1"]),
        connect: ({ port }) =>
          Effect.succeed({
            client: {
              Attach: () => {
                seen.attached++
                return seen.attached > 10 ? Stream.never : Stream.fromIterable(says(port))
              },
              Time: () => Effect.never,
            } as unknown as ControlCalls,
            closed: Effect.never,
          }),
        work,
        enrolAgain: notRevoked,
      }).pipe(Effect.provideService(References.MinimumLogLevel, "None")),
    )
    // All that happens without time passing.
    for (let turn = 0; turn < 2_000; turn++) yield* Effect.yieldNow
    return { seen, fiber }
  })

const other = (port: number) => address(3 - port)

describe("ControlClient", () => {
  it.effect("follows at once, however often, when servers that had the agent give it away", () =>
    Effect.gen(function* () {
      const { fiber, seen } = yield* between((port) => [
        { _tag: "Assigned", server: address(port), servers: [], group: "" },
        { _tag: "Move", server: other(port), reason: "rebalanced" },
      ])
      assert.strictEqual(seen.attached, 11)
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("takes its time when it is sent from one to another and none takes it", () =>
    Effect.gen(function* () {
      const { fiber, seen } = yield* between((port) => [
        { _tag: "Move", server: other(port), reason: "belongs there" },
      ])
      assert.isAtMost(seen.attached, 4)
      yield* TestClock.adjust("1 minute")
      assert.isAbove(seen.attached, 4)
      yield* Fiber.interrupt(fiber)
    }),
  )

  it.effect("waits between tries when nobody is there, ever longer, and goes on", () =>
    Effect.gen(function* () {
      const directory = yield* temporary
      const tries: Array<string> = []
      let ends = 0
      yield* Effect.forkChild(
        stayAttached({
          servers: new ServerList(directory, ["a.example:1", "b.example:1"]),
          connect: ({ host }) =>
            Effect.andThen(
              Effect.sync(() => void tries.push(host)),
              Effect.fail(new RpcUnreachable({ message: "connect ECONNREFUSED" })),
            ),
          work,
          enrolAgain: notRevoked,
          ended: (_, isAnswer) => {
            assert.isFalse(isAnswer)
            ends++
          },
        }),
      )
      yield* TestClock.adjust("10 minutes")
      // Rounds of two, at 1.5 to 4.5 s once the wait has grown.
      assert.isAbove(tries.length, 2 * 120)
      assert.isBelow(tries.length, 2 * 410)
      assert.strictEqual(ends, tries.length)
      assert.deepStrictEqual(tries.slice(0, 2), ["a.example", "b.example"])
    }),
  )
})
