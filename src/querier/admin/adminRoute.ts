// `POST /api/v1/admin/CALL` with the payload as JSON and the token as `Authorization: Bearer`.

import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import { bearerOf } from "../../wire/token.ts"
import { ApiError, badParameter } from "../http/ApiError.ts"
import { AdminDoor, type AdminRefused } from "./AdminDoor.ts"

const statuses: Readonly<Record<AdminRefused["reason"], number>> = {
  invalid: 400,
  forbidden: 403,
  "not found": 404,
  "no such call": 404,
  conflict: 409,
  "not leader": 503,
  unavailable: 503,
}

export const adminCall = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const name = (yield* HttpRouter.params)["call"] ?? ""
  const payload = yield* request.json.pipe(
    Effect.mapError(() => badParameter("body", "what was sent", "JSON")),
  )
  const door = yield* AdminDoor
  return yield* door.call(name, payload, bearerOf(request.headers["authorization"])).pipe(
    Effect.map((answer) => answer ?? null),
    Effect.mapError(
      ({ message, next, reason }) =>
        new ApiError({ status: statuses[reason], code: reason.replaceAll(" ", "_"), message, next }),
    ),
  )
})
