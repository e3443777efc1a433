// A span as a program told of it, whatever it speaks (OTLP, SkyWalking): what the readers make and rows are made from.

import type { SpanKind } from "../../model/observation.ts"

export type Attributes = ReadonlyMap<string, string>

export interface SpanEvent {
  readonly name: string
  /** Microseconds since 1970. */
  readonly timeUs: number
  readonly attributes: Attributes
}

export interface ProgramSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty: it is the first of its trace. */
  readonly parentSpanId: string
  readonly name: string
  readonly kind: SpanKind
  /** Microseconds since 1970. */
  readonly startUs: number
  readonly endUs: number
  readonly isError: boolean
  /** What the program says of the error. */
  readonly statusText: string
  readonly attributes: Attributes
  readonly events: ReadonlyArray<SpanEvent>
}

/** Spans of one program, as it describes itself (`service.name`, `k8s.pod.name` ...). */
export interface ProgramSpans {
  readonly resource: Attributes
  readonly spans: ReadonlyArray<ProgramSpan>
}

/** What a request holds; undefined in its place: it is not what it says it is. */
export interface ReadSpans {
  readonly programs: ReadonlyArray<ProgramSpans>
  /** Spans without ids or with ids of another form: they are in no trace. */
  readonly rejected: number
}

const hexId = /^[0-9a-f]+$/
const zeros = /^0*$/

/** Both ids are of the form that W3C's Trace Context gives them, as lower-case hexadecimal digits. */
export const areIds = (traceId: string, spanId: string): boolean =>
  traceId.length === 32 &&
  spanId.length === 16 &&
  hexId.test(traceId) &&
  hexId.test(spanId) &&
  !zeros.test(traceId) &&
  !zeros.test(spanId)

/** An id of a parent, or none. */
export const parentId = (id: string): string =>
  id.length === 16 && hexId.test(id) && !zeros.test(id) ? id : ""

export const spanKind = (kind: number): SpanKind => (kind >= 1 && kind <= 5 ? (kind as SpanKind) : 1)
