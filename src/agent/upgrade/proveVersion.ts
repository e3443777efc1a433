// A new version of the agent proves itself: for a while without a break it has its server, captures as the one before it did, and
// delivers. The launcher hears either that, or what is missing.

import * as Effect from "effect/Effect"
import { monotonicMs } from "../../runtime/monotonicMs.ts"
import type { LauncherMessage } from "./launcherMessages.ts"

const lookMs = 250

/** Ends once it has said that the version works. `trouble`: what is missing just now; empty: nothing. */
export const proveVersion = (
  provedAfterMs: number,
  trouble: () => string,
  tell: (message: LauncherMessage) => void,
): Effect.Effect<void> =>
  Effect.gen(function* () {
    let wellSinceMs: number | undefined
    let said = ""
    while (true) {
      const why = trouble()
      const nowMs = yield* monotonicMs
      wellSinceMs = why === "" ? (wellSinceMs ?? nowMs) : undefined
      if (wellSinceMs !== undefined && nowMs - wellSinceMs >= provedAfterMs) return tell({ _tag: "Proved" })
      if (why !== "" && why !== said) tell({ _tag: "Unwell", why })
      said = why
      yield* Effect.sleep(lookMs)
    }
  })
