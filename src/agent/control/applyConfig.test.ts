import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import { ConfigSchema } from "../../runtime/configSchema.ts"
import {
  type AgentSection,
  applyConfig,
  changeBetween,
  type ConfigApplier,
  ConfigUnusable,
  mergeSettings,
} from "./applyConfig.ts"

const local = Schema.decodeUnknownSync(ConfigSchema)({ agent: { flushMs: 400, zone: "z1" } }).agent
const nothingExplicit = () => false

/** Notes what it is asked for; `fails`: for which settings it does not come up. */
const noting = (fails: (config: AgentSection) => boolean = () => false) => {
  const calls: Array<string> = []
  const call = (name: string) => (config: AgentSection, changed: ReadonlyArray<string>) =>
    Effect.suspend(() => {
      calls.push(`${name} ${changed.join(",")} ${config.flushMs} ${config.ringMiB}`)
      return fails(config) ? Effect.fail(new ConfigUnusable({ message: "no ring buffer" })) : Effect.void
    })
  const applier: ConfigApplier = { hot: call("hot"), restart: call("restart") }
  return { applier, calls }
}

describe("mergeSettings", () => {
  it("takes what the server sets, and leaves what was set on the machine", () => {
    const merged = mergeSettings(local, (path) => path === "flushMs" || path === "capture", {
      flushMs: 100,
      ringMiB: 2,
      capture: "auto",
      "protocols.unheardOf": true,
    })
    assert.deepStrictEqual(merged.config, { ...local, ringMiB: 2 })
    assert.deepStrictEqual(merged.held, ["flushMs"])
    assert.deepStrictEqual(merged.skipped, ["protocols.unheardOf"])
  })

  it("never lets a server set how it is reached, or secrets", () => {
    const values = { token: "x", server: "evil:1", controllers: [], packageKeys: ["k"], zone: "z2" }
    const merged = mergeSettings(local, nothingExplicit, values)
    assert.deepStrictEqual(merged.config, local)
    assert.strictEqual(merged.skipped.length, 5)
  })
})

describe("changeBetween", () => {
  it("tells what can be taken at once from what needs a restart", () => {
    assert.deepStrictEqual(changeBetween(local, { ...local, flushMs: 1 }), { hot: ["flushMs"], restart: [] })
    assert.deepStrictEqual(changeBetween(local, { ...local, flushMs: 1, excludePorts: [22], ringMiB: 1 }), {
      hot: ["excludePorts", "flushMs"],
      restart: ["ringMiB"],
    })
    assert.deepStrictEqual(changeBetween(local, { ...local, excludePorts: [] }), { hot: [], restart: [] })
  })
})

describe("applyConfig", () => {
  it.effect("does no more than is needed", () =>
    Effect.gen(function* () {
      const { applier, calls } = noting()
      assert.strictEqual(yield* applyConfig(applier, local, { ...local }), "nothing")
      assert.strictEqual(yield* applyConfig(applier, local, { ...local, flushMs: 100 }), "hot")
      assert.strictEqual(
        yield* applyConfig(applier, local, { ...local, flushMs: 200, ringMiB: 2 }),
        "restart",
      )
      assert.deepStrictEqual(calls, ["hot flushMs 100 16", "restart ringMiB,flushMs 200 2"])
    }),
  )

  it.effect("goes back to the former settings, and says so when they do not work either", () =>
    Effect.gen(function* () {
      const big = { ...local, ringMiB: 256 }
      const once = noting(({ ringMiB }) => ringMiB === 256)
      const failure = yield* Effect.flip(applyConfig(once.applier, local, big))
      assert.strictEqual(failure.message, "no ring buffer")
      assert.deepStrictEqual(once.calls, ["restart ringMiB 400 256", "restart ringMiB 400 16"])
      const always = noting(() => true)
      const worse = yield* Effect.flip(applyConfig(always.applier, local, big))
      assert.strictEqual(
        worse.message,
        "no ring buffer; the former settings do not work either: no ring buffer",
      )
    }),
  )

  it.effect("does not wait for ever, and takes a defect for a failure", () =>
    Effect.gen(function* () {
      const { applier, calls } = noting()
      const stuck: ConfigApplier = {
        ...applier,
        restart: (config, changed) =>
          config.ringMiB === 256 ? Effect.never : applier.restart(config, changed),
      }
      const fiber = yield* Effect.forkChild(
        Effect.flip(applyConfig(stuck, local, { ...local, ringMiB: 256 })),
      )
      yield* TestClock.adjust("30 seconds")
      const failure = yield* Fiber.join(fiber)
      assert.strictEqual(failure.message, "ringMiB: capture was not up after 30 s")
      assert.deepStrictEqual(calls, ["restart ringMiB 400 16"])
      const broken: ConfigApplier = { ...applier, hot: () => Effect.die(new Error("bug")) }
      const bug = yield* Effect.flip(applyConfig(broken, local, { ...local, flushMs: 100 }))
      assert.include(bug.message, "bug")
    }),
  )
})
