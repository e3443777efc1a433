import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TestClock } from "effect/testing"
import type { CaptureStatus } from "../../model/AgentStatus.ts"
import { ConfigSchema } from "../../runtime/configSchema.ts"
import { Health, HealthTree } from "../../runtime/Health.ts"
import { CaptureFailed } from "../capture/Capture.ts"
import type { CaptureCost } from "../capture/messages.ts"
import { makeBudgetKeeper } from "./BudgetKeeper.ts"

const mebibyte = 1_048_576
const { agent } = Schema.decodeUnknownSync(ConfigSchema)({
  agent: { budget: { cpuPercent: 30, residentMiB: 500 } },
})

const cost: CaptureCost = {
  threadUs: 0,
  heapBytes: 10,
  heapLimitBytes: 100,
  kernel: 0.1,
  kernelMissing: "",
  hooks: [],
  countedSeconds: 1,
  ring: { peakBytes: 1, bytes: 2, lost: 3 },
  refused: 4,
  offers: [{ step: "payload", features: ["socket data"], what: "payload 256 B" }],
}

const status: CaptureStatus = {
  tier: 1,
  features: [
    { name: "socket data", on: true, hook: "tp", missing: "", next: "" },
    { name: "process starts", on: true, hook: "tp", missing: "", next: "" },
  ],
  counters: { sonde_agent_events_total: 1 },
  processes: [],
}

const open = Effect.gen(function* () {
  const told: Array<string> = []
  const use = { cpu: 0.1, main: 0.02, worker: 0.08, residentBytes: 100 * mebibyte }
  const keeper = yield* makeBudgetKeeper(() => agent, { measure: () => use })
  keeper.begun()
  keeper.costs(cost)
  yield* Effect.forkScoped(
    keeper.keep({
      shed: (steps) => Effect.sync(() => void told.push(steps.join(" + "))),
      anew: Effect.sync(() => void told.push("anew")),
    }),
  )
  return { told, use, keeper }
})

describe("makeBudgetKeeper", () => {
  it.effect("counts the kernel's programs, gives features up, says so, and takes them back", () => {
    const health = new HealthTree()
    return Effect.gen(function* () {
      const { keeper, told, use } = yield* open
      yield* TestClock.adjust("30 seconds")
      assert.deepStrictEqual(told, [])
      assert.strictEqual(keeper.trouble(), "")

      use.cpu = 0.24
      yield* TestClock.adjust("7 seconds")
      assert.deepStrictEqual(told, ["payload"])
      assert.strictEqual(keeper.trouble(), "shedding: payload 256 B (CPU 28 % of 30 %)")
      assert.strictEqual(health.status, "degraded")
      const { budget, counters, features } = keeper.report(status)
      assert.deepStrictEqual(
        features.map(({ shed }) => shed),
        ["payload 256 B (CPU 28 % of 30 %)", undefined],
      )
      assert.strictEqual(counters["sonde_agent_shed_steps"], 1)
      assert.strictEqual(counters["sonde_agent_events_total"], 1)
      assert.closeTo(budget!.cpu.share, 0.34, 1e-9)
      assert.deepStrictEqual(budget!.shed, [
        {
          step: "payload",
          what: "payload 256 B",
          why: "CPU 28 % of 30 %",
          sinceMs: budget!.shed[0]!.sinceMs,
        },
      ])

      yield* TestClock.adjust("7 seconds")
      assert.deepStrictEqual(told, ["payload", "payload + capture"])
      use.cpu = 0.01
      keeper.costs({ ...cost, kernel: 0, offers: [] })
      yield* TestClock.adjust("3 minutes")
      assert.deepStrictEqual(told.slice(2), ["payload", ""])
      assert.strictEqual(keeper.trouble(), "")
      assert.strictEqual(health.status, "ok")
    }).pipe(Effect.scoped, Effect.provideService(Health, health))
  })

  it.effect("begins capture anew beyond the limit of memory, and keeps why", () =>
    Effect.gen(function* () {
      const { keeper, told, use } = yield* open
      use.residentBytes = 510 * mebibyte
      yield* TestClock.adjust("12 seconds")
      assert.deepStrictEqual(told, ["anew"])
      use.residentBytes = 200 * mebibyte
      yield* TestClock.adjust("60 seconds")
      assert.deepStrictEqual(told, ["anew"])
      const { budget, counters } = keeper.report(status)
      assert.deepStrictEqual(
        budget!.restarts.map(({ why }) => why),
        ["memory 510 MiB of 500 MiB"],
      )
      assert.strictEqual(counters["sonde_agent_capture_restarts_total"], 1)
    }).pipe(Effect.scoped),
  )

  it.effect("has less done after a capture whose heap was full", () =>
    Effect.gen(function* () {
      const { keeper, told } = yield* open
      yield* TestClock.adjust("5 seconds")
      keeper.failed(new CaptureFailed({ message: "the heap was full", isOutOfMemory: true }))
      keeper.begun()
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(told, ["payload"])
      assert.deepStrictEqual(
        keeper.report(status).budget!.restarts.map(({ why }) => why),
        ["the heap was full"],
      )
      keeper.failed(new CaptureFailed({ message: "something else" }))
      yield* TestClock.adjust("2 seconds")
      assert.deepStrictEqual(told, ["payload"])
    }).pipe(Effect.scoped),
  )
})
