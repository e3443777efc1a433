// An assembled trace: what one request set going, as a tree of the spans that were seen of it. This is what every answer about a
// trace is made from: the console, `sonde trace`, DeepFlow's, Tempo's and Jaeger's APIs, OTLP. Each link says why it is there; a
// span whose parent is not known is a root of its own: rather an orphan than a wrong parent.
// Times are microseconds since 1970, lengths are microseconds. A span is named by its position in `spans`.

import type { StatusName } from "../requests/status.ts"

/** application: the program told of it itself; process: a system call of a client or server; network: packets on the way. */
export type SpanKind = "application" | "process" | "network"

/** Whose work it is: a server answers, a client asks, `internal` is neither, `way` is a request on its way between them. */
export type SpanRole = "client" | "server" | "internal" | "way"

/** Why a span is the child of another. */
export type LinkReason =
  /** The program names the parent: same trace id, `parent_span_id` of the child is `span_id` of the parent. */
  | "parent_span_id"
  /** One call carries one span id: both ends, or the program's span and the system call it made, have the same. */
  | "span_id"
  /** The same bytes of the same connection, by their TCP sequence numbers. */
  | "tcp_seq"
  /** The same message between the same ends, by its id on the wire, where no sequence numbers tell (datagrams, TLS). */
  | "request_id"
  /** The same request on the same connection at the same time, where neither sequence numbers nor ids tell. */
  | "connection"
  /** The agent followed the server's work in the process to this call. */
  | "causal_id"
  /** A proxy handed the request on with the same X-Request-ID. */
  | "x_request_id"
  /** The only work in this process that carries the trace id at that time. */
  | "trace_id"

/**
 * certain: it could not be otherwise (ids made to be unique, the same bytes); strong: it follows from how the process ran;
 * likely: the best of several signs.
 */
export type Confidence = "certain" | "strong" | "likely"

export interface Link {
  readonly reason: LinkReason
  readonly confidence: Confidence
  /** For people: "same TCP sequence on both ends", "same causal id 77 in process shop (4711)". */
  readonly text: string
}

/** One end of the call, as far as it is known; numbers are 0 and texts empty where not. */
export interface SpanSide {
  readonly service: string
  readonly ip: string
  readonly port: number
  readonly pid: number
  /** Name of the process in the kernel. */
  readonly process: string
}

export interface TraceSpan {
  /** Row of `flow_log.l7_flow_log`, 64 bits in decimal. */
  readonly id: string
  /** Rows that tell of the same thing and went into this span: a response stored apart from its request. Most have none. */
  readonly otherIds: ReadonlyArray<string>
  readonly kind: SpanKind
  readonly role: SpanRole
  /** Observation point: c-p, s-p, c, c-nd, s-nd, s, local, rest, c-app, s-app, app. */
  readonly point: string
  /** Agent that saw it, and the name of its host where it is known. */
  readonly agent: number
  readonly host: string
  /** Whose span it is: the service of the side that was observed; of a network span the server's. */
  readonly service: string
  readonly client: SpanSide
  readonly server: SpanSide
  /** By the corrected clock: `clocks` has what was added to the host's own. */
  readonly startUs: number
  readonly endUs: number
  readonly durationUs: number
  readonly protocol: string
  readonly isTls: boolean
  /** Method or command, host asked for, what was asked for in full, and that without its variable parts. */
  readonly type: string
  readonly domain: string
  readonly resource: string
  readonly endpoint: string
  /** What a line of the waterfall says: "GET /orders", "SELECT orders". Never empty. */
  readonly name: string
  readonly status: StatusName
  /** Status code of the protocol; null: it has none. */
  readonly code: number | null
  readonly exception: string
  /** false: no response was seen, so that `endUs` is not the end of the work. */
  readonly isAnswered: boolean
  readonly requestLength: number | null
  readonly responseLength: number | null
  /** As the messages carry them; empty: none. */
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId: string
  /** Tags of the observed side that are set (pod, node, namespace, workload, ...) and the row's free attributes. */
  readonly tags: Readonly<Record<string, string>>
  /** Parent in `spans`, always an earlier one; -1: a root. */
  readonly parent: number
  /** Null exactly for roots. */
  readonly link: Link | null
  /** 0 for roots. */
  readonly depth: number
  /** Children in `spans`, by start. */
  readonly children: ReadonlyArray<number>
  /** Part of the duration in which no child was going on. */
  readonly selfUs: number
}

