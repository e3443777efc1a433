// An assembled trace in the form of DeepFlow's tracing service: a flat list of spans, parents by position and by ids made for this
// answer, and the services with their share of the time. Names of fields are DeepFlow's.

import { l7ProtocolName } from "../../model/protocol.ts"
import { ResponseStatus } from "../../model/L7Session.ts"
import { SignalSource } from "../../model/observation.ts"
import type { StatusName } from "../requests/status.ts"
import type { AssembledSpan } from "../trace/assemble/assembleTrace.ts"
import type { SpanDetails } from "../trace/SpanDetails.ts"
import { observedPid, type SpanRow, spanKindOf } from "../trace/SpanRow.ts"
import type { LinkReason } from "../trace/Trace.ts"
import type { FoundTrace } from "../trace/traceOf.ts"

const relations: Readonly<Record<LinkReason, string>> = {
  tcp_seq: "network",
  request_id: "network",
  connection: "network",
  causal_id: "syscall",
  parent_span_id: "app",
  span_id: "app",
  trace_id: "app",
  x_request_id: "xrequestid",
}

const statusNumbers: Readonly<Record<StatusName, number>> = {
  ok: ResponseStatus.ok,
  client_error: ResponseStatus.clientError,
  server_error: ResponseStatus.serverError,
  timeout: ResponseStatus.timeout,
  unknown: ResponseStatus.unknown,
}

const programSource = 4

const signalSource = ({ row }: AssembledSpan): number => {
  const kind = spanKindOf(row)
  return kind === "application" ? programSource : kind === "process" ? SignalSource.ebpf : SignalSource.packet
}

/** Service by which spans are told apart; empty for ways of packets, which are nobody's. */
const serviceOf = ({ row }: AssembledSpan, details: SpanDetails | undefined): string => {
  if (row.appService !== "") return row.appService
  if (spanKindOf(row) === "network") return ""
  return (isClientEnd(row) ? details?.clientService : details?.serverService) ?? ""
}

/** It tells of the client's side. */
const isClientEnd = ({ point }: SpanRow): boolean => point === "c-p" || point === "c-app"

const spanIdOf = ({ row }: AssembledSpan, at: number): string =>
  `${row.spanId === "" ? row.id : row.spanId}.${row.point}.${at}`

const numberOr0 = (id: string): string => (id === "" ? "0" : id)

export interface TracingOptions {
  /** Free attributes and tags of each span, as JSON text. */
  readonly hasAttributes: boolean
}

export const tracingAnswer = (
  { assembled: { clocks, spans }, details }: FoundTrace,
  { hasAttributes }: TracingOptions,
): object => {
  const related = spans.map((span): Array<string> => {
    const neighbours = [...(span.parent === -1 ? [] : [span.parent]), ...span.children]
    return neighbours.map((at) => {
      const link = at === span.parent ? span.link! : spans[at]!.link!
      return `${at}-${relations[link.reason]}-${spans[at]!.row.id}`
    })
  })
  const services = new Map<string, { durationUs: number }>()
  const tracing = spans.map((span, at) => {
    const { row } = span
    const known = details.get(row.id)
    const service = serviceOf(span, known)
    if (service !== "") {
      const share = services.get(service) ?? { durationUs: 0 }
      share.durationUs += span.selfUs
      services.set(service, share)
    }
    const isClient = isClientEnd(row)
    return {
      id: at,
      parent_id: span.parent,
      childs: span.children,
      level: span.depth,
      _ids: [row.id, ...span.otherIds],
      related_ids: related[at],
      start_time_us: row.startUs,
      end_time_us: row.endUs,
      render_start_time_us: span.startUs,
      render_end_time_us: span.endUs,
      duration: span.endUs - span.startUs,
      selftime: span.selfUs,
      name: row.endpoint === "" ? (known?.resource ?? "") : row.endpoint,
      signal_source: signalSource(span),
      tap_side: row.point,
      "Enum(tap_side)": row.point,
      observation_point: row.point,
      trace_id: row.traceId,
      span_id: row.spanId,
      parent_span_id: row.parentSpanId,
      deepflow_span_id: spanIdOf(span, at),
      deepflow_parent_span_id: span.parent === -1 ? "" : spanIdOf(spans[span.parent]!, span.parent),
      set_parent_info: span.link === null ? "" : `${span.link.text} (${span.link.confidence})`,
      flow_id: numberOr0(row.flowId),
      l7_protocol: row.l7Protocol,
      l7_protocol_str: l7ProtocolName(row.l7Protocol),
      request_type: row.requestType,
      request_domain: known?.domain ?? "",
      request_resource: known?.resource ?? "",
      request_id: row.requestId === "" ? null : row.requestId,
      endpoint: row.endpoint,
      response_status: statusNumbers[known?.status ?? "unknown"],
      response_code: known?.code ?? null,
      response_exception: known?.exception ?? "",
      process_id: observedPid(row),
      process_kname: (isClient ? known?.clientProcess : known?.serverProcess) ?? "",
      app_service: row.appService,
      app_instance: "",
      auto_service: service,
      auto_instance: (isClient ? known?.clientTags : known?.serverTags)?.auto_instance ?? "",
      ...(service === "" ? {} : { service_uid: service, service_uname: service }),
      ip_0: row.clientIp,
      ip_1: row.serverIp,
      client_port: row.clientPort,
      server_port: row.serverPort,
      x_request_id_0: row.xRequestId0,
      x_request_id_1: row.xRequestId1,
      req_tcp_seq: row.requestTcpSeq,
      resp_tcp_seq: row.responseTcpSeq,
      syscall_trace_id_request: numberOr0(row.causalRequest),
      syscall_trace_id_response: numberOr0(row.causalResponse),
      vtap_id: row.agent,
      agent_id: row.agent,
      ...(hasAttributes
        ? {
            attributes: JSON.stringify({
              ...(isClient ? known?.clientTags : known?.serverTags),
              ...known?.attributes,
            }),
          }
        : {}),
    }
  })
  const wholeUs = [...services.values()].reduce((sum, { durationUs }) => sum + durationUs, 0)
  return {
    services: [...services]
      .toSorted(([, a], [, b]) => b.durationUs - a.durationUs)
      .map(([name, { durationUs }]) => ({
        service_uid: name,
        service_uname: name,
        duration: durationUs,
        duration_ratio: wholeUs === 0 ? "0.00" : ((durationUs / wholeUs) * 100).toFixed(2),
      })),
    tracing,
    host_clock_correction: Object.fromEntries(clocks.map(({ agent, offsetUs }) => [agent, offsetUs])),
  }
}
