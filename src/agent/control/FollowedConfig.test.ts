import { assert, describe, it } from "@effect/vitest"
import * as fc from "fast-check"
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import * as Exit from "effect/Exit"
import { afterAll, beforeAll } from "vitest"
import { type AgentValues, agentValuesDigest } from "../../runtime/agentValues.ts"
import { ConfigSchema } from "../../runtime/configSchema.ts"
import { type AgentSection, type ConfigApplier, ConfigUnusable } from "./applyConfig.ts"
import type { ConfigDirective } from "./ControlSession.ts"
import { captureProblem, makeFollowedConfig } from "./FollowedConfig.ts"
import { LastGoodConfig, triesMost } from "./LastGoodConfig.ts"

let root = ""
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "sonde-followed-"))
})
afterAll(() => rmSync(root, { recursive: true }))
let directories = 0
const directory = () => join(root, String(directories++))

const local = Schema.decodeUnknownSync(ConfigSchema)({}).agent

const directive = (version: number, values: AgentValues, base = 0, whole = values): ConfigDirective => ({
  _tag: "Config",
  version,
  digest: agentValuesDigest(whole),
  base,
  values,
})

/** An agent that runs with what it was given last; `fails`: with which settings it does not come up. */
class Running {
  config: AgentSection = local
  restarts = 0
  fails: (config: AgentSection) => boolean = () => false
  readonly applier: ConfigApplier = {
    hot: (config) => Effect.sync(() => void (this.config = config)),
    restart: (config) =>
      Effect.suspend(() => {
        this.restarts++
        if (this.fails(config)) return Effect.fail(new ConfigUnusable({ message: "no ring buffer" }))
        this.config = config
        return Effect.void
      }),
  }
}

const start = (
  where: string,
  running: Running,
  options: { readonly version?: string; readonly explicit?: ReadonlyArray<string> } = {},
) =>
  Effect.gen(function* () {
    const followed = yield* makeFollowedConfig({
      directory: where,
      version: options.version ?? "1.0.0",
      local,
      isExplicit: (path) => options.explicit?.includes(path) ?? false,
    })
    running.config = followed.config()
    yield* followed.follow(running.applier)
    return followed
  })

const until = Effect.fnUntraced(function* (holds: () => boolean) {
  while (!holds()) yield* Effect.yieldNow
})