/** Part of the time in which the trace waited for this span and for none of its children. */
export interface CriticalPart {
  readonly span: number
  readonly startUs: number
  readonly endUs: number
}

/** How the clock of an agent's host was moved so that no effect comes before its cause. */
export interface ClockCorrection {
  readonly agent: number
  readonly host: string
  /** Added to its times. */
  readonly offsetUs: number
  /** Offsets between these two would fit as well: the estimate is their middle. Null: nothing bounds that end. */
  readonly lowUs: number | null
  readonly highUs: number | null
  /** Links between hosts that tell of it; 0: none, its clock was taken as it is. */
  readonly links: number
  /** No offset fits every link: its clock jumped, or a link is wrong. */
  readonly isContradicted: boolean
}

/** What the search or the assembly was bounded by, so that the trace may be larger than what is shown. */
export type LimitName =
  /** Rounds of the search; spans; milliseconds of searching. */
  | "rounds"
  | "spans"
  | "time"
  /** Microseconds before and after the first span in which spans were looked for. */
  | "range"
  /** Rows that one id led to: an id shared by so many ties nothing together and was not followed. */
  | "shared_id"
  /** Trace ids that messages carried beside the first. */
  | "trace_ids"
  /** Spans that share an id with the trace but that no link leads to; they are not shown. */
  | "unlinked"

export interface ReachedLimit {
  readonly name: LimitName
  readonly limit: number
  /** For people: "X-Request-ID abc is in more than 200 rows: not followed". */
  readonly text: string
}

/** What a service did of the whole. */
export interface ServiceShare {
  readonly service: string
  readonly spans: number
  readonly errors: number
  /** Its spans' time without that of their children. */
  readonly selfUs: number
}

export interface TraceSearch {
  readonly rounds: number
  readonly questions: number
  readonly rows: number
  readonly milliseconds: number
}

export interface Trace {
  /** Trace id that most of its spans carry; empty: they carry none. */
  readonly traceId: string
  /** All of them, most frequent first. */
  readonly traceIds: ReadonlyArray<string>
  /** The span that was asked for in `spans`; -1 when a trace id was asked for. */
  readonly asked: number
  readonly startUs: number
  readonly endUs: number
  readonly durationUs: number
  /** Depth first, children by start: a parent comes before its children. */
  readonly spans: ReadonlyArray<TraceSpan>
  /** Roots in `spans`, by start. More than one: spans of the same trace whose parents were not seen. */
  readonly roots: ReadonlyArray<number>
  readonly services: ReadonlyArray<ServiceShare>
  /** From the first root's start to its end without gaps; empty for an empty trace. */
  readonly criticalPath: ReadonlyArray<CriticalPart>
  readonly clocks: ReadonlyArray<ClockCorrection>
  readonly limits: ReadonlyArray<ReachedLimit>
  readonly search: TraceSearch
}

/** One line of a list of traces: the span by which it was found. */
export interface TraceSummary {
  /** Row of the span that was found: `/api/v1/traces/ID` makes the whole trace of it. */
  readonly id: string
  readonly traceId: string
  readonly service: string
  readonly client: string
  readonly name: string
  readonly protocol: string
  readonly startUs: number
  readonly durationUs: number
  readonly status: StatusName
  readonly code: number | null
}

export interface TraceList {
  readonly traces: ReadonlyArray<TraceSummary>
  /** Cursor for `before`; null at the end. */
  readonly next: string | null
}
