// The time range of a question: `from` and `to` in microseconds since 1970, or `last` seconds up to now.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { type ApiError, badParameter } from "./ApiError.ts"
import { integerParameter } from "./parameters.ts"

export interface TimeRange {
  /** Microseconds since 1970. */
  readonly fromUs: number
  readonly toUs: number
}

export const rangeSeconds = (range: TimeRange): number => (range.toUs - range.fromUs) / 1e6

const defaultLastSeconds = 300
const maxSeconds = 31 * 86_400
/** 1973 and 2128: whoever passes seconds, milliseconds or nanoseconds is told so. */
const minUs = 1e14
const maxUs = 5e15

const microseconds = (query: URLSearchParams, key: string): Effect.Effect<number | undefined, ApiError> =>
  integerParameter(query, key, minUs, maxUs).pipe(
    Effect.mapError(() =>
      badParameter(key, query.get(key) ?? "", "microseconds since 1970, such as 1700000000000000"),
    ),
  )

export const timeRange = Effect.fnUntraced(function* (query: URLSearchParams) {
  const nowUs = (yield* Clock.currentTimeMillis) * 1000
  const last = yield* integerParameter(query, "last", 1, maxSeconds)
  const toUs = (yield* microseconds(query, "to")) ?? nowUs
  const fromUs = (yield* microseconds(query, "from")) ?? toUs - (last ?? defaultLastSeconds) * 1e6
  if (fromUs >= toUs) {
    return yield* badParameter("from", String(fromUs), `before to (${toUs})`)
  }
  if (toUs - fromUs > maxSeconds * 1e6) {
    return yield* badParameter("from", String(fromUs), `at most ${maxSeconds} seconds before to`)
  }
  return { fromUs, toUs } satisfies TimeRange
})

/** The shortest step, from a list people read easily, that cuts the range into at most `maxSteps`. */
export const stepSeconds = (range: TimeRange, maxSteps: number): number => {
  const least = rangeSeconds(range) / maxSteps
  return niceSteps.find((step) => step >= least) ?? 86_400
}

const niceSteps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200]

/** Starts of all steps that touch the range, seconds since 1970. */
export const stepsOf = (range: TimeRange, step: number): ReadonlyArray<number> => {
  const steps: Array<number> = []
  for (let at = Math.floor(range.fromUs / 1e6 / step) * step; at * 1e6 < range.toUs; at += step)
    steps.push(at)
  return steps
}