describe("makeFollowedConfig", () => {
  it.effect("takes what it is told, keeps it, and begins with it the next time", () =>
    Effect.gen(function* () {
      const where = directory()
      const running = new Running()
      const followed = yield* start(where, running)
      assert.deepStrictEqual([followed.version(), followed.digest()], [0, ""])
      assert.isTrue(yield* followed.take(directive(7, { flushMs: 100, ringMiB: 2 })))
      yield* until(() => followed.version() === 7)
      assert.strictEqual(running.config.flushMs, 100)
      assert.strictEqual(followed.problem(), "")
      const again = yield* start(where, new Running())
      assert.strictEqual(again.version(), 7)
      assert.strictEqual(again.digest(), agentValuesDigest({ flushMs: 100, ringMiB: 2 }))
      assert.strictEqual(again.config().ringMiB, 2)
      assert.deepStrictEqual(readdirSync(where), ["agent-config.json"])
    }),
  )

  it.effect("builds on what it was told, and asks for the whole when it does not fit", () =>
    Effect.gen(function* () {
      const running = new Running()
      const followed = yield* start(directory(), running)
      yield* followed.take(directive(1, { flushMs: 100, ringMiB: 2 }))
      const next = { flushMs: 200 }
      assert.isTrue(yield* followed.take(directive(2, { flushMs: 200, ringMiB: null }, 1, next)))
      yield* until(() => followed.version() === 2)
      assert.deepStrictEqual(running.config, { ...local, flushMs: 200 })
      assert.isFalse(yield* followed.take(directive(4, { ringMiB: 3 }, 3, { ringMiB: 3, payloadBytes: 64 })))
      assert.strictEqual(followed.version(), 2)
      assert.isTrue(yield* followed.take(directive(5, {})))
      yield* until(() => followed.version() === 5)
      assert.deepStrictEqual([followed.digest(), running.config], ["", local])
    }),
  )

  it.effect("goes back when capture does not come up, says so, and does not try it again", () =>
    Effect.gen(function* () {
      const where = directory()
      const running = new Running()
      running.fails = ({ ringMiB }) => ringMiB === 256
      const followed = yield* start(where, running)
      yield* followed.take(directive(1, { ringMiB: 4 }))
      yield* until(() => followed.version() === 1)
      yield* followed.take(directive(2, { ringMiB: 256 }))
      yield* until(() => followed.problem() !== "")
      assert.strictEqual(followed.problem(), "version 2: no ring buffer; version 1 stays in use")
      assert.strictEqual(followed.digest(), agentValuesDigest({ ringMiB: 4 }))
      assert.strictEqual(running.config.ringMiB, 4)
      assert.strictEqual(running.restarts, 3)

      // The same again, as another version and after a start.
      yield* followed.take(directive(3, { ringMiB: 256 }))
      yield* until(() => followed.problem().startsWith("version 3: no ring buffer (not tried again)"))
      const later = new Running()
      const again = yield* start(where, later)
      yield* again.take(directive(4, { ringMiB: 256 }))
      yield* until(() => again.problem() !== "")
      assert.strictEqual(later.restarts, 0)
      assert.strictEqual(again.version(), 1)
      // What builds on it is told as a difference to it.
      assert.isTrue(yield* again.take(directive(5, { ringMiB: 8 }, 4)))
      yield* until(() => again.version() === 5)
      assert.strictEqual(again.problem(), "")

      // Another version of Sonde may be able to.
      const newer = new Running()
      const updated = yield* start(where, newer, { version: "1.1.0" })
      yield* updated.take(directive(6, { ringMiB: 256 }))
      yield* until(() => updated.version() === 6)
    }),
  )

  it.effect("refuses values that it cannot use as a whole, and skips keys that it does not know", () =>
    Effect.gen(function* () {
      const running = new Running()
      const followed = yield* start(directory(), running)
      yield* followed.take(directive(1, { flushMs: 100, payloadBytes: 1 }))
      yield* until(() => followed.problem() !== "")
      assert.strictEqual(
        followed.problem(),
        "version 1: payloadBytes: expected an integer from 64 to 4096, found 1; the agent's own settings stay in use",
      )
      assert.deepStrictEqual(running.config, local)
      yield* followed.take(directive(2, { flushMs: 100, "protocols.future": true }))
      yield* until(() => followed.version() === 2)
      assert.strictEqual(followed.problem(), "")
      assert.strictEqual(running.config.flushMs, 100)
      assert.deepStrictEqual(followed.remarks(), [
        "protocols.future: this version of Sonde has no such key; it is left out",
      ])
    }),
  )

  it.effect("leaves what was set on this machine", () =>
    Effect.gen(function* () {
      const running = new Running()
      const followed = yield* start(directory(), running, { explicit: ["maskLiterals"] })
      yield* followed.take(directive(1, { maskLiterals: false, flushMs: 100 }))
      yield* until(() => followed.version() === 1)
      assert.deepStrictEqual([running.config.maskLiterals, running.config.flushMs], [true, 100])
      assert.include(followed.remarks()[0]!, "maskLiterals: was set on this machine")
    }),
  )

  it.effect("does not try for a third time what ended the agent twice", () =>
    Effect.gen(function* () {
      const where = directory()
      const deadly = { ringMiB: 3 }
      for (let life = 0; life < triesMost; life++) {
        const lastGood = new LastGoodConfig(where, "1.0.0")
        assert.strictEqual(lastGood.failure(agentValuesDigest(deadly)), undefined)
        // Here the process is gone: nothing else is written.
        lastGood.begin(agentValuesDigest(deadly))
      }
      const running = new Running()
      const followed = yield* start(where, running)
      yield* followed.take(directive(9, deadly))
      yield* until(() => followed.problem() !== "")
      assert.include(followed.problem(), "the agent ended 2 times while it took this configuration")
      assert.strictEqual(running.restarts, 0)
    }),
  )

  it.effect("does not count an orderly end against what it was taking", () =>
    Effect.gen(function* () {
      const where = directory()
      for (let life = 0; life < triesMost + 1; life++) {
        const running = new Running()
        let isTaking = false
        const scope = yield* Scope.make()
        const followed = yield* makeFollowedConfig({
          directory: where,
          version: "1.0.0",
          local,
          isExplicit: () => false,
        })
        yield* Scope.provide(
          followed.follow({
            ...running.applier,
            restart: () =>
              Effect.suspend(() => {
                isTaking = true
                return Effect.never
              }),
          }),
          scope,
        )
        yield* followed.take(directive(1, { ringMiB: 3 }))
        yield* until(() => isTaking)
        yield* Scope.close(scope, Exit.void)
      }
      assert.strictEqual(
        new LastGoodConfig(where, "1.0.0").failure(agentValuesDigest({ ringMiB: 3 })),
        undefined,
      )
    }),
  )

  it.effect("ends with the last thing it was told, however many come", () =>
    Effect.gen(function* () {
      const running = new Running()
      const followed = yield* start(directory(), running)
      for (let version = 1; version <= 50; version++)
        yield* followed.take(directive(version, { ringMiB: version }))
      yield* until(() => followed.version() === 50)
      assert.strictEqual(running.config.ringMiB, 50)
      assert.isBelow(running.restarts, 50)
    }),
  )
})

