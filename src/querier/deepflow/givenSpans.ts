// Spans that another system knows and asks about: they take part in the assembly like stored ones.

import type { SpanRow } from "../trace/SpanRow.ts"

const mostSpans = 1_000
const maxIdLength = 128

const points: ReadonlyArray<string> = ["app", "app", "s-app", "c-app", "c-app", "s-app"]

const text = (span: object, name: string): string | undefined => {
  const value: unknown = Reflect.get(span, name)
  return value === undefined || value === null
    ? ""
    : typeof value === "string" && value.length <= maxIdLength
      ? value
      : undefined
}

const time = (span: object, name: string): number => Number(Reflect.get(span, name))

/** Rows with ids that no stored row has; or what is wrong with them. */
export const givenSpans = (value: unknown): ReadonlyArray<SpanRow> | string => {
  if (!Array.isArray(value) || value.length === 0)
    return "app_spans: expected a list of at least one span of a program"
  if (value.length > mostSpans) return `app_spans: more than ${mostSpans} spans`
  const rows: Array<SpanRow> = []
  for (const [at, span] of value.entries()) {
    if (span === null || typeof span !== "object") return `app_spans[${at}] is not an object`
    const [traceId, spanId, parentSpanId] = ["trace_id", "span_id", "parent_span_id"].map((name) =>
      text(span, name),
    )
    const [startUs, endUs] = [time(span, "start_time_us"), time(span, "end_time_us")]
    const kind = Number(Reflect.get(span, "span_kind") ?? 0)
    if (
      traceId === undefined ||
      spanId === undefined ||
      parentSpanId === undefined ||
      traceId === "" ||
      spanId === ""
    )
      return `app_spans[${at}]: trace_id, span_id (and parent_span_id where there is one) are texts of at most ${maxIdLength} characters`
    if (!Number.isSafeInteger(startUs) || !Number.isSafeInteger(endUs) || startUs <= 0 || endUs < startUs)
      return `app_spans[${at}]: start_time_us and end_time_us are microseconds since 1970`
    const point = points[kind]
    if (point === undefined) return `app_spans[${at}]: span_kind is 0 to 5, as OpenTelemetry numbers them`
    rows.push({
      id: `given-${at}`,
      second: Math.floor(startUs / 1e6),
      agent: 0,
      point,
      type: 2,
      l7Protocol: 0,
      transport: 0,
      startUs,
      endUs,
      flowId: "",
      clientIp: "",
      serverIp: "",
      clientPort: 0,
      serverPort: 0,
      clientPid: 0,
      serverPid: 0,
      requestTcpSeq: 0,
      responseTcpSeq: 0,
      requestId: "",
      causalRequest: "",
      causalResponse: "",
      xRequestId0: "",
      xRequestId1: "",
      traceId,
      spanId,
      parentSpanId,
      programKind: kind,
      appService: "",
      requestType: "",
      endpoint: "",
    })
  }
  return rows
}
