// What the API answers about traces, as the querier declares it: types only, nothing of it is loaded.

export type {
  ClockCorrection,
  Confidence,
  CriticalPart,
  Link as SpanLink,
  LinkReason,
  ReachedLimit,
  ServiceShare,
  SpanKind,
  SpanSide,
  Trace,
  TraceList,
  TraceSpan,
  TraceSummary,
} from "../../../src/querier/trace/Trace.ts"
export type { TraceEvents, TraceFileCall } from "../../../src/querier/events/traceEvents.ts"
export type { DurationCell, DurationHeatmap } from "../../../src/querier/trace/list/traceDurations.ts"