describe("LastGoodConfig", () => {
  it("begins with nothing when its file is damaged, wherever", () => {
    const where = directory()
    const told = { version: 3, digest: "d", values: { flushMs: 100 } }
    new LastGoodConfig(where, "1.0.0").worked(told)
    const { file } = new LastGoodConfig(where, "1.0.0")
    const whole = readFileSync(file)
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        (at, by, isCut) => {
          const bytes = isCut ? whole.subarray(0, at) : Uint8Array.from(whole)
          if (!isCut) bytes[at]! ^= by
          writeFileSync(file, bytes)
          const read = new LastGoodConfig(where, "1.0.0")
          if (read.trouble === "") assert.deepStrictEqual(read.good, told)
          else assert.strictEqual(read.good.version, 0)
        },
      ),
    )
    writeFileSync(file, whole.subarray(0, -1))
    assert.include(new LastGoodConfig(where, "1.0.0").trouble, "damaged or of another version")
    writeFileSync(file, whole)
    assert.deepStrictEqual(new LastGoodConfig(where, "1.0.0").good, told)
  })

  it("works on where nothing can be written, and says so", () => {
    const where = directory()
    mkdirSync(where)
    mkdirSync(join(where, "agent-config.json.part"))
    const lastGood = new LastGoodConfig(where, "1.0.0")
    lastGood.worked({ version: 1, digest: "d", values: {} })
    assert.include(lastGood.trouble, "cannot be written")
    assert.strictEqual(lastGood.good.version, 1)
    assert.isFalse(existsSync(lastGood.file))
  })
})

describe("captureProblem", () => {
  it("is there when capture was up before and is not with the new settings", () => {
    assert.strictEqual(captureProblem(local, 1, 1), undefined)
    assert.strictEqual(captureProblem(local, undefined, 3), undefined)
    assert.strictEqual(captureProblem({ ...local, capture: "none" }, 1, 3), undefined)
    assert.include(captureProblem(local, 1, 3)!.message, "did not come up")
  })
})
