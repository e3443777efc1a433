// What people read of a span beside what the assembly needs: asked for once it is known which rows are in the trace.

import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { type StatusName, statusName } from "../requests/status.ts"

export interface SpanDetails {
  readonly id: string
  readonly clientService: string
  readonly serverService: string
  readonly clientProcess: string
  readonly serverProcess: string
  /** Name of the host of each side; empty: not known. */
  readonly clientHost: string
  readonly serverHost: string
  readonly isTls: boolean
  readonly domain: string
  readonly resource: string
  readonly status: StatusName
  readonly code: number | null
  readonly exception: string
  readonly requestLength: number | null
  readonly responseLength: number | null
  /** Tags of each side that are set. */
  readonly clientTags: Readonly<Record<string, string>>
  readonly serverTags: Readonly<Record<string, string>>
  readonly attributes: Readonly<Record<string, string>>
}

/** Tags of a side that say where it runs and what it belongs to. */
export const shownTags = [
  "auto_instance",
  "gprocess",
  "pod",
  "pod_ns",
  "pod_group",
  "pod_service",
  "pod_node",
  "pod_cluster",
  "chost",
  "host",
  "subnet",
  "vpc",
  "az",
  "region",
] as const

const tagsOf = (side: "_0" | "_1"): string => `[${shownTags.map((tag) => tag + side).join(", ")}]`

const selected: ReadonlyArray<readonly [sql: string, name: string]> = [
  ["toString(_id)", "id"],
  ["auto_service_0", "clientService"],
  ["auto_service_1", "serverService"],
  ["process_kname_0", "clientProcess"],
  ["process_kname_1", "serverProcess"],
  ["is_tls", "isTls"],
  ["request_domain", "domain"],
  ["request_resource", "resource"],
  ["response_status", "status"],
  ["response_code", "code"],
  ["response_exception", "exception"],
  ["request_length", "requestLength"],
  ["response_length", "responseLength"],
  [tagsOf("_0"), "clientTags"],
  [tagsOf("_1"), "serverTags"],
  ["attribute_names", "names"],
  ["attribute_values", "values"],
]

export const spanDetailsColumns = selected.map(([sql, name]) => `${sql} AS d_${name}`).join(",\n  ")

const numberOrNull = (value: unknown): number | null =>
  value === null || value === undefined ? null : Number(value)

const record = (
  names: ReadonlyArray<string>,
  values: ReadonlyArray<unknown>,
): Readonly<Record<string, string>> => {
  const pairs = names.map((name, at) => [name, String(values[at] ?? "")] as const)
  return Object.fromEntries(pairs.filter(([, value]) => value !== ""))
}

export const spanDetails = (row: Row): SpanDetails => {
  const clientTags = record(shownTags, row.d_clientTags as ReadonlyArray<unknown>)
  const serverTags = record(shownTags, row.d_serverTags as ReadonlyArray<unknown>)
  const host = (tags: Readonly<Record<string, string>>): string =>
    tags.chost ?? tags.pod_node ?? tags.host ?? ""
  return {
    id: String(row.d_id),
    clientService: String(row.d_clientService),
    serverService: String(row.d_serverService),
    clientProcess: String(row.d_clientProcess),
    serverProcess: String(row.d_serverProcess),
    clientHost: host(clientTags),
    serverHost: host(serverTags),
    isTls: Number(row.d_isTls) === 1,
    domain: String(row.d_domain),
    resource: String(row.d_resource),
    status: statusName(Number(row.d_status)),
    code: numberOrNull(row.d_code),
    exception: String(row.d_exception),
    requestLength: numberOrNull(row.d_requestLength),
    responseLength: numberOrNull(row.d_responseLength),
    clientTags,
    serverTags,
    attributes: record(row.d_names as ReadonlyArray<string>, row.d_values as ReadonlyArray<unknown>),
  }
}
