import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import type { CaptureStatus } from "../../model/AgentStatus.ts"
import { ConfigSchema } from "../../runtime/configSchema.ts"
import { applyConfig } from "../control/applyConfig.ts"
import { CaptureFailed, type CaptureHandlers, type runCapture } from "./Capture.ts"
import { makeCaptureRunner } from "./CaptureRunner.ts"

const local = Schema.decodeUnknownSync(ConfigSchema)({}).agent

/** Workers that come up with a tier, or fail, as `tierOf` says for their ring's size. */
const makeWorkers = (tierOf: (ringMiB: number) => number | "fails") => {
  const log: Array<string> = []
  const start: typeof runCapture = (options, handlers) =>
    Effect.gen(function* () {
      const { ringMiB } = options.agent
      yield* Effect.acquireRelease(
        Effect.sync(() => log.push(`start ${ringMiB}`)),
        () =>
          Effect.gen(function* () {
            // The last status of a worker says nothing about the next.
            handlers.onStatus(statusOf(1))
            yield* Effect.yieldNow
            log.push(`stop ${ringMiB}`)
          }),
      )
      handlers.onStarted?.((command) => {
        log.push(command.type === "configure" ? `flush every ${command.options.agent.flushMs}` : command.type)
      })
      yield* Effect.yieldNow
      const tier = tierOf(ringMiB)
      if (tier === "fails")
        return yield* new CaptureFailed({ message: "the capture worker failed: no memory" })
      handlers.onStatus(statusOf(tier))
      return yield* Effect.never
    })
  return { log, start }
}

const statusOf = (tier: number): CaptureStatus => ({
  tier: tier as CaptureStatus["tier"],
  features: [],
  counters: {},
  processes: [],
})

const open = (
  workers: ReturnType<typeof makeWorkers>,
  onStatus: CaptureHandlers["onStatus"] = () => undefined,
) =>
  makeCaptureRunner(
    local,
    (agent) => ({ agent, excludePids: [], excludePorts: agent.excludePorts }),
    { onBatch: () => undefined, onStatus },
    workers.start,
  )

const keepRunning = Effect.fnUntraced(function* (workers: ReturnType<typeof makeWorkers>) {
  const isUp = yield* Deferred.make<void>()
  const capture = yield* open(workers, () => void Deferred.doneUnsafe(isUp, Effect.void))
  yield* Effect.forkScoped(capture.run)
  yield* Deferred.await(isUp)
  return capture
})

describe("makeCaptureRunner", () => {
  it.effect("tells the worker what it can take, and starts another for the rest", () =>
    Effect.gen(function* () {
      const workers = makeWorkers(() => 1)
      const applier = yield* keepRunning(workers)
      const faster = { ...local, flushMs: 100 }
      assert.strictEqual(yield* applyConfig(applier, local, faster), "hot")
      assert.strictEqual(yield* applyConfig(applier, faster, { ...faster, ringMiB: 4 }), "restart")
      assert.deepStrictEqual(workers.log, ["start 16", "flush every 100", "stop 16", "start 4"])
    }),
  )

  it.effect("goes back when the worker fails with the new settings", () =>
    Effect.gen(function* () {
      const workers = makeWorkers((ringMiB) => (ringMiB === 256 ? "fails" : 1))
      const applier = yield* keepRunning(workers)
      const failure = yield* Effect.flip(applyConfig(applier, local, { ...local, ringMiB: 256 }))
      assert.strictEqual(failure.message, "the capture worker failed: no memory")
      // The supervisor pauses before it begins again.
      yield* TestClock.adjust("1 minute")
      assert.strictEqual(workers.log.at(-1), "start 16")
      assert.notInclude(workers.log.slice(4), "start 256")
    }),
  )

  it.effect("goes back when less is captured than before", () =>
    Effect.gen(function* () {
      const workers = makeWorkers((ringMiB) => (ringMiB === 256 ? 3 : 1))
      const applier = yield* keepRunning(workers)
      const failure = yield* Effect.flip(applyConfig(applier, local, { ...local, ringMiB: 256 }))
      assert.include(failure.message, "did not come up with these settings, and it was up before")
      assert.deepStrictEqual(workers.log, ["start 16", "stop 16", "start 256", "stop 256", "start 16"])
    }),
  )

  it.effect("does not wait for capture that is not to run", () =>
    Effect.gen(function* () {
      const workers = makeWorkers(() => 1)
      const capture = yield* open(workers)
      yield* applyConfig(capture, local, { ...local, ringMiB: 4 })
      yield* Effect.forkScoped(capture.run)
      while (workers.log.length === 0) yield* Effect.yieldNow
      assert.deepStrictEqual(workers.log, ["start 4"])
      yield* capture.mayWork(false)
      while (workers.log.length === 1) yield* Effect.yieldNow
      yield* Effect.yieldNow
      yield* applyConfig(capture, local, { ...local, ringMiB: 5 })
      assert.deepStrictEqual(workers.log, ["start 4", "stop 4"])
      yield* capture.mayWork(true)
      while (workers.log.length === 2) yield* Effect.yieldNow
      assert.deepStrictEqual(workers.log.slice(2), ["start 5"])
    }),
  )

  it.effect(
    "gives features up in the worker that runs, and in the next; what a running one cannot give up by another",
    () =>
      Effect.gen(function* () {
        const workers = makeWorkers(() => 1)
        const shed: Array<ReadonlyArray<string> | undefined> = []
        const start: typeof runCapture = (options, handlers) =>
          Effect.suspend(() => {
            shed.push(options.shed)
            return workers.start(options, handlers)
          })
        const isUp = yield* Deferred.make<void>()
        const capture = yield* makeCaptureRunner(
          local,
          (agent, steps) => ({ agent, shed: steps, excludePids: [], excludePorts: [] }),
          { onBatch: () => undefined, onStatus: () => void Deferred.doneUnsafe(isUp, Effect.void) },
          start,
        )
        yield* Effect.forkScoped(capture.run)
        yield* Deferred.await(isUp)
        yield* capture.shed(["payload"])
        assert.deepStrictEqual(workers.log, ["start 16", "shed"])
        yield* capture.anew
        yield* TestClock.adjust("1 second")
        yield* capture.shed(["payload", "requests"])
        yield* TestClock.adjust("1 second")
        yield* capture.shed(["payload", "requests", "capture"])
        yield* TestClock.adjust("1 second")
        yield* capture.shed(["payload"])
        yield* TestClock.adjust("1 second")
        assert.deepStrictEqual(shed, [
          [],
          ["payload"],
          ["payload", "requests"],
          ["payload", "requests", "capture"],
          ["payload"],
        ])
        assert.strictEqual(workers.log.filter((line) => line === "stop 16").length, 4)
      }),
  )
})
