// The one expected failure of the console's endpoints: an HTTP status, a code for programs, a line for
// people, a next step.

import * as Data from "effect/Data"
import type { StoreError } from "../store/QueryStore.ts"

export class ApiError extends Data.TaggedError("ApiError")<{
  readonly status: number
  readonly code: string
  readonly message: string
  readonly next: string
}> {}

/** A parameter that cannot be used: names the key, the value found and what was expected. */
export const badParameter = (key: string, value: string, expected: string): ApiError =>
  new ApiError({
    status: 400,
    code: "bad_parameter",
    message: `${key}: ${JSON.stringify(shortened(value))} is not ${expected}`,
    next: `give ${key} as ${expected}`,
  })

export const notFound = (what: string, next: string): ApiError =>
  new ApiError({ status: 404, code: "not_found", message: `${what} is not here`, next })

const shortened = (text: string): string => (text.length > 100 ? `${text.slice(0, 100)}...` : text)

/** What a failure of the store means to someone who asked one of the console's own questions. */
export const fromStoreError = (error: StoreError): ApiError => {
  switch (error.reason) {
    case "unavailable":
      return new ApiError({
        status: 503,
        code: "store_unavailable",
        message: `ClickHouse does not answer: ${error.message}`,
        next: "see /healthz for the state of the store; it is started again by itself, so try again in a few seconds",
      })
    case "timeout":
      return new ApiError({
        status: 408,
        code: "query_timeout",
        message: "the question took longer than it may",
        next: "ask for a shorter time range or filter more",
      })
    case "limit":
      return new ApiError({
        status: 400,
        code: "query_limit",
        message: error.message,
        next: "ask for a shorter time range or filter more",
      })
    case "refused":
      return new ApiError({
        status: 500,
        code: "query_refused",
        message: `ClickHouse refused a question of the console: ${error.message}`,
        next: "this is a defect of Sonde: please report it with this message",
      })
  }
}
