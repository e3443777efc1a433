// The API of DeepFlow's tracing service: its Grafana panel and its exporters ask it for traces, other APM systems for what goes on around
// spans of their own.

import * as Effect from "effect/Effect"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import type * as HttpServerResponse from "effect/http/HttpServerResponse"
import { json, onDefect } from "../http/responses.ts"
import type { StoreError } from "../store/QueryStore.ts"
import type { Asked } from "../trace/assemble/assembleTrace.ts"
import { mostRounds, type TraceLimits, traceLimits } from "../trace/limits.ts"
import { findTrace } from "../trace/traceOf.ts"
import { givenSpans } from "./givenSpans.ts"
import { tracingAnswer } from "./tracingAnswer.ts"

type Body = ReadonlyMap<string, unknown>

const said = (
  status: number,
  optStatus: string,
  description: string,
  data: object,
): HttpServerResponse.HttpServerResponse =>
  json({ OPT_STATUS: optStatus, DESCRIPTION: description, DATA: data }, status)

const success = (data: object, description = "") => said(200, "SUCCESS", description, data)
const invalid = (description: string) => said(400, "INVALID_PARAMETERS", description, {})

const fromStore = (error: StoreError): HttpServerResponse.HttpServerResponse =>
  error.reason === "unavailable"
    ? said(
        503,
        "SERVER_ERROR",
        `ClickHouse does not answer: ${error.message}; see /healthz, try again soon`,
        {},
      )
    : error.reason === "refused"
      ? said(500, "SERVER_ERROR", error.message, {})
      : said(408, "TIMEOUT", `${error.message}; the trace is too large`, {})

/** Keys in lower case: DeepFlow's clients write them in either. */
const fieldsOf = (value: unknown): Body =>
  new Map(
    value !== null && typeof value === "object" && !Array.isArray(value)
      ? Object.entries(value).map(([key, one]) => [key.toLowerCase(), one])
      : [],
  )

const body = Effect.flatMap(HttpServerRequest.HttpServerRequest, (request) =>
  (request.headers["content-type"] ?? "").includes("x-www-form-urlencoded")
    ? Effect.map(request.urlParamsBody, (fields) => fieldsOf(Object.fromEntries(fields.params)))
    : Effect.map(request.json, fieldsOf),
)

const answered = <R>(
  question: (fields: Body) => Effect.Effect<HttpServerResponse.HttpServerResponse, StoreError, R>,
) =>
  body.pipe(
    Effect.map((fields): Body | undefined => fields),
    Effect.catch(() => Effect.succeed(undefined)),
    Effect.flatMap((fields) =>
      fields === undefined
        ? Effect.succeed(invalid("the body cannot be read: send JSON or a form of at most 1 MiB"))
        : question(fields),
    ),
    Effect.catch((error) => Effect.succeed(fromStore(error))),
    onDefect(said(500, "SERVER_ERROR", "Sonde failed to answer; the log of the server names the cause", {})),
  )

const limitsOf = (fields: Body): TraceLimits => {
  const rounds = Number(fields.get("max_iteration"))
  // DeepFlow's rounds find a level of calls each, ours half of one.
  return Number.isInteger(rounds) && rounds > 0
    ? { ...traceLimits, rounds: Math.min(mostRounds, rounds * 2) }
    : traceLimits
}

const maxIdLength = 512
const decimal = /^[0-9]{1,20}$/
const maxUInt64 = 18446744073709551615n

const askedOf = (fields: Body): Asked | string => {
  const id = fields.get("_id")
  const traceId = fields.get("trace_id")
  if (id !== undefined && id !== null && id !== "") {
    const text = String(id)
    return decimal.test(text) && BigInt(text) <= maxUInt64
      ? { rowId: text }
      : `_id: ${JSON.stringify(text.slice(0, 100))} is not the number of a row, in decimal, as a text`
  }
  if (typeof traceId === "string" && traceId !== "" && traceId.length <= maxIdLength) return { traceId }
  return "name the trace: _id, the number of a row of l7_flow_log as a text, or trace_id"
}

/** POST /v1/stats/querier/L7FlowTracing */
export const l7FlowTracing = answered((fields) =>
  Effect.gen(function* () {
    const asked = askedOf(fields)
    if (typeof asked === "string") return invalid(asked)
    const table = fields.get("table") ?? "l7_flow_log"
    if (table !== "l7_flow_log")
      return invalid(`table: expected l7_flow_log, found ${String(table).slice(0, 100)}`)
    const trace = yield* findTrace(asked, limitsOf(fields))
    if (trace === undefined) return success({})
    const limits = [...trace.found.limits, ...trace.assembled.limits].map(({ text }) => text).join("; ")
    return success(
      tracingAnswer(trace, { hasAttributes: Number(fields.get("has_attributes")) === 1 }),
      limits,
    )
  }),
)

/** POST /v1/stats/querier/tracing-completion-by-external-app-spans */
export const tracingCompletion = answered((fields) =>
  Effect.gen(function* () {
    const given = givenSpans(fields.get("app_spans"))
    if (typeof given === "string") return invalid(given)
    const trace = yield* findTrace({ rowId: given[0]!.id }, limitsOf(fields), given)
    return success(trace === undefined ? {} : tracingAnswer(trace, { hasAttributes: false }))
  }),
)

/** GET /v1/stats/querier/TracingAlgoParams: what a trace is bounded by. */
export const tracingParameters = Effect.succeed(
  success({
    max_iteration: traceLimits.rounds / 2,
    l7_tracing_limit: traceLimits.spans,
    tracing_source: ["trace_id", "syscall", "tcp_seq", "x_request_id", "dns"],
    allow_multiple_trace_ids: true,
    max_trace_ids: traceLimits.traceIds,
    time_range_seconds: traceLimits.rangeSeconds,
  }),
)
