// One log line a minute about rows that had to be changed before they could be stored, however many there are.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type { ClipStats } from "./clipRows.ts"
import type { TimeStats } from "./filedSeconds.ts"

const everyMs = 60_000

/** To be called after each batch, with the agent it came from; `stats` are what was counted up for it. */
export const clippedTeller = (stats: Readonly<ClipStats & TimeStats>) => {
  let told = { ...stats }
  let toldMs = Number.NEGATIVE_INFINITY
  let sum = 0
  let lastAgent = ""

  const changes = (): string =>
    (
      [
        [stats.times - told.times, "times that cannot be (stored under now)"],
        [stats.intervals - told.intervals, "metrics of an unknown interval (stored as minutes)"],
        [stats.texts - told.texts, "texts that were too long (cut)"],
        [stats.attributes - told.attributes, "lists of attributes that were too long or did not match (cut)"],
      ] as const
    )
      .filter(([count]) => count > 0)
      .map(([count, what]) => `${count} ${what}`)
      .join(", ")

  return (agentId: string): Effect.Effect<void> => {
    const now = stats.times + stats.intervals + stats.texts + stats.attributes
    if (now === sum) return Effect.void
    sum = now
    lastAgent = agentId
    return Effect.flatMap(Clock.currentTimeMillis, (nowMs) => {
      if (nowMs - toldMs < everyMs) return Effect.void
      const line = `rows were changed before they were stored, the last ones of agent ${lastAgent}: ${changes()}`
      toldMs = nowMs
      told = { ...stats }
      return Effect.logWarning(line)
    })
  }
}
