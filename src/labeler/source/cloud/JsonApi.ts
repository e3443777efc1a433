// A cloud's HTTP API that answers in JSON: one GET with everything that can go wrong. Times out, tries again what may get better,
// waits as long as a rate limit asks for, bounds answers. The token goes into one header and nowhere else, no message either.

import * as Clock from "effect/Clock"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import { textAt } from "../untrustedJson.ts"

export class CloudError extends Data.TaggedError("CloudError")<{
  readonly message: string
  /** HTTP status; 0: no answer. */
  readonly status: number
  readonly isRetriable: boolean
  /** How long the API asks to wait; 0: it does not say. */
  readonly waitMs: number
}> {}

export interface JsonApiOptions {
  /** Without a slash at its end. */
  readonly url: string
  readonly token: string
  /** Default: 30,000. */
  readonly timeoutMs?: number
  /** Default: 16 MiB. */
  readonly mostBytes?: number
  /** Tries besides the first. Default: 4. */
  readonly retries?: number
  /** Before the first retry; doubles. Default: 500. */
  readonly firstRetryMs?: number
}

/** A rate limit that asks for more is told as a problem instead, and the next poll tries again. */
const longestWaitMs = 120_000

const seconds = (text: string | null): number => (text !== null && /^\d{1,10}$/.test(text) ? Number(text) : 0)

/** Retry-After in seconds or as a date; RateLimit-Reset as seconds since 1970. */
const askedWaitMs = (headers: Headers, nowMs: number): number => {
  const after = headers.get("retry-after")
  if (after !== null) {
    if (seconds(after) > 0) return seconds(after) * 1_000
    const date = Date.parse(after)
    if (!Number.isNaN(date)) return Math.max(0, date - nowMs)
  }
  const reset = seconds(headers.get("ratelimit-reset"))
  return reset === 0 ? 0 : Math.max(0, reset * 1_000 - nowMs)
}

/** Stops reading when the answer is larger than allowed, whatever its headers say. */
const readBody = async (response: Response, mostBytes: number): Promise<string | undefined> => {
  const parts: Array<Uint8Array> = []
  let bytes = 0
  for await (const part of response.body ?? []) {
    bytes += part.length
    if (bytes > mostBytes) return undefined
    parts.push(part)
  }
  return Buffer.concat(parts).toString("utf8")
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const causeOf = (cause: unknown): string => {
  const error = cause as { readonly message?: string; readonly cause?: { readonly code?: string } }
  return error.cause?.code ?? error.message ?? String(cause)
}

const once = (options: JsonApiOptions, path: string): Effect.Effect<unknown, CloudError> => {
  const url = `${options.url}${path}`
  const timeoutMs = options.timeoutMs ?? 30_000
  const mostBytes = options.mostBytes ?? 16 * 1024 * 1024
  const failed = (message: string, more: Partial<CloudError> = {}) =>
    new CloudError({ message: `GET ${url}: ${message}`, status: 0, isRetriable: true, waitMs: 0, ...more })
  return Effect.gen(function* () {
    const nowMs = yield* Clock.currentTimeMillis
    const { headers, status, text } = yield* Effect.tryPromise({
      try: async (signal) => {
        const response = await fetch(url, {
          headers: { authorization: `Bearer ${options.token}`, accept: "application/json" },
          // A redirect could carry the token elsewhere.
          redirect: "error",
          signal,
        })
        return {
          status: response.status,
          headers: response.headers,
          text: await readBody(response, mostBytes),
        }
      },
      catch: (cause) => failed(`no answer (${causeOf(cause)})`),
    })
    if (text === undefined) {
      return yield* failed(`the answer is larger than ${mostBytes} bytes`, { status, isRetriable: false })
    }
    const json = parse(text)
    if (status !== 200) {
      const said = textAt(json, "error", "message").slice(0, 200)
      return yield* failed(`status ${status}${said === "" ? "" : ` (${said})`}${advice(status)}`, {
        status,
        isRetriable: status === 429 || status >= 500,
        waitMs: askedWaitMs(headers, nowMs),
      })
    }
    if (typeof json !== "object" || json === null)
      return yield* failed("the answer is not whole JSON", { status })
    return json
  }).pipe(
    Effect.timeoutOption(timeoutMs),
    Effect.flatMap((outcome) =>
      outcome._tag === "Some"
        ? Effect.succeed(outcome.value)
        : Effect.fail(failed(`no answer within ${timeoutMs / 1_000} s`)),
    ),
  )
}

const advice = (status: number): string =>
  status === 401 || status === 403 ? "; check the token" : status === 404 ? "; check the URL" : ""

export const getJson = (options: JsonApiOptions, path: string): Effect.Effect<unknown, CloudError> =>
  Effect.gen(function* () {
    const retries = options.retries ?? 4
    for (let tries = 0; ; tries++) {
      const outcome = yield* Effect.result(once(options, path))
      if (outcome._tag === "Success") return outcome.success
      const error = outcome.failure
      if (!error.isRetriable || tries >= retries || error.waitMs > longestWaitMs) return yield* error
      yield* Effect.sleep(Math.max(error.waitMs, (options.firstRetryMs ?? 500) * 2 ** tries))
    }
  })
