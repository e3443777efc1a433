// Jaeger's query API, v1 (Grafana, older Jaeger UIs) and v3. Under /jaeger whole; at the root what no other API has there: Tempo's
// `/api/traces/ID` goes first.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { ApiError, badParameter, fromStoreError, notFound } from "../http/ApiError.ts"
import { integerParameter, queryOf } from "../http/parameters.ts"
import { json, onDefect } from "../http/responses.ts"
import { rangeConditions, requestTable } from "../requests/requestFilter.ts"
import { QueryStore, StoreError } from "../store/QueryStore.ts"
import { tracesOf } from "../trace/list/traceList.ts"
import { traceLimits } from "../trace/limits.ts"
import { resourceSpansJson } from "../trace/otlp/otlpJson.ts"
import { otlpTrace } from "../trace/otlp/otlpTrace.ts"
import { spanName } from "../trace/spanName.ts"
import type { Trace } from "../trace/Trace.ts"
import { traceByName } from "../trace/traceIds.ts"
import { traceOf } from "../trace/traceOf.ts"
import { type JaegerSearch, searchV1, searchV3 } from "./jaegerSearch.ts"
import { jaegerTrace } from "./jaegerTrace.ts"

const query = Effect.map(HttpServerRequest.HttpServerRequest, ({ url }) => queryOf(url))
const parameter = (name: string) => Effect.map(HttpRouter.params, (params) => params[name] ?? "")

const mostNames = 1_000
/** Traces of one answer that are assembled at the same time. */
const atOnce = 4
/** Names are those of this time. */
const namesSeconds = 3_600

type Failure = (error: ApiError) => object

const failureV1: Failure = ({ message, status }) => ({
  data: null,
  total: 0,
  limit: 0,
  offset: 0,
  errors: [{ code: status, msg: message }],
})
const failureV3: Failure = ({ message, status }) => ({ error: { httpCode: status, message } })

const answered =
  (failure: Failure) =>
  <A, R>(
    question: Effect.Effect<A, ApiError | StoreError, R>,
  ): Effect.Effect<HttpServerResponse.HttpServerResponse, never, R> => {
    const failed = (error: ApiError) => json(failure(error), error.status)
    return question.pipe(
      Effect.map((value) => json(value)),
      Effect.catch((error) =>
        Effect.succeed(failed(error instanceof StoreError ? fromStoreError(error) : error)),
      ),
      onDefect(
        failed(
          new ApiError({
            status: 500,
            code: "internal",
            message: "Sonde failed to answer this request; its log names the cause",
            next: "",
          }),
        ),
      ),
    )
  }

const v1 = answered(failureV1)
const v3 = answered(failureV3)

const list = (data: ReadonlyArray<unknown>) => ({
  data,
  total: data.length,
  limit: 0,
  offset: 0,
  errors: null,
})

const lately = Effect.map(Clock.currentTimeMillis, (ms) =>
  rangeConditions({ fromUs: ms * 1_000 - namesSeconds * 1e6, toUs: ms * 1_000 }),
)

const services = Effect.gen(function* () {
  const { params, sql } = yield* lately
  const rows = yield* (yield* QueryStore).rows({
    sql: `SELECT DISTINCT arrayJoin([auto_service_0, auto_service_1]) AS t_service FROM ${requestTable}
WHERE ${sql} ORDER BY t_service LIMIT ${mostNames}`,
    params,
  })
  return rows.map(({ t_service }) => String(t_service)).filter((name) => name !== "")
})

interface Operation {
  readonly name: string
  readonly spanKind: string
}

const operations = Effect.fnUntraced(function* (service: string, kind: string) {
  if (service === "") return yield* badParameter("service", service, "the name of a service")
  const { params, sql } = yield* lately
  const rows = yield* (yield* QueryStore).rows({
    sql: `SELECT DISTINCT request_type AS t_type, endpoint AS t_endpoint, auto_service_1 = {service:String} AS t_server FROM ${requestTable}
WHERE ${sql} AND (auto_service_0 = {service:String} OR auto_service_1 = {service:String}) AND (request_type != '' OR endpoint != '')
ORDER BY t_endpoint, t_type LIMIT ${mostNames}`,
    params: { ...params, service },
  })
  return rows
    .map((row): Operation => ({
      name: spanName(String(row.t_type), String(row.t_endpoint), "", ""),
      spanKind: Number(row.t_server) === 1 ? "server" : "client",
    }))
    .filter(({ spanKind }) => kind === "" || kind.toLowerCase() === spanKind)
})

