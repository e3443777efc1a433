// How answers look on the wire: JSON for programs, `{error: {code, message, next}}` for failures, never
// cached.

import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { StoreError } from "../store/QueryStore.ts"
import { ApiError, fromStoreError } from "./ApiError.ts"

const noStore = { "cache-control": "no-store" }

export const jsonText = (text: string, status = 200): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(text, { status, contentType: "application/json; charset=utf-8", headers: noStore })

export const json = (value: unknown, status = 200): HttpServerResponse.HttpServerResponse =>
  jsonText(JSON.stringify(value), status)

export const plainText = (text: string, contentType: string): HttpServerResponse.HttpServerResponse =>
  HttpServerResponse.text(text, { contentType, headers: noStore })

export const errorResponse = (error: ApiError): HttpServerResponse.HttpServerResponse =>
  json({ error: { code: error.code, message: error.message, next: error.next } }, error.status)

const defect = new ApiError({
  status: 500,
  code: "internal",
  message: "Sonde failed to answer this request",
  next: "see the log of the server; it names the cause",
})

/** A question of the console as a response. What nobody expected is logged and answers 500. */
export const answer = <A, R>(
  question: Effect.Effect<A, ApiError | StoreError, R>,
): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R> =>
  question.pipe(
    Effect.map((value) => json(value)),
    Effect.catch((error) =>
      Effect.succeed(errorResponse(error instanceof StoreError ? fromStoreError(error) : error)),
    ),
    onDefect(errorResponse(defect)),
  )

/** Interruption (the client went away) passes. */
export const onDefect =
  (response: HttpServerResponse.HttpServerResponse) =>
  <A, R>(effect: Effect.Effect<A, never, R>) =>
    Effect.catchCause(effect, (cause) =>
      Cause.hasInterruptsOnly(cause)
        ? Effect.failCause(cause)
        : Effect.as(Effect.logError("a request to the query API failed", cause), response),
    )
