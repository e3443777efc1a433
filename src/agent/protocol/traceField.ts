// One header, property or attribute of a message by name: takes the identity of a trace from the names that tracing systems use.

import type { L7Message } from "../../model/L7Session.ts"
import { isSpanId, readB3, readSw8, readTraceparent, readUber, TraceRank } from "./traceContext.ts"

/** Longest name that `readTraceField` knows: callers need not read longer ones. */
export const maxTraceName = 15
/** Longest value of any of them. */
export const maxTraceValue = 512

/** Reads `name: value` into the message unless a better-ranked source was read before; returns the rank of what it holds now. */
export const readTraceField = (name: string, value: string, message: L7Message, rank: number): number => {
  switch (name.length > maxTraceName ? "" : name.toLowerCase()) {
    case "traceparent":
      return rank <= TraceRank.traceparent && readTraceparent(value, message) ? TraceRank.traceparent : rank
    case "sw8":
      return rank <= TraceRank.sw8 && readSw8(value, message) ? TraceRank.sw8 : rank
    case "b3":
      return rank <= TraceRank.b3 && readB3(value, message) ? TraceRank.b3 : rank
    case "uber-trace-id":
      return rank <= TraceRank.uber && readUber(value, message) ? TraceRank.uber : rank
    case "x-b3-traceid":
      if (rank > TraceRank.b3 || !isSpanId(value)) return rank
      message.traceId = value
      return TraceRank.b3
    case "x-b3-spanid":
      if (rank > TraceRank.b3 || !isSpanId(value)) return rank
      message.spanId = value
      return TraceRank.b3
    case "x-request-id":
      if (message.xRequestId === "") message.xRequestId = value
      return rank
    default:
      return rank
  }
}
