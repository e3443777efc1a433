// Whether this agent's capture runs or waits for another agent of the host, over the agent's life: looks before it starts and goes on
// looking, and has capture started anew when that changes.

import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { supervise } from "../../runtime/supervise.ts"
import type { AgentSection } from "../control/applyConfig.ts"
import { HostClaim, type OtherAgent, otherAgentText } from "./HostClaim.ts"
import { type Addon, loadAddon } from "./native/Addon.ts"

export interface HostTurn {
  /** What capture with these settings, which is about to start, has to wait for; undefined: nothing. */
  readonly otherFor: (agent: AgentSection) => OtherAgent | undefined
  /** Until capture is started again it is not wanted: others may. */
  readonly leave: Effect.Effect<void>
  /** Looks on for as long as the scope is open; `anew` starts capture anew. */
  readonly follow: (anew: Effect.Effect<void>) => Effect.Effect<void, never, Scope.Scope>
}

/** While it waits, or has just begun. */
const soonMs = 1_000
const laterMs = 10_000
const soonLooks = 40
/** The kernel frees programs of a process that has ended within that. */
const settleMs = 250

const alone: HostTurn = {
  otherFor: () => undefined,
  leave: Effect.void,
  follow: () => Effect.void,
}

/** `data`: the directory that others are told. Without the addon nothing is captured, and nobody is in the way. */
export const makeHostTurn = (
  data: string,
  first: AgentSection,
  addon: ReturnType<typeof loadAddon> = loadAddon(),
): Effect.Effect<HostTurn, never, Scope.Scope> =>
  "missing" in addon ? Effect.succeed(alone) : turnOf(data, first, addon)

const turnOf = (
  data: string,
  first: AgentSection,
  addon: Addon,
): Effect.Effect<HostTurn, never, Scope.Scope> =>
  Effect.gen(function* () {
    const claim = yield* Effect.acquireRelease(
      Effect.sync(() => new HostClaim({ addon, data })),
      (claim) => Effect.sync(() => claim.release()),
    )
    /** Undefined: capture is not wanted. */
    let wanted: AgentSection | undefined
    const look = (): OtherAgent | undefined => {
      if (wanted === undefined) return undefined
      const mayWait = wanted.besideAnother === "wait"
      const byEbpf = wanted.capture === "auto" || wanted.capture === "ebpf"
      const other = claim.look(performance.now(), mayWait && byEbpf)
      return mayWait ? other : undefined
    }
    const want = (agent: AgentSection): OtherAgent | undefined => {
      wanted = agent.capture === "none" ? undefined : agent
      if (wanted === undefined) claim.release()
      return look()
    }
    want(first)
    if (claim.isUncertain) {
      yield* Effect.sleep(settleMs)
      look()
    }
    const watch = (anew: Effect.Effect<void>) =>
      Effect.gen(function* () {
        let looks = 0
        let before = look()
        while (true) {
          yield* Effect.sleep(before !== undefined || looks < soonLooks ? soonMs : laterMs)
          looks++
          const now = look()
          const isChanged = (now === undefined) !== (before === undefined)
          before = now
          if (!isChanged || wanted === undefined) continue
          looks = 0
          yield* now === undefined
            ? Effect.logInfo("no other agent captures on this host any more: this one does")
            : Effect.logWarning(`${otherAgentText(now)}: this one began later and stops capturing`)
          yield* anew
        }
      })
    return {
      otherFor: want,
      leave: Effect.sync(() => {
        wanted = undefined
        claim.release()
      }),
      follow: (anew) => Effect.asVoid(Effect.forkScoped(supervise("agent/turn")(watch(anew)))),
    }
  })
