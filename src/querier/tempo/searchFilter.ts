// What a search of Tempo's asks for, as a filter of the list of traces.

import * as Effect from "effect/Effect"
import { L7Protocol, l7ProtocolName } from "../../model/protocol.ts"
import { ApiError } from "../http/ApiError.ts"
import { statusNames, type StatusName } from "../requests/status.ts"
import { requestNamed, type TraceFilter } from "../trace/list/traceFilter.ts"
import { parseTraceQl, type TraceQlCondition } from "./traceQl.ts"

const units: Readonly<Record<string, number>> = {
  ns: 1e-3,
  us: 1,
  µs: 1,
  ms: 1e3,
  s: 1e6,
  m: 60e6,
  h: 3_600e6,
}

/** Microseconds of "100ms", "1.5s", "2m30s"; undefined: no duration. */
export const goDurationUs = (text: string): number | undefined => {
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined
  let sum = 0
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(number) * units[unit!]!
  return Math.round(sum)
}

type Mutable = { -readonly [Key in keyof TraceFilter["request"]]: TraceFilter["request"][Key] }

interface Building {
  readonly request: Mutable
  minUs: number | undefined
  maxUs: number | undefined
  readonly tags: Array<readonly [name: string, value: string]>
}

const durationFields: ReadonlySet<string> = new Set([
  "duration",
  "span:duration",
  "traceDuration",
  "trace:duration",
])
const nameFields: ReadonlySet<string> = new Set(["name", "span:name", "rootName", "trace:rootName"])
const serviceFields: ReadonlySet<string> = new Set([
  "service.name",
  "resource.service.name",
  "rootServiceName",
  "trace:rootService",
  "root.service.name",
])
const statusFields: ReadonlySet<string> = new Set(["status", "span:status"])

const protocols = new Map(
  Object.values(L7Protocol).map((number) => [l7ProtocolName(number).toLowerCase(), number]),
)

/** OpenTelemetry's names for tags of Sonde's. */
const tagNames: Readonly<Record<string, string>> = {
  "k8s.pod.name": "pod",
  "k8s.namespace.name": "pod_ns",
  "k8s.node.name": "pod_node",
  "k8s.cluster.name": "pod_cluster",
  "host.name": "chost",
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
    if (statusFields.has(field) && operator === "!=" && value === "error") {
      request.status = "ok"
      return undefined
    }
    return `${field}: expected =, found ${operator}`
  }
  if (statusFields.has(field)) {
    const status: StatusName | undefined =
      value === "error"
        ? "server_error"
        : value === "unset"
          ? "ok"
          : statusNames.find((name) => name === value)
    if (status === undefined) return `${field}: ${value} is not one of error, ok, unset`
    request.status = status
    return undefined
  }
  if (serviceFields.has(field.replace(/^\./, ""))) request.service = value
  else if (nameFields.has(field)) Object.assign(request, requestNamed(value))
  else {
    const name = field.replace(/^(?:\.|span\.|resource\.)/, "")
    if (name === "http.route" || name === "endpoint") request.endpoint = value
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
    next: 'ask for spans by conditions joined with &&, such as { resource.service.name = "shop" && duration > 100ms }',
  })

/** `q` (TraceQL) or `tags` (logfmt) with `minDuration`, `maxDuration`. */
export const searchFilter = Effect.fnUntraced(function* (
  query: URLSearchParams,
  range: TraceFilter["request"]["range"],
) {
  const building: Building = { request: { range }, minUs: undefined, maxUs: undefined, tags: [] }
  const q = query.get("q") ?? ""
  const parsed = parseTraceQl(q)
  if (!parsed.ok) return yield* notUnderstood(parsed.message)
  const bounds = [
    ["minDuration", ">="],
    ["maxDuration", "<="],
  ] as const
  const conditions: ReadonlyArray<TraceQlCondition> = [
    ...parsed.conditions,
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
  const filter: TraceFilter = building
  return filter
})
