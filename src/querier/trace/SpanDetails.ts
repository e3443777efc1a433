// What people read of a span beside what the assembly needs: asked for once it is known which rows are in the trace.

import type { Row } from "../../runtime/clickhouse/ClickHouse.ts"
import { endAddress, knownEnd } from "../../model/ends.ts"
import { type StatusName, statusName } from "../requests/status.ts"
import type { SpanRow } from "./SpanRow.ts"

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

/** Tags of a side by the number that stands for them; what is behind a number never changes. */
export interface SideTags {
  readonly service: string
  readonly process: string
  readonly tags: Readonly<Record<string, string>>
}

export const noTags: SideTags = { service: "", process: "", tags: {} }

export const sideTagsColumns = ["id", "auto_service", "process_kname", ...shownTags].join(", ")

const record = (
  names: ReadonlyArray<string>,
  values: ReadonlyArray<unknown>,
): Readonly<Record<string, string>> => {
  const pairs = names.map((name, at) => [name, String(values[at] ?? "")] as const)
  return Object.fromEntries(pairs.filter(([, value]) => value !== ""))
}

export const sideTags = (row: Row): SideTags => ({
  service: String(row.auto_service),
  process: String(row.process_kname),
  tags: record(
    shownTags,
    shownTags.map((name) => row[name]),
  ),
})

const selected: ReadonlyArray<readonly [sql: string, name: string]> = [
  ["_id", "id"],
  ["resource_id_0", "client"],
  ["resource_id_1", "server"],
  ["is_tls", "isTls"],
  ["request_domain", "domain"],
  ["request_resource", "resource"],
  ["response_status", "status"],
  ["response_code", "code"],
  ["response_exception", "exception"],
  ["request_length", "requestLength"],
  ["response_length", "responseLength"],
  ["attribute_names", "names"],
  ["attribute_values", "values"],
]

export const spanDetailsColumns = selected.map(([sql, name]) => `${sql} AS d_${name}`).join(",\n  ")

const numberOrNull = (value: unknown): number | null =>
  value === null || value === undefined ? null : Number(value)

/** Numbers of the tags of both sides; 0: none. */
export const resourceIds = (row: Row): readonly [client: number, server: number] => [
  Number(row.d_client),
  Number(row.d_server),
]

const hostOf = ({ tags }: SideTags): string => tags.chost ?? tags.pod_node ?? tags.host ?? ""

/** What has no name is called by its address, a server with its port, as `auto_service` of the table is; by its process if it has none. */
const nameOf = ({ process, service }: SideTags, ip: string, port: number): string => {
  if (service !== "") return service
  if (knownEnd(ip) === "") return process
  return port === 0 ? ip : endAddress(ip, port)
}

export const spanDetails = (row: Row, span: SpanRow, client: SideTags, server: SideTags): SpanDetails => ({
  id: String(row.d_id),
  clientService: nameOf(client, span.clientIp, 0),
  serverService: nameOf(server, span.serverIp, span.serverPort),
  clientProcess: client.process,
  serverProcess: server.process,
  clientHost: hostOf(client),
  serverHost: hostOf(server),
  isTls: Number(row.d_isTls) === 1,
  domain: String(row.d_domain),
  resource: String(row.d_resource),
  status: statusName(Number(row.d_status)),
  code: numberOrNull(row.d_code),
  exception: String(row.d_exception),
  requestLength: numberOrNull(row.d_requestLength),
  responseLength: numberOrNull(row.d_responseLength),
  clientTags: client.tags,
  serverTags: server.tags,
  attributes: record(row.d_names as ReadonlyArray<string>, row.d_values as ReadonlyArray<unknown>),
})
