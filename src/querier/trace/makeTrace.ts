// The trace as everybody is answered it, from the assembled tree and what is known of its spans.

import { l7ProtocolName, L7Protocol } from "../../model/protocol.ts"
import { knownEnd } from "../../model/ends.ts"
import type { Assembled, AssembledSpan } from "./assemble/assembleTrace.ts"
import { criticalPath } from "./assemble/criticalPath.ts"
import type { FoundRows } from "./search/searchTrace.ts"
import { spanName } from "./spanName.ts"
import type { SpanDetails } from "./SpanDetails.ts"
import { isAnswered, type SpanRow, spanKindOf } from "./SpanRow.ts"
import type { LinkReason, ServiceShare, SpanRole, Trace, TraceSpan } from "./Trace.ts"

const roles = new Map<number, SpanRole>([
  [2, "server"],
  [3, "client"],
  [4, "client"],
  [5, "server"],
])

const roleOf = (row: SpanRow): SpanRole => {
  switch (spanKindOf(row)) {
    case "network":
      return "way"
    case "process":
      return row.point === "c-p" ? "client" : "server"
    case "application":
      return row.point === "c-app"
        ? "client"
        : row.point === "s-app"
          ? "server"
          : (roles.get(row.programKind) ?? "internal")
  }
}

const protocolOf = (row: SpanRow): string =>
  row.l7Protocol === L7Protocol.unknown ? "" : l7ProtocolName(row.l7Protocol)

/** The same call as its parent's, seen at the next place of its way. */
const wayReasons: ReadonlySet<LinkReason> = new Set(["tcp_seq", "request_id", "connection"])

const errors: ReadonlySet<string> = new Set(["client_error", "server_error", "timeout"])

const makeSpan = (span: AssembledSpan, details: SpanDetails): TraceSpan => {
  const { row } = span
  const kind = spanKindOf(row)
  const role = roleOf(row)
  // Of a call, the client's side was observed at the client's end only.
  const isClientSide = kind === "network" ? row.point.startsWith("c") : role === "client"
  const service = role === "client" ? details.clientService : details.serverService
  const protocol = protocolOf(row)
  return {
    id: row.id,
    otherIds: span.otherIds,
    kind,
    role,
    point: row.point,
    agent: row.agent,
    host: isClientSide ? details.clientHost : details.serverHost,
    service: kind === "application" && row.appService !== "" ? row.appService : service,
    client: {
      service: details.clientService,
      ip: knownEnd(row.clientIp),
      port: row.clientPort,
      pid: row.clientPid,
      process: details.clientProcess,
    },
    server: {
      service: details.serverService,
      ip: knownEnd(row.serverIp),
      port: row.serverPort,
      pid: row.serverPid,
      process: details.serverProcess,
    },
    startUs: span.startUs,
    endUs: span.endUs,
    durationUs: span.endUs - span.startUs,
    protocol,
    isTls: details.isTls,
    type: row.requestType,
    domain: details.domain,
    resource: details.resource,
    endpoint: row.endpoint,
    name: spanName(row.requestType, row.endpoint, details.resource, protocol),
    status: details.status,
    code: details.code,
    exception: details.exception,
    isAnswered: isAnswered(row),
    requestLength: details.requestLength,
    responseLength: details.responseLength,
    traceId: row.traceId,
    spanId: row.spanId,
    parentSpanId: row.parentSpanId,
    tags: { ...(isClientSide ? details.clientTags : details.serverTags), ...details.attributes },
    parent: span.parent,
    link: span.link,
    depth: span.depth,
    children: span.children,
    selfUs: span.selfUs,
  }
}

const sharesOf = (spans: ReadonlyArray<TraceSpan>): ReadonlyArray<ServiceShare> => {
  const shares = new Map<string, { spans: number; errors: number; selfUs: number }>()
  for (const { selfUs, service, status } of spans) {
    const share = shares.get(service) ?? { spans: 0, errors: 0, selfUs: 0 }
    share.spans++
    share.selfUs += selfUs
    if (errors.has(status)) share.errors++
    shares.set(service, share)
  }
  return [...shares]
    .map(([service, share]) => ({ service, ...share }))
    .toSorted((a, b) => b.selfUs - a.selfUs || a.service.localeCompare(b.service))
}

const traceIdsOf = (spans: ReadonlyArray<TraceSpan>): ReadonlyArray<string> => {
  const counts = new Map<string, number>()
  for (const { traceId } of spans) if (traceId !== "") counts.set(traceId, (counts.get(traceId) ?? 0) + 1)
  return [...counts].toSorted((a, b) => b[1] - a[1] || a[0].localeCompare(b[0])).map(([id]) => id)
}

/** `details`: of every row in `assembled`. */
export const makeTrace = (
  assembled: Assembled,
  details: ReadonlyMap<string, SpanDetails>,
  found: FoundRows,
): Trace => {
  const spans = assembled.spans.map((span) => makeSpan(span, details.get(span.row.id)!))
  const roots = spans.flatMap(({ parent }, at) => (parent === -1 ? [at] : []))
  const hosts = new Map(spans.filter(({ host }) => host !== "").map(({ agent, host }) => [agent, host]))
  const traceIds = traceIdsOf(spans)
  const startUs = spans.reduce((least, span) => Math.min(least, span.startUs), Number.POSITIVE_INFINITY)
  const endUs = spans.reduce((most, span) => Math.max(most, span.endUs), Number.NEGATIVE_INFINITY)
  const isEmpty = spans.length === 0
  const paths = spans.map((span) => ({
    startUs: span.startUs,
    endUs: span.endUs,
    children: span.children,
    isSameCall: span.link !== null && wayReasons.has(span.link.reason),
  }))
  return {
    traceId: traceIds[0] ?? "",
    traceIds,
    asked: assembled.asked,
    startUs: isEmpty ? 0 : startUs,
    endUs: isEmpty ? 0 : endUs,
    durationUs: isEmpty ? 0 : endUs - startUs,
    spans,
    roots,
    services: sharesOf(spans),
    criticalPath: isEmpty ? [] : criticalPath(paths, roots[0]!),
    clocks: assembled.clocks.map((clock) => ({ ...clock, host: hosts.get(clock.agent) ?? "" })),
    limits: [...found.limits, ...assembled.limits],
    search: found.search,
  }
}
