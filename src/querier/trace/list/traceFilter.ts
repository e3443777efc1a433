// Which traces a question is about, as requests by which they are found. Without a filter of what happens within a trace these are the
// requests that traces begin with: calls that no request is known to have caused, and requests whose client no agent looks into. With
// one they are the requests that fit, wherever in their trace.

import * as Effect from "effect/Effect"
import { customTagDictionary } from "../../../tables/tagTables.ts"
import { vectorTexts } from "../../../tags/TagVector.ts"
import { ApiError, badParameter } from "../../http/ApiError.ts"
import { integerParameter } from "../../http/parameters.ts"
import {
  type Conditions,
  filterConditions,
  type RequestFilter,
  requestFilter,
} from "../../requests/requestFilter.ts"

export interface TraceFilter {
  readonly request: Omit<RequestFilter, "minUs">
  readonly minUs?: number | undefined
  readonly maxUs?: number | undefined
  /** Names and values; a request has one when one of its sides has it. */
  readonly tags: ReadonlyArray<readonly [name: string, value: string]>
  /** A further condition of what happens within the trace. */
  readonly where?: Conditions | undefined
}

const mostTags = 8
const maxTagLength = 1_024

const tagOf = (text: string): Effect.Effect<readonly [string, string], ApiError> => {
  const at = text.indexOf("=")
  const [name, value] = [text.slice(0, at).trim(), text.slice(at + 1).trim()]
  return at > 0 && name !== "" && value !== "" && text.length <= maxTagLength
    ? Effect.succeed([name, value] as const)
    : Effect.fail(badParameter("tag", text, "a tag as name=value, such as pod_ns=shop"))
}

const tooManyTags = new ApiError({
  status: 400,
  code: "bad_parameter",
  message: `tag: more than ${mostTags} of them`,
  next: `give tag at most ${mostTags} times`,
})

export const traceFilter = Effect.fnUntraced(function* (query: URLSearchParams) {
  const { minUs, ...request } = yield* requestFilter(query)
  const texts = query.getAll("tag").filter((text) => text !== "")
  if (texts.length > mostTags) return yield* tooManyTags
  const filter: TraceFilter = {
    request,
    minUs,
    maxUs: yield* integerParameter(query, "maxUs", 0, Number.MAX_SAFE_INTEGER),
    tags: yield* Effect.forEach(texts, tagOf),
  }
  return filter
})

/** What a request with this name has: "GET /orders" is a type and an endpoint; one word may be either. */
export const requestNamed = (name: string): Partial<TraceFilter["request"]> => {
  const at = name.indexOf(" ")
  return at < 0 ? { text: name } : { endpoint: name.slice(at + 1) }
}

/** Whole length of a request: what its bar in the waterfall shows. */
export const durationUsSql = "(toUnixTimestamp64Micro(end_time) - toUnixTimestamp64Micro(start_time))"

/** Of a call with both ends on one host, its client's row; of any other, each row there is. */
const isOneOfCall = "(observation_point != 's-p' OR process_id_0 = 0)"

/** What programs tell: the span has no parent. What agents see: nobody is known to have caused it. */
const isBegin =
  "multiIf(endsWith(observation_point, 'app'), _parent_span_id = 0 AND _parent_span_id_text = ''," +
  " observation_point = 'c-p', syscall_trace_id_request = 0," +
  " observation_point = 's-p', process_id_0 = 0 AND gprocess_id_0 = 0, 1)"

export const isUniversal = (name: string): boolean => vectorTexts.some((one) => one.name === name)

const customTags = `'${customTagDictionary.database}.${customTagDictionary.name}'`

const tagSql = (name: string, at: number): string => {
  const value = `{tagValue${at}:String}`
  if (isUniversal(name)) return `(${name}_0 = ${value} OR ${name}_1 = ${value})`
  const custom = ["_0", "_1"].map(
    (side) =>
      `dictGet(${customTags}, 'value', (toUInt64(tag_set_id${side}), {tagName${at}:String})) = ${value}`,
  )
  const attribute = `attribute_values[indexOf(attribute_names, {tagName${at}:String})] = ${value}`
  return `(${[attribute, ...custom].join(" OR ")})`
}

export const traceConditions = ({ maxUs, minUs, request, tags, where }: TraceFilter): Conditions => {
  const conditions = filterConditions(request)
  const isWithin =
    tags.length > 0 ||
    where !== undefined ||
    [
      request.service,
      request.client,
      request.server,
      request.endpoint,
      request.protocol,
      request.text,
      request.point,
      request.pid,
    ].some((one) => one !== undefined)
  const parts = [
    conditions.sql,
    "type != 1",
    ...(request.point === undefined ? [isOneOfCall] : []),
    ...(isWithin ? [] : [isBegin]),
    ...(minUs === undefined ? [] : [`${durationUsSql} >= {minUs:UInt64}`]),
    ...(maxUs === undefined ? [] : [`${durationUsSql} <= {maxUs:UInt64}`]),
    ...tags.map(([name], at) => tagSql(name, at)),
    ...(where === undefined ? [] : [`(${where.sql})`]),
  ]
  return {
    sql: parts.join(" AND "),
    params: {
      ...conditions.params,
      ...where?.params,
      ...(minUs === undefined ? {} : { minUs }),
      ...(maxUs === undefined ? {} : { maxUs }),
      ...Object.fromEntries(
        tags.flatMap(([name, value], at) => [
          ...(isUniversal(name) ? [] : [[`tagName${at}`, name]]),
          [`tagValue${at}`, value],
        ]),
      ),
    },
  }
}
