// What a search of Tempo's asks for, as a filter of the list of traces.

import * as Effect from "effect/Effect"
import { ApiError } from "../http/ApiError.ts"
import type { Conditions } from "../requests/requestFilter.ts"
import { statusNames, type StatusName } from "../requests/status.ts"
import { requestNamed, type TraceFilter } from "../trace/list/traceFilter.ts"
import {
  codeFields,
  durationFields,
  goDurationUs,
  kindFields,
  methodFields,
  nameFields,
  plainField,
  protocols,
  routeFields,
  serviceFields,
  statusFields,
  tagNames,
} from "./fields.ts"
import { spanSql } from "./spanSql.ts"
import { neededSpans } from "./spansets.ts"
import {
  conjunction,
  leavesOf,
  oneSpanset,
  parseTraceQl,
  relatedProblem,
  type SpanExpression,
  type SpansetExpression,
  type TraceQlCondition,
} from "./traceQl.ts"

type Mutable = { -readonly [Key in keyof TraceFilter["request"]]: TraceFilter["request"][Key] }

interface Building {
  readonly request: Mutable
  minUs: number | undefined
  maxUs: number | undefined
  readonly tags: Array<readonly [name: string, value: string]>
}

/** What is wrong with it, if anything. */
const apply = (building: Building, { field, operator, value }: TraceQlCondition): string | undefined => {
  const { request } = building
  if (durationFields.has(field)) {
    const us = goDurationUs(value)
    if (us === undefined) return `${field}: ${value} is not a duration such as 100ms`
    if (operator === ">" || operator === ">=") building.minUs = operator === ">" ? us + 1 : us
    else if (operator === "<" || operator === "<=") building.maxUs = operator === "<" ? us - 1 : us
    else return `${field}: expected > or <, found ${operator}`
    return undefined
  }
  if (operator !== "=") {
    return `${field}: expected =, found ${operator}`
  }
  if (statusFields.has(field)) {
    // An error is one of several outcomes.
    const status: StatusName | undefined =
      value === "unset" ? "ok" : statusNames.find((name) => name === value)
    if (status === undefined) return `${field}: ${value} is not one of error, ok, unset`
    request.status = status
    return undefined
  }
  if (serviceFields.has(field.replace(/^\./, ""))) request.service = value
  else if (nameFields.has(field)) Object.assign(request, requestNamed(value))
  else {
    const name = plainField(field)
    if (kindFields.has(field) || codeFields.has(name) || methodFields.has(name))
      return `${field}: the list of traces has no such filter`
    if (routeFields.has(name)) request.endpoint = value
    else if (name === "network.protocol.name" && protocols.has(value.toLowerCase()))
      request.protocol = protocols.get(value.toLowerCase())
    else building.tags.push([tagNames[name] ?? name, value])
  }
  return undefined
}

/** `service.name=shop name="GET /"`: logfmt. */
const logfmt = (text: string): ReadonlyArray<TraceQlCondition> =>
  [...text.matchAll(/([^\s=]+)=(?:"((?:[^"\\]|\\.)*)"|(\S*))/g)].map(([, field, quoted, plain]) => ({
    field: field!,
    operator: "=" as const,
    value: quoted === undefined ? plain! : quoted.replace(/\\(.)/g, "$1"),
  }))

const notUnderstood = (message: string) =>
  new ApiError({
    status: 400,
    code: "bad_parameter",
    message,
    next: 'ask for spans by conditions, such as { resource.service.name = "shop" && duration > 100ms } >> { status = error }',
  })

const noFilter = (range: TraceFilter["request"]["range"]): Building => ({
  request: { range },
  minUs: undefined,
  maxUs: undefined,
  tags: [],
})

/** Of relations: what one span of each trace must be, so that the trace is looked at. */
const whereSql = (spansets: SpansetExpression, single: SpanExpression | undefined): Conditions | string => {
  if (single !== undefined) return spanSql(single)
  const problem = leavesOf(spansets)
    .map((spans) => spanSql(spans))
    .find((sql) => typeof sql === "string")
  return relatedProblem(spansets) ?? problem ?? spanSql(neededSpans(spansets), { isLoose: true })
}

export interface TempoSearch {
  /** Requests by which traces are found. */
  readonly filter: TraceFilter
  /** What must hold of spans of the whole trace, too; undefined: nothing. */
  readonly related: SpansetExpression | undefined
}

/** `q` (TraceQL) or `tags` (logfmt) with `minDuration`, `maxDuration`. */
export const searchFilter = Effect.fnUntraced(function* (
  query: URLSearchParams,
  range: TraceFilter["request"]["range"],
) {
  const building = noFilter(range)
  const q = query.get("q") ?? ""
  const parsed = parseTraceQl(q)
  if (!parsed.ok) return yield* notUnderstood(parsed.message)
  const bounds = [
    ["minDuration", ">="],
    ["maxDuration", "<="],
  ] as const
  const single = oneSpanset(parsed.spansets)
  const simple = single === undefined ? undefined : conjunction(single)
  // What the list of traces has filters for is asked by these, as by everybody else.
  const isSimple =
    simple !== undefined && simple.every((condition) => apply(noFilter(range), condition) === undefined)
  const where = isSimple ? undefined : whereSql(parsed.spansets, single)
  if (typeof where === "string") return yield* notUnderstood(where)
  const conditions: ReadonlyArray<TraceQlCondition> = [
    ...(isSimple ? simple : []),
    ...logfmt(query.get("tags") ?? ""),
    ...bounds.flatMap(([name, operator]) => {
      const value = query.get(name)
      return value === null || value === "" ? [] : [{ field: "duration", operator, value }]
    }),
  ]
  for (const condition of conditions) {
    const problem = apply(building, condition)
    if (problem !== undefined) return yield* notUnderstood(problem)
  }
  const asked: TempoSearch = {
    filter: where === undefined ? building : { ...building, where },
    related: single === undefined ? parsed.spansets : undefined,
  }
  return asked
})
