// Capture over the agent's life: runs while the agent may work, with the settings it has now; takes new ones at once where that can be
// done, else starts anew with them and says whether capture came up.

import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import { supervise } from "../../runtime/supervise.ts"
import { type AgentSection, type ConfigApplier, ConfigUnusable } from "../control/applyConfig.ts"
import { captureProblem } from "../control/FollowedConfig.ts"
import { type ShedName, stepsByRestart } from "../budget/shedOrder.ts"
import { type CaptureFailed, type CaptureHandlers, runCapture } from "./Capture.ts"
import type { CaptureCommand, CaptureOptions } from "./messages.ts"

export interface CaptureRunner extends ConfigApplier {
  /** Captures until it is interrupted. */
  readonly run: Effect.Effect<void>
  readonly mayWork: (may: boolean) => Effect.Effect<void>
  /** Starts what runs anew, because its options are others now. */
  readonly anew: Effect.Effect<void>
  /** These features are given up from now on, and no others. What captures goes on, unless another is needed for it. */
  readonly shed: (steps: ReadonlyArray<ShedName>) => Effect.Effect<void>
}

/** What else wants to know how captures begin and end. */
export interface RunnerHandlers extends CaptureHandlers {
  readonly onBegin?: () => void
  readonly onFailed?: (failure: CaptureFailed) => void
}

/** Who waits for capture to come up, and with how much it was up before. */
interface Waiting {
  readonly up: Deferred.Deferred<void, ConfigUnusable>
  readonly tierBefore: number | undefined
}

export const makeCaptureRunner = (
  first: AgentSection,
  optionsOf: (agent: AgentSection, shed: ReadonlyArray<ShedName>) => CaptureOptions,
  handlers: RunnerHandlers,
  /** In place of the worker, for tests. */
  start: typeof runCapture = runCapture,
): Effect.Effect<CaptureRunner, never, Scope.Scope> =>
  Effect.gen(function* () {
    const gate = yield* Latch.make(true)
    /** Opened to end what runs: to wait at the gate, or to begin with other settings. */
    const end = yield* Latch.make(false)
    let settings = first
    let given: ReadonlyArray<ShedName> = []
    let tier: number | undefined
    let tell: ((command: CaptureCommand) => void) | undefined
    let isRunning = false
    let waiting: Waiting | undefined

    const once = Effect.suspend(() => {
      const agent = settings
      const isShed = given.includes("capture")
      handlers.onBegin?.()
      return start(optionsOf(agent, given), {
        ...handlers,
        onStatus: (status) => {
          if (!isShed) tier = status.tier
          handlers.onStatus(status)
          // What the capture that ends still tells does not count.
          if (waiting === undefined || end.isOpen()) return
          // Given up, capture tells nothing of the settings.
          const problem = isShed ? undefined : captureProblem(agent, waiting.tierBefore, status.tier)
          Deferred.doneUnsafe(waiting.up, problem === undefined ? Effect.void : Effect.fail(problem))
        },
        onStarted: (say) => void (tell = say),
      })
    }).pipe(
      // Before the scope closes: a last status of a worker that failed must not count as one that came up.
      Effect.tapError((failure) => {
        handlers.onFailed?.(failure)
        return waiting === undefined
          ? Effect.void
          : Deferred.fail(waiting.up, new ConfigUnusable({ message: failure.message }))
      }),
      Effect.scoped,
      Effect.ensuring(Effect.sync(() => void (tell = undefined))),
    )

    /** Ended in the middle: the settings count when it runs again. */
    const rest = Effect.sync(() => {
      isRunning = false
      if (waiting !== undefined) Deferred.doneUnsafe(waiting.up, Effect.void)
    })

    const whileOpen = Effect.gen(function* () {
      isRunning = true
      while (gate.isOpen()) {
        yield* end.close
        yield* Effect.raceFirst(once, end.await)
      }
    }).pipe(Effect.ensuring(rest))

    const run = supervise("agent/capture")(
      Effect.gen(function* () {
        while (true) {
          yield* gate.await
          yield* whileOpen
        }
      }),
    )

    return {
      run,
      anew: Effect.asVoid(end.open),
      mayWork: (may) =>
        may ? Effect.asVoid(gate.open) : Effect.asVoid(Effect.andThen(gate.close, end.open)),
      hot: (agent) =>
        Effect.sync(() => {
          settings = agent
          tell?.({ type: "configure", options: optionsOf(agent, given) })
        }),
      shed: (steps) =>
        Effect.suspend(() => {
          const isOther = stepsByRestart.some((step) => given.includes(step) !== steps.includes(step))
          given = steps
          if (isOther) return Effect.asVoid(end.open)
          return Effect.sync(() => tell?.({ type: "shed", steps }))
        }),
      restart: (agent) =>
        Effect.gen(function* () {
          settings = agent
          // While it may not work nothing can be tried: it begins with them.
          if (!isRunning) return
          const up = yield* Deferred.make<void, ConfigUnusable>()
          waiting = { up, tierBefore: tier }
          yield* end.open
          yield* Deferred.await(up)
        }).pipe(Effect.ensuring(Effect.sync(() => void (waiting = undefined)))),
    }
  })
