// Tempo's HTTP API, as Grafana's data source asks it: traces by id, search, tags and their values. Unlike other traces these have the
// ways of packets and parents that nobody propagated.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServerRequest from "effect/http/HttpServerRequest"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import { ApiError, badParameter, fromStoreError, notFound } from "../http/ApiError.ts"
import { integerParameter, queryOf } from "../http/parameters.ts"
import { answer, errorResponse, onDefect, plainText } from "../http/responses.ts"
import type { TimeRange } from "../http/timeRange.ts"
import { StoreError } from "../store/QueryStore.ts"
import { tracesOf } from "../trace/list/traceList.ts"
import { resourceSpansJson } from "../trace/otlp/otlpJson.ts"
import { writeResourceSpans } from "../trace/otlp/otlpProtobuf.ts"
import { otlpTrace } from "../trace/otlp/otlpTrace.ts"
import { ProtobufWriter } from "../../wire/ProtobufWriter.ts"
import { hexName, nameOfRow, traceByName } from "../trace/traceIds.ts"
import type { TraceSummary } from "../trace/Trace.ts"
import { type RelatedTrace, relatedTraces } from "./relatedTraces.ts"
import { searchFilter } from "./searchFilter.ts"
import { tagNamesByScope, tagValues } from "./tempoTags.ts"

const request = HttpServerRequest.HttpServerRequest
const query = Effect.map(request, ({ url }) => queryOf(url))
const parameter = (name: string) => Effect.map(HttpRouter.params, (params) => params[name] ?? "")

const protobufType = "application/protobuf"
const defaultLimit = 20
const maxLimit = 1_000
const hour = 3_600
const maxSeconds = 2 ** 32 - 1

const internal = errorResponse(
  new ApiError({
    status: 500,
    code: "internal",
    message: "Sonde failed to answer this request",
    next: "see the log of the server; it names the cause",
  }),
)

const partial = 1

/** `v2` wraps the trace and says when it is not whole. */
const traceById = (version: "v1" | "v2") =>
  Effect.gen(function* () {
    const { headers } = yield* request
    const id = yield* parameter("id")
    if (!/^[0-9A-Za-z_.-]{1,256}$/.test(id)) return yield* badParameter("id", id, "the id of a trace")
    const trace = yield* traceByName(id)
    if (trace === undefined) return yield* notFound(`trace ${id}`, "search for it again: it may have expired")
    const resources = otlpTrace(trace)
    const message = trace.limits.map(({ text }) => text).join("; ")
    if ((headers.accept ?? "").includes(protobufType)) {
      const writer = new ProtobufWriter()
      if (version === "v1") writeResourceSpans(writer, resources)
      else {
        writer.message(1, (inner) => writeResourceSpans(inner, resources))
        if (message !== "") writer.integer(3, partial).text(4, message)
      }
      return HttpServerResponse.uint8Array(writer.finish().slice(), { contentType: protobufType })
    }
    const spans = resourceSpansJson(resources, "protobuf")
    const body =
      version === "v1"
        ? { batches: spans }
        : { trace: { resourceSpans: spans }, ...(message === "" ? {} : { status: "PARTIAL", message }) }
    return HttpServerResponse.jsonUnsafe(body)
  }).pipe(
    Effect.catch((error) =>
      Effect.succeed(errorResponse(error instanceof StoreError ? fromStoreError(error) : error)),
    ),
    onDefect(internal),
  )

/** `start` and `end` in seconds since 1970; the last hour where they are absent. */
export const tempoRange = Effect.fnUntraced(function* (asked: URLSearchParams) {
  const now = Math.ceil((yield* Clock.currentTimeMillis) / 1_000)
  const end = (yield* integerParameter(asked, "end", 0, maxSeconds)) ?? now
  const start = (yield* integerParameter(asked, "start", 0, maxSeconds)) ?? end - hour
  if (start >= end) return yield* badParameter("start", String(start), `before end (${end})`)
  const range: TimeRange = { fromUs: start * 1e6, toUs: end * 1e6 }
  return range
})