const found = Effect.fnUntraced(function* ({ filter, limit }: JaegerSearch) {
  const { traces } = yield* tracesOf(filter, { limit, order: "newest", before: undefined, after: undefined })
  const whole = yield* Effect.forEach(
    traces,
    ({ id }) => traceOf({ rowId: id }, { ...traceLimits, milliseconds: 1_000 }),
    { concurrency: atOnce },
  )
  // Several rows of the list may be of one trace.
  const first = new Map<string, Trace>()
  for (const trace of whole) {
    const root = trace === undefined ? undefined : trace.spans[trace.roots[0]!]!.id
    if (trace !== undefined && root !== undefined && !first.has(root)) first.set(root, trace)
  }
  return [...first.values()]
})

const warningsOf = (trace: Trace) => trace.limits.map(({ text }) => text)

const trace = Effect.gen(function* () {
  const id = yield* parameter("id")
  const one = yield* traceByName(id)
  return one ?? (yield* notFound("trace", "it may have expired"))
})

const dependencies = Effect.gen(function* () {
  const asked = yield* query
  const nowMs = yield* Clock.currentTimeMillis
  const endMs = (yield* integerParameter(asked, "endTs", 0, 1e13)) ?? nowMs
  const lookbackMs = (yield* integerParameter(asked, "lookback", 1, 31 * 86_400_000)) ?? namesSeconds * 1_000
  const { params, sql } = rangeConditions({ fromUs: (endMs - lookbackMs) * 1_000, toUs: endMs * 1_000 })
  const rows = yield* (yield* QueryStore).rows({
    sql: `SELECT auto_service_0 AS t_parent, auto_service_1 AS t_child, count() AS t_count FROM ${requestTable}
WHERE ${sql} AND type != 1 AND (observation_point != 's-p' OR process_id_0 = 0) AND t_parent != '' AND t_child != ''
GROUP BY t_parent, t_child ORDER BY t_count DESC LIMIT ${mostNames}`,
    params,
  })
  return list(
    rows.map((row) => ({
      parent: String(row.t_parent),
      child: String(row.t_child),
      callCount: Number(row.t_count),
    })),
  )
})

const resourceSpans = (traces: ReadonlyArray<Trace>) => ({
  result: { resourceSpans: traces.flatMap((one) => resourceSpansJson(otlpTrace(one))) },
})

const noTraces = new ApiError({ status: 404, code: "not_found", message: "No traces found", next: "" })

const asV1 = (traces: ReadonlyArray<Trace>) =>
  list(traces.map((one) => jaegerTrace(otlpTrace(one), warningsOf(one))))

const servicesV1 = v1(Effect.map(services, list))
const operationsOfV1 = v1(
  Effect.map(
    Effect.flatMap(parameter("service"), (service) => operations(service, "")),
    (all) => list([...new Set(all.map(({ name }) => name))]),
  ),
)
const operationsV1 = v1(
  Effect.map(
    Effect.flatMap(query, (asked) => operations(asked.get("service") ?? "", asked.get("spanKind") ?? "")),
    list,
  ),
)
const tracesV1 = v1(Effect.map(Effect.flatMap(Effect.flatMap(query, searchV1), found), asV1))
const traceV1 = v1(Effect.map(trace, (one) => asV1([one])))

const servicesV3 = v3(Effect.map(services, (names) => ({ services: names })))
const operationsV3 = v3(
  Effect.map(
    Effect.flatMap(query, (asked) =>
      operations(asked.get("service") ?? "", asked.get("spanKind") ?? asked.get("span_kind") ?? ""),
    ),
    (all) => ({ operations: all }),
  ),
)
const tracesV3 = v3(
  Effect.flatMap(Effect.flatMap(Effect.flatMap(query, searchV3), found), (traces) =>
    traces.length === 0 ? Effect.fail(noTraces) : Effect.succeed(resourceSpans(traces)),
  ),
)
const traceV3 = v3(
  trace.pipe(
    Effect.map((one) => resourceSpans([one])),
    Effect.mapError((error) => (error instanceof ApiError && error.status === 404 ? noTraces : error)),
  ),
)

const at = (base: "" | "/jaeger") =>
  [
    ["GET", `${base}/api/services`, servicesV1],
    ["GET", `${base}/api/services/:service/operations`, operationsOfV1],
    ["GET", `${base}/api/operations`, operationsV1],
    ["GET", `${base}/api/traces`, tracesV1],
    ["GET", `${base}/api/dependencies`, v1(dependencies)],
    ["GET", `${base}/api/v3/services`, servicesV3],
    ["GET", `${base}/api/v3/operations`, operationsV3],
    ["GET", `${base}/api/v3/traces`, tracesV3],
    ["GET", `${base}/api/v3/traces/:id`, traceV3],
  ] as const

export const jaegerRoutes = [...at(""), ...at("/jaeger"), ["GET", "/jaeger/api/traces/:id", traceV1] as const]
