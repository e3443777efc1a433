// Names by which traces can be searched, and their values: what the database remembers of them, not what its rows say.

import * as Effect from "effect/Effect"
import { rangeConditions, requestTable } from "../requests/requestFilter.ts"
import type { TimeRange } from "../http/timeRange.ts"
import { QueryStore } from "../store/QueryStore.ts"

interface Scope {
  readonly name: string
  readonly tags: ReadonlyArray<string>
}

export interface TagValue {
  readonly type: "string" | "keyword"
  readonly value: string
}

const mostNames = 1_000
const mostValues = 500
const fieldPrefix = "attribute."

const intrinsic: Scope = { name: "intrinsic", tags: ["duration", "kind", "name", "status"] }

const resourceColumns: Readonly<Record<string, string>> = {
  "service.name": "auto_service",
  "k8s.pod.name": "pod",
  "k8s.namespace.name": "pod_ns",
  "k8s.node.name": "pod_node",
  "k8s.cluster.name": "pod_cluster",
  "host.name": "chost",
}

export const tagNamesByScope = Effect.gen(function* () {
  const rows = yield* (yield* QueryStore).rows({
    sql: `SELECT DISTINCT field_name FROM flow_tag.flow_log_custom_field
WHERE table = 'l7_flow_log' AND field_type = 'tag' ORDER BY field_name LIMIT ${mostNames}`,
    params: {},
  })
  const attributes = rows
    .map(({ field_name }) => String(field_name))
    .filter((name) => name.startsWith(fieldPrefix))
    .map((name) => name.slice(fieldPrefix.length))
  const scopes: ReadonlyArray<Scope> = [
    intrinsic,
    { name: "resource", tags: Object.keys(resourceColumns) },
    { name: "span", tags: ["http.route", "network.protocol.name", ...attributes] },
  ]
  return scopes
})

const keywords = (values: ReadonlyArray<string>): ReadonlyArray<TagValue> =>
  values.map((value) => ({ type: "keyword", value }))

/** The values that were seen most often in the range; of attributes, those that are remembered. */
export const tagValues = Effect.fnUntraced(function* (tag: string, range: TimeRange) {
  const name = tag.replace(/^(?:\.|span\.|resource\.)/, "")
  if (name === "status") return keywords(["ok", "error", "unset"])
  if (name === "kind") return keywords(["server", "client", "internal", "producer", "consumer"])
  if (name === "duration") return []
  const store = yield* QueryStore
  const conditions = rangeConditions(range)
  const strings = (rows: ReadonlyArray<Readonly<Record<string, unknown>>>): ReadonlyArray<TagValue> =>
    rows.map(({ t_value }) => ({ type: "string", value: String(t_value) }))
  const column = resourceColumns[name] ?? (name === "rootServiceName" ? "auto_service" : undefined)
  if (column !== undefined)
    return strings(
      yield* store.rows({
        sql: `SELECT arrayJoin([${column}_0, ${column}_1${column === "auto_service" ? ", app_service" : ""}]) AS t_value, count() AS t_count FROM ${requestTable}
WHERE ${conditions.sql} GROUP BY t_value HAVING t_value != '' ORDER BY t_count DESC LIMIT ${mostValues}`,
        params: conditions.params,
      }),
    )
  if (name === "name" || name === "rootName" || name === "http.route")
    return strings(
      yield* store.rows({
        sql: `SELECT endpoint AS t_value, count() AS t_count FROM ${requestTable}
WHERE ${conditions.sql} AND endpoint != '' GROUP BY t_value ORDER BY t_count DESC LIMIT ${mostValues}`,
        params: conditions.params,
      }),
    )
  return strings(
    yield* store.rows({
      sql: `SELECT field_value AS t_value, sum(count) AS t_count FROM flow_tag.flow_log_custom_field_value
WHERE table = 'l7_flow_log' AND field_type = 'tag' AND field_name = {name:String}
GROUP BY t_value ORDER BY t_count DESC LIMIT ${mostValues}`,
      params: { name: `${fieldPrefix}${name}` },
    }),
  )
})
