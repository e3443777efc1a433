// How far a trace is followed. Whatever ids tie together, a search ends: by rounds, spans and time, and an id that leads to more rows
// than one request can cause is no id of a request.

export interface TraceLimits {
  /** Each round finds what the spans of the one before lead to: about half a level of calls. */
  readonly rounds: number
  readonly spans: number
  readonly milliseconds: number
  /** Rows that one X-Request-ID may lead to. */
  readonly rowsOfXRequestId: number
  /** Trace ids that are followed: a gateway may begin a trace of its own, a loop may not. */
  readonly traceIds: number
  /** X-Request-IDs that are followed. */
  readonly xRequestIds: number
  /** What was under way at the same time is looked at first, where ids lead on only from call to call. */
  readonly around: {
    /** Each for the time that the one before made it longer. */
    readonly times: number
    readonly rows: number
    /** Of a trace that is longer the rows are too many. */
    readonly microseconds: number
    /** Before and after it: clocks of two hosts. */
    readonly marginUs: number
  }
  /** How long before and after its known spans parts of a trace are looked for, seconds. */
  readonly rangeSeconds: number
}

export const traceLimits: TraceLimits = {
  rounds: 32,
  spans: 2_000,
  milliseconds: 5_000,
  rowsOfXRequestId: 1_000,
  traceIds: 8,
  xRequestIds: 8,
  around: { times: 3, rows: 5_000, microseconds: 5_000_000, marginUs: 10_000 },
  rangeSeconds: 3_600,
}

/** What may be asked for instead. */
export const mostRounds = 64
export const mostSpans = 10_000
