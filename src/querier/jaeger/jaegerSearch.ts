// What Jaeger's clients ask for, as a filter of the list of traces: the parameters of v1 and of v3, in either spelling.

import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { badParameter } from "../http/ApiError.ts"
import { integerParameter } from "../http/parameters.ts"
import type { TimeRange } from "../http/timeRange.ts"
import { goDurationUs } from "../tempo/fields.ts"
import { requestNamed, type TraceFilter } from "../trace/list/traceFilter.ts"

export interface JaegerSearch {
  readonly filter: TraceFilter
  readonly limit: number
}

const hourUs = 3_600e6
/** Each trace of an answer is assembled. */
const maxLimit = 100
const defaultLimit = 20
const maxUs = 5e15

const tagsOf = (query: URLSearchParams, key: string) =>
  Effect.gen(function* () {
    const text = query.get(key) ?? ""
    if (text === "") return []
    try {
      const value: unknown = JSON.parse(text)
      if (value !== null && typeof value === "object" && !Array.isArray(value))
        return Object.entries(value).map(([name, one]) => [name, String(one)] as const)
    } catch {
      // Told below.
    }
    return yield* badParameter(key, text, 'tags as JSON, such as {"http.route":"/orders"}')
  })

const durationUs = (query: URLSearchParams, key: string) =>
  Effect.gen(function* () {
    const text = query.get(key) ?? ""
    if (text === "") return undefined
    const us = goDurationUs(text)
    return us ?? (yield* badParameter(key, text, "a duration such as 100ms"))
  })

interface Asked {
  readonly service: string
  readonly operation: string
  readonly range: TimeRange
  readonly minUs: number | undefined
  readonly maxUs: number | undefined
  readonly tags: ReadonlyArray<readonly [name: string, value: string]>
  readonly limit: number | undefined
}

const searchOf = ({ limit = defaultLimit, maxUs: most, minUs, operation, range, service, tags }: Asked) =>
  Effect.gen(function* () {
    if (range.fromUs >= range.toUs)
      return yield* badParameter("start", String(range.fromUs), `before the end (${range.toUs})`)
    const errors = tags.filter(([name, value]) => name === "error" && value === "true")
    const filter: TraceFilter = {
      request: {
        range,
        ...(service === "" ? {} : { service }),
        ...(operation === "" || operation === "all" ? {} : requestNamed(operation)),
        ...(errors.length > 0 ? { status: "server_error" as const } : {}),
      },
      minUs,
      maxUs: most,
      tags: tags.filter((tag) => !errors.includes(tag)),
    }
    const search: JaegerSearch = { filter, limit: Math.min(limit, maxLimit) }
    return search
  })

/** Times in microseconds. */
export const searchV1 = Effect.fnUntraced(function* (query: URLSearchParams) {
  const nowUs = (yield* Clock.currentTimeMillis) * 1_000
  const toUs = (yield* integerParameter(query, "end", 0, maxUs)) ?? nowUs
  const fromUs = (yield* integerParameter(query, "start", 0, maxUs)) ?? toUs - hourUs
  return yield* searchOf({
    service: query.get("service") ?? "",
    operation: query.get("operation") ?? "",
    range: { fromUs, toUs },
    minUs: yield* durationUs(query, "minDuration"),
    maxUs: yield* durationUs(query, "maxDuration"),
    tags: yield* tagsOf(query, "tags"),
    limit: yield* integerParameter(query, "limit", 1, 100_000),
  })
})

/** `query.startTimeMin` and `query.start_time_min` are the same. */
const spelled = (query: URLSearchParams): URLSearchParams =>
  new URLSearchParams(
    [...query].map(([name, value]): [string, string] => [
      name.replace(/^query\./, "").replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase()),
      value,
    ]),
  )

const timeUs = (query: URLSearchParams, key: string) =>
  Effect.gen(function* () {
    const text = query.get(key) ?? ""
    if (text === "") return undefined
    const ms = Date.parse(text)
    if (Number.isNaN(ms)) return yield* badParameter(key, text, "a time such as 2026-11-26T18:00:00Z")
    return ms * 1_000
  })

/** Times as RFC 3339 has them. */
export const searchV3 = Effect.fnUntraced(function* (asked: URLSearchParams) {
  const query = spelled(asked)
  const nowUs = (yield* Clock.currentTimeMillis) * 1_000
  const toUs = (yield* timeUs(query, "startTimeMax")) ?? nowUs
  const fromUs = (yield* timeUs(query, "startTimeMin")) ?? toUs - hourUs
  return yield* searchOf({
    service: query.get("serviceName") ?? "",
    operation: query.get("operationName") ?? "",
    range: { fromUs, toUs },
    minUs: yield* durationUs(query, "durationMin"),
    maxUs: yield* durationUs(query, "durationMax"),
    tags: yield* tagsOf(query, "attributes"),
    limit:
      (yield* integerParameter(query, "searchDepth", 1, 100_000)) ??
      (yield* integerParameter(query, "numTraces", 1, 100_000)),
  })
})
