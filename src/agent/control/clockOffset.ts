// How far the server's clock is from this one, as NTP measures it: of several questions the one with the shortest way counts.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

export interface ClockOffset {
  /** Server's clock minus this one's, microseconds. */
  readonly offsetUs: number
  /** Half the way there and back: the offset is that exact at least. */
  readonly errorUs: number
}

const questions = 5

/** `serverUs` asks the server for its time, microseconds since 1970. */
export const measureClockOffset = <E, R>(
  serverUs: Effect.Effect<number, E, R>,
): Effect.Effect<ClockOffset, E, R> =>
  Effect.gen(function* () {
    let best: ClockOffset | undefined
    for (let question = 0; question < questions; question++) {
      const beforeUs = Number(yield* Clock.currentTimeNanos) / 1_000
      const thereUs = yield* serverUs
      const afterUs = Number(yield* Clock.currentTimeNanos) / 1_000
      const errorUs = Math.ceil(Math.max(0, afterUs - beforeUs) / 2)
      if (best !== undefined && errorUs >= best.errorUs) continue
      best = { offsetUs: Math.round(thereUs - (beforeUs + afterUs) / 2), errorUs }
    }
    return best ?? { offsetUs: 0, errorUs: 0 }
  })