const found = (summary: TraceSummary): object => {
  const span = {
    spanID: nameOfRow(summary.id).slice(16),
    name: summary.name,
    startTimeUnixNano: `${summary.startUs}000`,
    durationNanos: String(summary.durationUs * 1_000),
    attributes: [{ key: "service.name", value: { stringValue: summary.service } }],
  }
  const spanSet = { spans: [span], matched: 1 }
  return {
    traceID: hexName(summary.traceId, summary.id),
    rootServiceName: summary.service,
    rootTraceName: summary.name,
    startTimeUnixNano: span.startTimeUnixNano,
    durationMs: Math.round(summary.durationUs / 1_000),
    spanSet,
    spanSets: [spanSet],
  }
}

/** Spans of one answer that are told one by one, unless `spss` says otherwise. */
const defaultSpans = 3

const related = ({ found: at, trace }: RelatedTrace, most: number): object => {
  const first = trace.spans[trace.roots[0]!]!
  const spanSet = {
    spans: at.slice(0, most).map((one) => {
      const { durationUs, id, name, service, startUs } = trace.spans[one]!
      return {
        spanID: nameOfRow(id).slice(16),
        name,
        startTimeUnixNano: `${Math.round(startUs)}000`,
        durationNanos: String(Math.round(durationUs) * 1_000),
        attributes: [{ key: "service.name", value: { stringValue: service } }],
      }
    }),
    matched: at.length,
  }
  return {
    traceID: hexName(trace.traceId, first.id),
    rootServiceName: first.service,
    rootTraceName: first.name,
    startTimeUnixNano: `${Math.round(trace.startUs)}000`,
    durationMs: Math.round(trace.durationUs / 1_000),
    spanSet,
    spanSets: [spanSet],
  }
}

const search = Effect.gen(function* () {
  const asked = yield* query
  const { filter, related: relation } = yield* searchFilter(asked, yield* tempoRange(asked))
  const limit = (yield* integerParameter(asked, "limit", 1, maxLimit)) ?? defaultLimit
  if (relation !== undefined) {
    const most = (yield* integerParameter(asked, "spss", 1, maxLimit)) ?? defaultSpans
    const looked = yield* relatedTraces(filter, relation, limit)
    return {
      traces: looked.traces.map((one) => related(one, most)),
      metrics: { inspectedTraces: looked.inspected, ...(looked.isPartial ? { isPartial: true } : {}) },
    }
  }
  const { traces } = yield* tracesOf(filter, { limit, order: "newest", before: undefined, after: undefined })
  return { traces: traces.map(found), metrics: { inspectedTraces: traces.length } }
})

const tags = Effect.gen(function* () {
  const scopes = yield* tagNamesByScope
  return { tagNames: [...new Set(scopes.flatMap(({ tags: names }) => names))] }
})

const tagsV2 = Effect.gen(function* () {
  const scope = (yield* query).get("scope") ?? ""
  const scopes = yield* tagNamesByScope
  return { scopes: scope === "" ? scopes : scopes.filter(({ name }) => name === scope) }
})

/** Grafana encodes the name twice. */
const decoded = (name: string): string => {
  try {
    return decodeURIComponent(name)
  } catch {
    return name
  }
}

const valuesOf = Effect.gen(function* () {
  const asked = yield* query
  return yield* tagValues(decoded(yield* parameter("tag")), yield* tempoRange(asked))
})

const values = Effect.map(valuesOf, (all) => ({ tagValues: all.map(({ value }) => value) }))
const valuesV2 = Effect.map(valuesOf, (all) => ({ tagValues: all }))

/** The version of Tempo whose API this is: Grafana asks for it to know what it may ask. */
const buildInfo = Effect.succeed({ version: "2.8.0", revision: "sonde" })

const echo = Effect.succeed(plainText("echo", "text/plain; charset=utf-8"))

const at = (base: "" | "/tempo") =>
  [
    ["GET", `${base}/api/echo`, echo],
    ["GET", `${base}/api/traces/:id`, traceById("v1")],
    ["GET", `${base}/api/v2/traces/:id`, traceById("v2")],
    ["GET", `${base}/api/search`, answer(search)],
    ["GET", `${base}/api/search/tags`, answer(tags)],
    ["GET", `${base}/api/v2/search/tags`, answer(tagsV2)],
    ["GET", `${base}/api/search/tag/:tag/values`, answer(values)],
    ["GET", `${base}/api/v2/search/tag/:tag/values`, answer(valuesV2)],
    ["GET", `${base}/api/status/buildinfo`, answer(buildInfo)],
  ] as const

export const tempoRoutes = [...at(""), ...at("/tempo")]
