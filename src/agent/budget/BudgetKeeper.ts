// Keeps the agent within what it may take of its machine: measures once a second, has the controller decide, has capture give up or take
// back what was decided, and says so: once in the log, in health, and in what the agent tells of itself.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { AgentStatus, CaptureStatus, Feature } from "../../model/AgentStatus.ts"
import { budgetTrouble, shedText } from "../../model/budgetText.ts"
import { Health } from "../../runtime/Health.ts"
import { monotonicMs } from "../../runtime/monotonicMs.ts"
import type { CaptureFailed } from "../capture/Capture.ts"
import type { CaptureRunner } from "../capture/CaptureRunner.ts"
import type { CaptureCost } from "../capture/messages.ts"
import type { AgentSection } from "../control/applyConfig.ts"
import { BudgetController, type Decision, type Limits } from "./BudgetController.ts"
import { budgetCounters, budgetView, type Given, type Restart } from "./budgetView.ts"
import { decisionText, usedText, whyText } from "./budgetWords.ts"
import { meanUse, ProcessUsage, type ProcessUse } from "./ProcessUsage.ts"
import { captureOffer, type Offer, type ShedName } from "./shedOrder.ts"

export interface BudgetKeeper {
  /** To be told of the capture's beginnings and ends, and of what it takes. */
  readonly begun: () => void
  readonly failed: (failure: CaptureFailed) => void
  readonly costs: (cost: CaptureCost) => void
  /** What the agent tells of itself beside this status of its capture. */
  readonly report: (status: CaptureStatus) => Pick<AgentStatus, "budget" | "counters" | "features">
  /** One line of what is given up, or cannot be helped; empty: nothing. */
  readonly trouble: () => string
  /** Keeps to the budget until it is interrupted. */
  readonly keep: (runner: Pick<CaptureRunner, "shed" | "anew">) => Effect.Effect<never>
}

const everyMs = 1_000
const restartsKept = 5
const usesKept = 5
const healthPath = "agent/budget"

const limitsOf = ({ budget }: AgentSection): Limits => ({
  cpu: budget.cpuPercent / 100,
  residentBytes: budget.residentMiB * 1_048_576,
})

export const makeBudgetKeeper = (
  settings: () => AgentSection,
  /** In place of what the process uses, for tests. */
  usage?: Pick<ProcessUsage, "measure">,
): Effect.Effect<BudgetKeeper> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const health = yield* Health
    const startMs = yield* monotonicMs
    const measured = usage ?? new ProcessUsage(startMs)
    const controller = new BudgetController(startMs)
    /** The newest last; pages show their mean. */
    let uses: ReadonlyArray<ProcessUse> = []
    let cost: CaptureCost | undefined
    let hasBegun = false
    let fullHeap: string | undefined
    let given: ReadonlyArray<Given> = []
    let restarts: ReadonlyArray<Restart> = []
    const counts = { shed_total: 0, capture_restarts_total: 0 }

    const offers = (): ReadonlyArray<Offer> => [
      ...(cost?.offers ?? []),
      ...(settings().capture === "none" ? [] : [captureOffer]),
    ]

    const problem = (): string => {
      const limits = limitsOf(settings())
      const use = meanUse(uses)
      if (controller.problem === "cpu") return usedText("cpu", use.cpu + (cost?.kernel ?? 0), limits.cpu)
      if (controller.problem === "memory") return usedText("memory", use.residentBytes, limits.residentBytes)
      return ""
    }

    const trouble = (): string => budgetTrouble({ shed: given, problem: problem() })

    const startedAnew = (why: string): void => {
      counts.capture_restarts_total++
      restarts = [...restarts, { atMs: clock.currentTimeMillisUnsafe(), why }].slice(-restartsKept)
    }

    /** Takes note of the decision; what it is about, in words. */
    const note = (decision: Decision): string => {
      if (decision.kind === "restart") {
        startedAnew(usedText("memory", decision.used, decision.limit))
        return ""
      }
      const { step } = decision.held
      const known = given.find((each) => each.step === step)
      if (decision.kind === "restore") {
        given = given.filter((each) => each !== known)
        return known?.what ?? step
      }
      counts.shed_total++
      const offer = offers().find((each) => each.step === step) ?? captureOffer
      given = [...given, { ...offer, why: whyText(decision.held), sinceMs: clock.currentTimeMillisUnsafe() }]
      return offer.what
    }

    const perform = (runner: Pick<CaptureRunner, "shed" | "anew">, decision: Decision) =>
      Effect.gen(function* () {
        const text = decisionText(decision, note(decision))
        yield* decision.kind === "restore" ? Effect.logInfo(text) : Effect.logWarning(text)
        if (decision.kind === "restart") yield* runner.anew
        else yield* runner.shed(given.map(({ step }) => step))
      })

    const round = (runner: Pick<CaptureRunner, "shed" | "anew">) =>
      Effect.gen(function* () {
        const nowMs = yield* monotonicMs
        if (hasBegun) controller.begin(nowMs)
        hasBegun = false
        const use = measured.measure(nowMs, cost)
        uses = [...uses, use].slice(-usesKept)
        const limits = limitsOf(settings())
        const offered = new Set<ShedName>(offers().map(({ step }) => step))
        const total = { cpu: use.cpu + (cost?.kernel ?? 0), residentBytes: use.residentBytes }
        let decision: Decision | undefined
        if (fullHeap === undefined) decision = controller.decide(nowMs, total, limits, offered)
        else {
          startedAnew(fullHeap)
          decision = controller.outOfMemory(nowMs, offered, limits.residentBytes)
        }
        fullHeap = undefined
        if (decision !== undefined) yield* perform(runner, decision)
        const said = trouble()
        health.set(healthPath, said === "" ? "running" : "degraded", said)
      })

    return {
      begun: () => {
        hasBegun = true
        // Steps that an ended capture offered are offered again by the next.
        if (cost !== undefined) cost = { ...cost, kernel: null, threadUs: 0 }
      },
      failed: ({ isOutOfMemory, message }) => {
        if (isOutOfMemory === true) fullHeap = message
      },
      costs: (told) => {
        cost = told
      },
      report: ({ counters, features }) => {
        const budget = budgetView({
          use: meanUse(uses),
          limits: limitsOf(settings()),
          cost,
          given,
          restarts,
          problem: problem(),
        })
        return {
          budget,
          counters: { ...counters, ...budgetCounters(budget, counts) },
          features: features.map((feature) => withShed(feature, given)),
        }
      },
      trouble,
      keep: (runner) => Effect.forever(Effect.andThen(round(runner), Effect.sleep(everyMs))),
    }
  })

const withShed = (feature: Feature, given: ReadonlyArray<Given>): Feature => {
  const own = given.filter(({ features }) => features.includes(feature.name))
  return own.length === 0 ? feature : { ...feature, shed: own.map(shedText).join(", ") }
}
