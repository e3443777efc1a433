import { assert, describe, it } from "@effect/vitest"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import { TestClock } from "effect/testing"
import { afterAll } from "vitest"
import { RpcUnreachable } from "../../runtime/rpc/connectRpc.ts"
import { stayAttached } from "./ControlClient.ts"
import type { ControlWork } from "./ControlSession.ts"
import { ServerList } from "./ServerList.ts"

const directory = mkdtempSync(join(tmpdir(), "sonde-control-"))
afterAll(() => rmSync(directory, { recursive: true }))

const noWork: ControlWork = {
  hello: () => assert.fail("nobody is there to greet"),
  assigned: () => Effect.void,
  waiting: () => Effect.void,
  configure: () => Effect.succeed(true),
  use: () => Effect.void,
  support: Effect.succeed(new Uint8Array()),
  report: () => assert.fail("nobody is there to tell"),
}

describe("stayAttached", () => {
  it.effect("waits between tries when nobody is there, ever longer, and goes on", () =>
    Effect.gen(function* () {
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
          work: noWork,
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
