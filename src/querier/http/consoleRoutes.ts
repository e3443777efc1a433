// The console's endpoints, one line each, those of other systems' clients, and what answers everything else: its pages, or a 404 for
// programs.

import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import type { AdminDoor } from "../admin/AdminDoor.ts"
import { adminCall } from "../admin/adminRoute.ts"
import { ConsoleSources } from "../ConsoleSources.ts"
import { deepflowRoutes } from "../deepflow/deepflowRoutes.ts"
import { jaegerRoutes } from "../jaeger/jaegerRoutes.ts"
import { processEvents } from "../events/processEvents.ts"
import { requestEvents } from "../events/requestEvents.ts"
import { traceEvents } from "../events/traceEvents.ts"
import { serviceMap } from "../map/serviceMap.ts"
import { requestDetail } from "../requests/requestDetail.ts"
import { requestHistogram } from "../requests/requestHistogram.ts"
import { requestList } from "../requests/requestList.ts"
import { serviceMetrics } from "../services/serviceMetrics.ts"
import type { QueryStore } from "../store/QueryStore.ts"
import { tempoRoutes } from "../tempo/tempoRoutes.ts"
import { traceDurations } from "../trace/list/traceDurations.ts"
import { traceList } from "../trace/list/traceList.ts"
import { traceAnswer } from "../trace/traceAnswer.ts"
import { ApiError, badParameter } from "./ApiError.ts"
import { queryOf } from "./parameters.ts"
import { answer, errorResponse, json, plainText } from "./responses.ts"
import type { StaticRequest } from "./StaticFiles.ts"

type Answer = HttpServerResponse.HttpServerResponse
type Services =
  | QueryStore
  | ConsoleSources
  | AdminDoor
  | HttpServerRequest.HttpServerRequest
  | HttpRouter.RouteContext
export type RouteHandler = Effect.Effect<Answer, never, Services>
type Route = readonly [method: "GET" | "POST" | "*", path: HttpRouter.PathInput, handler: RouteHandler]

const query = Effect.map(HttpServerRequest.HttpServerRequest, (request) => queryOf(request.url))

const parameter = (name: string) => Effect.map(HttpRouter.params, (params) => params[name] ?? "")

const setDemo = Effect.gen(function* () {
  const request = yield* HttpServerRequest.HttpServerRequest
  const body = yield* request.json.pipe(Effect.catch(() => Effect.succeed(null)))
  const action: unknown = body !== null && typeof body === "object" ? Reflect.get(body, "action") : undefined
  const sources = yield* ConsoleSources
  if (action === "start") return yield* sources.startDemo
  if (action === "stop") return yield* sources.stopDemo
  return yield* badParameter("action", String(action), `one of start, stop, in a JSON body`)
})

const health = Effect.gen(function* () {
  const view = yield* (yield* ConsoleSources).health
  return json(view, view.status === "down" ? 503 : 200)
})

const metrics = Effect.gen(function* () {
  return plainText(yield* (yield* ConsoleSources).metricsText, "text/plain; version=0.0.4; charset=utf-8")
})

const isForPrograms = (url: string): boolean => /^\/+(api|v1|prom|tempo|jaeger)(\/|\?|$)/.test(url)

const elsewhere = (pages: (request: StaticRequest) => Effect.Effect<Answer>): RouteHandler =>
  Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) => {
    const path = request.url.split("?", 1)[0]
    const isRead = request.method === "GET" || request.method === "HEAD"
    if (isRead && !isForPrograms(request.url)) return pages(request)
    return Effect.succeed(
      errorResponse(
        new ApiError({
          status: 404,
          code: "no_such_endpoint",
          message: `there is no ${request.method} ${path.slice(0, 200)}`,
          next: "check the address and the method",
        }),
      ),
    )
  })

export const consoleRoutes = (
  pages: (request: StaticRequest) => Effect.Effect<Answer>,
): ReadonlyArray<Route> => [
  ["GET", "/api/v1/map", answer(Effect.flatMap(query, serviceMap))],
  ["GET", "/api/v1/requests", answer(Effect.flatMap(query, requestList))],
  ["GET", "/api/v1/requests/histogram", answer(Effect.flatMap(query, requestHistogram))],
  ["GET", "/api/v1/requests/:id", answer(Effect.flatMap(parameter("id"), requestDetail))],
  ["GET", "/api/v1/traces", answer(Effect.flatMap(query, traceList))],
  ["GET", "/api/v1/traces/durations", answer(Effect.flatMap(query, traceDurations))],
  [
    "GET",
    "/api/v1/traces/:id",
    answer(Effect.flatMap(Effect.all([parameter("id"), query]), ([id, asked]) => traceAnswer(id, asked))),
  ],
  ["GET", "/api/v1/requests/:id/events", answer(Effect.flatMap(parameter("id"), requestEvents))],
  ["GET", "/api/v1/traces/:id/events", answer(Effect.flatMap(parameter("id"), traceEvents))],
  ["GET", "/api/v1/processes/events", answer(Effect.flatMap(query, processEvents))],
  [
    "GET",
    "/api/v1/services/:name/metrics",
    answer(
      Effect.flatMap(Effect.all([parameter("name"), query]), ([name, asked]) => serviceMetrics(name, asked)),
    ),
  ],
  [
    "GET",
    "/api/v1/processes",
    answer(
      Effect.map(
        Effect.flatMap(ConsoleSources, (sources) => sources.processes),
        (processes) => ({ processes }),
      ),
    ),
  ],
  ["GET", "/api/v1/status", answer(Effect.flatMap(ConsoleSources, (sources) => sources.status))],
  ["GET", "/api/v1/demo", answer(Effect.flatMap(ConsoleSources, (sources) => sources.demo))],
  ["POST", "/api/v1/demo", answer(setDemo)],
  ["POST", "/api/v1/admin/:call", answer(adminCall)],
  ["GET", "/healthz", health],
  ["GET", "/metrics", metrics],
  ...deepflowRoutes,
  ...tempoRoutes,
  ...jaegerRoutes,
  ["*", "/*", elsewhere(pages)],
]
