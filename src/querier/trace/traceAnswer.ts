// GET /api/v1/traces/ID: the whole trace of a request (by the decimal id of its row) or of a trace id; with `format=otlp` as a request
// that an OpenTelemetry collector takes.

import * as Effect from "effect/Effect"
import { badParameter, notFound } from "../http/ApiError.ts"
import { choiceParameter, integerParameter } from "../http/parameters.ts"
import { mostSpans, traceLimits } from "./limits.ts"
import { resourceSpansJson } from "./otlp/otlpJson.ts"
import { otlpTrace } from "./otlp/otlpTrace.ts"
import { traceByName } from "./traceIds.ts"

const maxIdLength = 512
export const traceAnswer = Effect.fn("traceAnswer")(function* (id: string, query: URLSearchParams) {
  if (id === "" || id.length > maxIdLength)
    return yield* badParameter(
      "id",
      id,
      `the id of a request or a trace of at most ${maxIdLength} characters`,
    )
  const spans = (yield* integerParameter(query, "spans", 1, mostSpans)) ?? traceLimits.spans
  const format = (yield* choiceParameter(query, "format", ["tree", "otlp"])) ?? "tree"
  const trace = yield* traceByName(id, { ...traceLimits, spans })
  if (trace === undefined)
    return yield* notFound(
      `trace ${id}`,
      "it may have been older than the tables keep, or be stored in a moment; open the list again",
    )
  return format === "otlp" ? { resourceSpans: resourceSpansJson(otlpTrace(trace)) } : trace
})
