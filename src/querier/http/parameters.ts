// Reading the query part of a URL: each reader gives a value in its range, or an ApiError naming key, value
// and expectation.

import * as Effect from "effect/Effect"
import { type ApiError, badParameter } from "./ApiError.ts"

export const queryOf = (url: string): URLSearchParams => {
  const mark = url.indexOf("?")
  return new URLSearchParams(mark < 0 ? "" : url.slice(mark + 1))
}

const decimal = /^[0-9]{1,20}$/
const maxUInt64 = 18446744073709551615n

/** An absent or empty parameter is `undefined`. */
const valueOf = (query: URLSearchParams, key: string): string | undefined => query.get(key) || undefined

export const integerParameter = (
  query: URLSearchParams,
  key: string,
  min: number,
  max: number,
): Effect.Effect<number | undefined, ApiError> => {
  const value = valueOf(query, key)
  if (value === undefined) return Effect.undefined
  const number = decimal.test(value) ? Number(value) : Number.NaN
  return number >= min && number <= max
    ? Effect.succeed(number)
    : Effect.fail(badParameter(key, value, `a whole number from ${min} to ${max}`))
}

/** A UInt64 in decimal, kept as text: JavaScript's numbers do not hold it. */
export const uint64Parameter = (
  query: URLSearchParams,
  key: string,
): Effect.Effect<string | undefined, ApiError> => {
  const value = valueOf(query, key)
  return value === undefined ? Effect.undefined : parseUint64(key, value)
}

export const parseUint64 = (key: string, value: string): Effect.Effect<string, ApiError> =>
  decimal.test(value) && BigInt(value) <= maxUInt64
    ? Effect.succeed(value)
    : Effect.fail(badParameter(key, value, "a 64-bit number in decimal"))

export const textParameter = (
  query: URLSearchParams,
  key: string,
  maxLength: number,
): Effect.Effect<string | undefined, ApiError> => {
  const value = valueOf(query, key)
  return value === undefined || value.length <= maxLength
    ? Effect.succeed(value)
    : Effect.fail(badParameter(key, value, `a text of at most ${maxLength} characters`))
}

export const choiceParameter = <const Choice extends string>(
  query: URLSearchParams,
  key: string,
  choices: ReadonlyArray<Choice>,
): Effect.Effect<Choice | undefined, ApiError> => {
  const value = valueOf(query, key)
  if (value === undefined) return Effect.undefined
  const choice = choices.find((each) => each.toLowerCase() === value.toLowerCase())
  return choice === undefined
    ? Effect.fail(badParameter(key, value, `one of ${choices.join(", ")}`))
    : Effect.succeed(choice)
}
